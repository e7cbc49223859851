//! The text of all metrics: grouped by family, bounded in number.
use std::collections::BTreeMap;
use std::fmt::Write;

use crate::family::{Family, Kind};
use crate::format::Format;
use crate::labels::LabelText;

/// The value of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Whole(u64),
    Negative(i64),
    Fraction(f64),
}

impl Value {
    /// Whether it is less than zero, or no number.
    pub(crate) fn is_negative(&self) -> bool {
        match self {
            Value::Whole(_) => false,
            Value::Negative(n) => *n < 0,
            Value::Fraction(n) => n.is_nan() || *n < 0.0,
        }
    }
}

macro_rules! whole {
    ($($t:ty),*) => {$( impl From<$t> for Value { fn from(n: $t) -> Self { Value::Whole(n as u64) } } )*};
}
whole!(u8, u16, u32, u64, usize, bool);

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Value::Fraction(n)
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Whole(n) => write!(f, "{n}"),
            Value::Negative(n) => write!(f, "{n}"),
            Value::Fraction(n) if n.is_nan() => f.write_str("NaN"),
            Value::Fraction(n) if n.is_infinite() => f.write_str(if *n > 0.0 { "+Inf" } else { "-Inf" }),
            Value::Fraction(n) => write!(f, "{n}"),
        }
    }
}

/// All samples of one entity: they are shown together or left out together.
#[derive(Debug)]
pub(crate) struct Entity {
    labels: LabelText,
    samples: Vec<(Family, LabelText, Value)>,
}

impl Entity {
    /// An entity whose samples have these labels.
    pub(crate) fn new(labels: LabelText) -> Self {
        Entity { labels, samples: Vec::new() }
    }

    /// Adds a sample.
    pub(crate) fn put(&mut self, family: Family, value: impl Into<Value>) {
        self.samples.push((family, self.labels.clone(), value.into()));
    }

    /// Adds a sample, where there is a value.
    pub(crate) fn put_some(&mut self, family: Family, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(family, value);
        }
    }

    /// Adds a sample with one label more.
    pub(crate) fn put_with(&mut self, family: Family, label: (&str, &str), value: impl Into<Value>) {
        self.samples.push((family, self.labels.clone().with(label.0, label.1), value.into()));
    }
}

/// The samples of one family.
struct Collected {
    family: Family,
    /// Each with its line feed.
    samples: String,
}

/// All metrics of one collection.
pub(crate) struct Exposition {
    families: BTreeMap<String, Collected>,
    room: usize,
    series: usize,
    left_out: usize,
}

impl Exposition {
    /// Room for so many series.
    pub(crate) fn new(max_series: usize) -> Self {
        Exposition { families: BTreeMap::new(), room: max_series, series: 0, left_out: 0 }
    }

    /// Takes an entity, if there is room for all of it.
    pub(crate) fn add(&mut self, entity: Entity) {
        let count = entity.samples.len();
        if count > self.room - self.series {
            self.left_out += count;
            return;
        }
        self.series += count;
        self.write(entity);
    }

    fn write(&mut self, entity: Entity) {
        for (family, labels, value) in entity.samples {
            let name = family.sample_name();
            let collected = self
                .families
                .entry(family.name.to_string())
                .or_insert_with(|| Collected { family, samples: String::new() });
            // Writing into a string can't fail.
            let _ = match labels.as_str() {
                "" => writeln!(collected.samples, "{name} {value}"),
                labels => writeln!(collected.samples, "{name}{{{labels}}} {value}"),
            };
        }
    }

    /// The end: how much there was is added, whatever the room.
    pub(crate) fn finish(mut self) -> Finished {
        let mut own = Entity::new(LabelText::new());
        own.put(
            Family::gauge("sfu_metrics_series", "Series that are shown, but for these two."),
            self.series,
        );
        own.put(
            Family::gauge("sfu_metrics_series_left_out", "Series that are left out because of `max_series`."),
            self.left_out,
        );
        self.write(own);
        Finished { families: self.families.into_values().collect() }
    }
}

/// All metrics, ready to be written.
pub(crate) struct Finished {
    families: Vec<Collected>,
}

