//! What a metric is called, what it counts, and in which unit.
use std::borrow::Cow;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows; its samples end with `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Nobody has said which of the two.
    Unknown,
}

/// A metric family: all samples of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    /// Name, without the `_total` of counters.
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: Kind,
    pub(crate) help: Cow<'static, str>,
}

impl Family {
    /// A counter; `name` is given without `_total`.
    pub(crate) fn counter(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Family { name: name.into(), kind: Kind::Counter, help: help.into() }
    }

    /// A gauge.
    pub(crate) fn gauge(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Family { name: name.into(), kind: Kind::Gauge, help: help.into() }
    }

    /// A figure of which nobody has said how it behaves.
    pub(crate) fn unknown(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Family { name: name.into(), kind: Kind::Unknown, help: help.into() }
    }

    /// The name that its samples have.
    pub(crate) fn sample_name(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Gauge | Kind::Unknown => self.name.to_string(),
        }
    }

    /// The unit, which OpenMetrics wants to hear apart: the end of the name, where that is a base unit.
    pub(crate) fn unit(&self) -> Option<&'static str> {
        let ends = |unit: &&&str| {
            self.name.strip_suffix(**unit).is_some_and(|rest| rest.ends_with('_') && rest.len() > 1)
        };
        (self.kind != Kind::Unknown).then(|| ["seconds", "bytes", "ratio"].iter().find(ends).copied())?
    }
}

/// A text as the name of a metric or a part of it: what is no letter, digit or `_` becomes `_`.
pub(crate) fn name_part(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_end_of_the_name() {
        let unit = |name: &'static str| Family::gauge(name, "").unit();
        assert_eq!(unit("sfu_jitter_seconds"), Some("seconds"));
        assert_eq!(unit("sfu_sent_bytes"), Some("bytes"));
        assert_eq!((unit("sfu_seconds_left"), unit("sfu_megabytes"), unit("_bytes")), (None, None, None));
        assert_eq!(Family::unknown("sfu_plugin_recorder_bytes", "").unit(), None);
    }
}
