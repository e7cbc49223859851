//! A strict reader of both text formats.
#![allow(dead_code, reason = "each test file uses its part")]
use std::collections::{BTreeMap, BTreeSet};

/// Labels of a series, by name.
pub type Labels = BTreeMap<String, String>;

/// A text that was read.
#[derive(Debug, Default, PartialEq)]
pub struct Exposition {
    /// Kinds by family.
    pub kinds: BTreeMap<String, String>,
    /// Help texts by family.
    pub help: BTreeMap<String, String>,
    /// Values by the name of the sample and its labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

impl Exposition {
    /// Names of all samples.
    pub fn names(&self) -> BTreeSet<&str> {
        self.samples.keys().map(|(name, _)| name.as_str()).collect()
    }

    /// The sum of all series of a name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |all: &Labels| {
            labels.iter().all(|(name, value)| all.get(*name).map(String::as_str) == Some(*value))
        };
        let of_name = self.samples.iter().filter(|((other, labels), _)| other == name && has(labels));
        let mut any = false;
        let sum = of_name.inspect(|_| any = true).map(|(_, value)| value).sum();
        assert!(any, "no series {name} {labels:?}");
        sum
    }

    /// Counters that are smaller here than in `before`, where both have them.
    pub fn fallen(&self, before: &Exposition) -> Vec<(String, Labels)> {
        let counters = before.samples.iter().filter(|((name, _), _)| name.ends_with("_total"));
        let fallen = counters.filter(|(key, value)| self.samples.get(*key).is_some_and(|now| now < *value));
        fallen.map(|(key, _)| key.clone()).collect()
    }
}

/// Reads a text; the error names the line. Whatever is allowed, but we never write, is an error, too.
pub fn read(text: &str, open_metrics: bool) -> Result<Exposition, String> {
    let mut found = Exposition::default();
    let mut family: Option<String> = None;
    let Some(body) = text.strip_suffix('\n') else { return Err("no line feed at the end".to_owned()) };
    let mut lines: Vec<&str> = body.split('\n').collect();
    if open_metrics && lines.pop() != Some("# EOF") {
        return Err("no `# EOF` at the end".to_owned());
    }
    for line in lines {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else { return wrong("no kind") };
            let kinds: &[&str] = if open_metrics {
                &["counter", "gauge", "unknown"]
            } else {
                &["counter", "gauge", "untyped"]
            };
            if !is_name(name) || !kinds.contains(&kind) {
                return wrong("no name or kind");
            }
            if open_metrics == name.ends_with("_total") && kind == "counter" {
                return wrong("`_total` is a part of the name in one format, and not in the other");
            }
            if found.kinds.insert(name.to_owned(), kind.to_owned()).is_some() {
                return wrong("a family twice");
            }
            family = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else { return wrong("no help") };
            if family.as_deref() != Some(name) || help.is_empty() {
                return wrong("help of another family");
            }
            if found.help.insert(name.to_owned(), unescape(help, open_metrics)?).is_some() {
                return wrong("help twice");
            }
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let Some((name, unit)) = rest.split_once(' ') else { return wrong("no unit") };
            if !open_metrics || family.as_deref() != Some(name) || !name.ends_with(&format!("_{unit}")) {
                return wrong("a unit that the name does not end with");
            }
        } else if line.starts_with('#') || line.is_empty() {
            return wrong("no line of these formats");
        } else {
            let (name, labels, value) = sample(line)?;
            let Some(family) = &family else { return wrong("a sample before its family") };
            let kind = &found.kinds[family];
            let expected =
                if open_metrics && kind == "counter" { format!("{family}_total") } else { family.clone() };
            if name != expected || !found.help.contains_key(family) {
                return wrong("a sample of another family, or without help");
            }
            if kind == "counter" && (value < 0.0 || value.is_nan()) {
                return wrong("a counter below zero");
            }
            if found.samples.insert((name, labels), value).is_some() {
                return wrong("a series twice");
            }
        }
    }
    Ok(found)
}

fn sample(line: &str) -> Result<(String, Labels, f64), String> {
    let wrong = |what: &str| format!("{what}: {line}");
    let end = line.find(['{', ' ']).ok_or_else(|| wrong("no value"))?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err(wrong("no name"));
    }
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or_else(|| wrong("no label"))?;
            if !is_name(label) || label.contains(':') {
                return Err(wrong("no name of a label"));
            }
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next() {
                    Some((at, '"')) => break at,
                    Some((_, '\\')) => match chars.next() {
                        Some((_, '\\')) => value.push('\\'),
                        Some((_, '"')) => value.push('"'),
                        Some((_, 'n')) => value.push('\n'),
                        _ => return Err(wrong("an unknown escape")),
                    },
                    Some((_, c)) => value.push(c),
                    None => return Err(wrong("a value without end")),
                }
            };
            if value.is_empty() || labels.insert(label.to_owned(), value).is_some() {
                return Err(wrong("an empty label, or one twice"));
            }
            rest = after.get(end + 1..).unwrap_or_default();
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = rest.strip_prefix(',').ok_or_else(|| wrong("no comma between labels"))?;
        }
    }
    let value = rest.strip_prefix(' ').ok_or_else(|| wrong("no value"))?;
    let value = match value {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            number.parse().map_err(|_| wrong("no number"))?
        }
        _ => return Err(wrong("no number")),
    };
    Ok((name.to_owned(), labels, value))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn unescape(text: &str, open_metrics: bool) -> Result<String, String> {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\\') => out.push('\\'),
                Some('n') => out.push('\n'),
                Some('"') if open_metrics => out.push('"'),
                _ => return Err(format!("an unknown escape in the help: {text}")),
            },
            '"' if open_metrics => return Err(format!("a quote in the help: {text}")),
            c => out.push(c),
        }
    }
    Ok(out)
}