impl Finished {
    /// The text in one of the formats.
    pub(crate) fn text(&self, format: Format) -> String {
        let size = self.families.iter().map(|collected| collected.samples.len() + 256).sum();
        let mut out = String::with_capacity(size);
        for Collected { family, samples } in &self.families {
            let name = match format {
                Format::Prometheus => family.sample_name(),
                Format::OpenMetrics => family.name.to_string(),
            };
            let kind = match (family.kind, format) {
                (Kind::Counter, _) => "counter",
                (Kind::Gauge, _) => "gauge",
                (Kind::Unknown, Format::Prometheus) => "untyped",
                (Kind::Unknown, Format::OpenMetrics) => "unknown",
            };
            // Writing into a string can't fail.
            let _ = writeln!(out, "# TYPE {name} {kind}");
            if let (Format::OpenMetrics, Some(unit)) = (format, family.unit()) {
                let _ = writeln!(out, "# UNIT {name} {unit}");
            }
            let _ = write!(out, "# HELP {name} ");
            escape_help(&family.help, format, &mut out);
            out.push('\n');
            out.push_str(samples);
        }
        if format == Format::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out
    }
}

/// Writes a help text. OpenMetrics escapes quotes in it, too.
fn escape_help(text: &str, format: Format, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if format == Format::OpenMetrics => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(number: usize, samples: usize) -> Entity {
        let mut entity = Entity::new(LabelText::new().with("n", number));
        for sample in 0..samples {
            entity.put(Family::gauge(format!("sfu_{sample}"), "A figure."), sample);
        }
        entity
    }

    #[test]
    fn what_finds_no_room_is_left_out_whole_and_counted() {
        let mut exposition = Exposition::new(10);
        for number in 0..4 {
            exposition.add(entity(number, 3));
        }
        let text = exposition.finish().text(Format::Prometheus);
        assert!(text.contains("sfu_2{n=\"2\"} 2\n") && !text.contains("{n=\"3\"}"), "{text}");
        assert!(text.contains("\nsfu_metrics_series 9\n"), "{text}");
        assert!(text.contains("\nsfu_metrics_series_left_out 3\n"), "{text}");
    }

    #[test]
    fn the_two_formats_say_counters_and_the_end_each_in_its_way() {
        let mut exposition = Exposition::new(10);
        let mut entity = Entity::new(LabelText::new());
        entity.put(Family::counter("sfu_sent_bytes", "Bytes \"sent\"\\\n."), 5_u64);
        entity.put(Family::unknown("sfu_plugin_x", "X."), -0.5);
        exposition.add(entity);
        let finished = exposition.finish();
        let plain = finished.text(Format::Prometheus);
        assert!(
            plain.contains(
                "# TYPE sfu_sent_bytes_total counter\n# HELP sfu_sent_bytes_total Bytes \"sent\"\\\\\\n.\n\
                 sfu_sent_bytes_total 5\n"
            ),
            "{plain}"
        );
        assert!(plain.contains("# TYPE sfu_plugin_x untyped\n") && !plain.contains("EOF"), "{plain}");
        let open = finished.text(Format::OpenMetrics);
        assert!(
            open.contains(
                "# TYPE sfu_sent_bytes counter\n# UNIT sfu_sent_bytes bytes\n\
                 # HELP sfu_sent_bytes Bytes \\\"sent\\\"\\\\\\n.\nsfu_sent_bytes_total 5\n"
            ),
            "{open}"
        );
        assert!(open.contains("# TYPE sfu_plugin_x unknown\n") && open.ends_with("\n# EOF\n"), "{open}");
    }

    #[test]
    fn numbers_are_written_as_both_formats_read_them() {
        let text = |value: f64| Value::from(value).to_string();
        assert_eq!([text(0.5), text(-0.25), text(3.0)], ["0.5", "-0.25", "3"]);
        assert_eq!([text(f64::NAN), text(f64::INFINITY), text(f64::NEG_INFINITY)], ["NaN", "+Inf", "-Inf"]);
        assert_eq!(Value::from(u64::MAX).to_string(), "18446744073709551615");
        assert_eq!(Value::Negative(-7).to_string(), "-7");
    }
}
