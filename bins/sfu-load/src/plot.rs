//! Plots as SVG, without anything from elsewhere.
use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
/// Room for the scale on the left, and below.
const LEFT: f64 = 70.0;
const BELOW: f64 = 40.0;
/// Room for the legend above, and on the right.
const ABOVE: f64 = 24.0;
const RIGHT: f64 = 16.0;
/// One for each line, told apart by those who see no colours, too.
const COLOURS: [&str; 3] = ["#1f6feb", "#d2691e", "#6b7280"];

/// A scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal ratios.
    Logarithmic,
}

/// A line with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: &'static str,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Lines over a common scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What is seen.
    pub title: &'static str,
    /// What is to the right.
    pub right: &'static str,
    /// What is up.
    pub up: &'static str,
    /// How the right is divided.
    pub scale: Scale,
    /// What is drawn; lines without points are left out.
    pub lines: Vec<Line>,
}

impl Plot {
    /// The picture, or nothing where there is nothing to draw.
    pub fn svg(&self) -> Option<String> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let (left, right) =
            (minimum(points().map(|p| self.place(p.0)))?, maximum(points().map(|p| self.place(p.0)))?);
        let top = maximum(points().map(|p| p.1))?.max(f64::MIN_POSITIVE) * 1.05;
        let width = (right - left).max(f64::MIN_POSITIVE);
        let x = |value: f64| LEFT + (self.place(value) - left) / width * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BELOW - value / top * (HEIGHT - ABOVE - BELOW);
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">",
            self.title
        );
        // Written to a text: can't fail.
        for step in 0..=4 {
            let value = top * f64::from(step) / 4.0;
            let at = y(value);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
                short(value)
            );
            let place = left + width * f64::from(step) / 4.0;
            let value = if self.scale == Scale::Logarithmic { 10_f64.powf(place) } else { place };
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x(value),
                HEIGHT - BELOW + 16.0,
                short(value)
            );
        }
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text><text x=\"4\" y=\"14\">{}</text>",
            (LEFT + WIDTH) / 2.0,
            HEIGHT - 6.0,
            self.right,
            self.up
        );
        let drawn = self.lines.iter().filter(|line| !line.points.is_empty());
        for ((number, line), colour) in drawn.enumerate().zip(COLOURS) {
            let mut path = String::new();
            for (index, (right, up)) in line.points.iter().enumerate() {
                let _ = write!(path, "{}{:.1} {:.1}", if index == 0 { 'M' } else { 'L' }, x(*right), y(*up));
            }
            let dashes = if number == 0 { "" } else { " stroke-dasharray=\"6 3\"" };
            let place = WIDTH - RIGHT - 130.0 * (number as f64);
            let _ = write!(
                out,
                "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes} d=\"{path}\"/>\
                 <text x=\"{place}\" y=\"14\" text-anchor=\"end\" style=\"fill:{colour}\">{}</text>",
                line.name
            );
        }
        out.push_str("</svg>");
        Some(out)
    }

    fn place(&self, value: f64) -> f64 {
        if self.scale == Scale::Logarithmic { value.max(1e-3).log10() } else { value }
    }
}

fn minimum(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.filter(|value| value.is_finite()).reduce(f64::min)
}

fn maximum(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.filter(|value| value.is_finite()).reduce(f64::max)
}

/// A number as short as one can read it.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        large if large >= 1e6 => format!("{:.1}M", value / 1e6),
        large if large >= 1e4 => format!("{:.0}k", value / 1e3),
        large if large >= 100.0 => format!("{value:.0}"),
        large if large >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        let lines = vec![Line { name: "one", points }, Line { name: "empty", points: Vec::new() }];
        Plot { title: "a title", right: "s", up: "n", scale: Scale::Linear, lines }
    }

    #[test]
    fn a_line_lies_inside_its_picture() {
        let svg = plot(vec![(0.0, 0.0), (1.0, 5.0), (2.0, 10.0)]).svg().unwrap();
        let path = svg.split(" d=\"M").last().unwrap().split('"').next().unwrap();
        let numbers: Vec<f64> = path.split([' ', 'L']).map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 6);
        assert!(numbers.iter().step_by(2).all(|x| (LEFT..=WIDTH - RIGHT).contains(x)), "{path}");
        assert!(numbers.iter().skip(1).step_by(2).all(|y| (0.0..=HEIGHT - BELOW).contains(y)), "{path}");
        assert!(!svg.contains("empty"));
    }

    #[test]
    fn nothing_to_draw_is_no_picture_and_one_point_is_no_error() {
        assert_eq!(plot(Vec::new()).svg(), None);
        let svg = plot(vec![(1.0, 0.0)]).svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
