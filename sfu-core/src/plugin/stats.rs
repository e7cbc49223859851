//! Figures of a plugin.
use serde_json::{Map, Number, Value};

/// Where a plugin puts its figures; each says how those of several media threads become one.
///
/// Serialised as `{"packets": {"sum": 5}, "peak": {"max": 3}, "queue": {"per_worker": {"0": 7}}}`.
#[derive(Debug, Default)]
pub struct Stats {
    worker: u8,
    figures: Map<String, Value>,
}

/// A figure: a whole number or a fraction.
pub trait Figure {
    /// As JSON; what JSON can't say (NaN, infinity) is 0.
    fn number(self) -> Number;
}

macro_rules! figures {
    ($($t:ty),*) => {$( impl Figure for $t { fn number(self) -> Number { self.into() } } )*};
}
figures!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl Figure for f64 {
    fn number(self) -> Number {
        Number::from_f64(self).unwrap_or_else(|| 0.into())
    }
}

impl Figure for f32 {
    fn number(self) -> Number {
        f64::from(self).number()
    }
}

impl Stats {
    pub(crate) fn new(worker: u8) -> Self {
        Stats { worker, figures: Map::new() }
    }

    /// A figure that adds up over media threads: a counter, a number of things.
    pub fn put_sum(&mut self, name: impl Into<String>, value: impl Figure) {
        self.put(name, "sum", value.number().into());
    }

    /// A figure of which the greatest counts: a peak, an age.
    pub fn put_max(&mut self, name: impl Into<String>, value: impl Figure) {
        self.put(name, "max", value.number().into());
    }

    /// A figure that is shown for each media thread.
    pub fn put_per_worker(&mut self, name: impl Into<String>, value: impl Figure) {
        let one = Map::from_iter([(self.worker.to_string(), value.number().into())]);
        self.put(name, "per_worker", one.into());
    }

    fn put(&mut self, name: impl Into<String>, kind: &str, value: Value) {
        self.figures.insert(name.into(), Map::from_iter([(kind.to_owned(), value)]).into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.figures.is_empty()
    }

    pub(crate) fn into_value(self) -> Value {
        self.figures.into()
    }
}

/// Merges one plugin's figures of two media threads, each figure by its kind.
pub(crate) fn merge_figures(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { return };
    for (name, figure) in from {
        match into.get_mut(&name) {
            Some(Value::Object(known)) => merge_figure(known, figure),
            _ => {
                into.insert(name, figure);
            }
        }
    }
}

fn merge_figure(known: &mut Map<String, Value>, figure: Value) {
    let Value::Object(figure) = figure else { return };
    for (kind, value) in figure {
        match (kind.as_str(), known.get_mut(&kind)) {
            ("sum", Some(sum)) => *sum = add(sum, &value),
            ("max", Some(max)) => {
                if value.as_f64() > max.as_f64() {
                    *max = value;
                }
            }
            ("per_worker", Some(Value::Object(all))) => {
                if let Value::Object(more) = value {
                    all.extend(more);
                }
            }
            _ => {
                known.insert(kind, value);
            }
        }
    }
}

fn add(a: &Value, b: &Value) -> Value {
    if let (Some(a), Some(b)) = (a.as_u64(), b.as_u64()) {
        return a.saturating_add(b).into();
    }
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.saturating_add(b).into();
    }
    (a.as_f64().unwrap_or(0.0) + b.as_f64().unwrap_or(0.0)).number().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_of_two_threads_become_one_by_their_kind() {
        let mut a = Stats::new(0);
        a.put_sum("packets", 5u64);
        a.put_max("peak", 3u32);
        a.put_per_worker("queue", 7usize);
        a.put_sum("only_here", -1i32);
        let mut b = Stats::new(1);
        b.put_sum("packets", 2.5);
        b.put_max("peak", 9u32);
        b.put_per_worker("queue", 1usize);
        let mut merged = a.into_value();
        merge_figures(&mut merged, b.into_value());
        assert_eq!(
            merged,
            json!({"packets": {"sum": 7.5}, "peak": {"max": 9}, "queue": {"per_worker": {"0": 7, "1": 1}}, "only_here": {"sum": -1}})
        );
    }

    #[test]
    fn whole_sums_stay_whole_and_never_overflow() {
        assert_eq!(add(&json!(u64::MAX), &json!(1)), json!(u64::MAX));
        assert_eq!(add(&json!(-3), &json!(1)), json!(-2));
        assert_eq!(f64::NAN.number(), 0.into());
    }
}
