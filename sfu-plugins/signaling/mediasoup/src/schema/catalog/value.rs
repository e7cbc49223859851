use serde_json::{Value as Json, json};

use super::Seed;

/// What stands in a slot or a vector.
pub(crate) trait Value: Sized {
    /// How the library reads it.
    fn wire() -> String;

    fn sample(seed: &mut Seed) -> Self;

    fn json(&self) -> Json;

    /// What the library's object has where it is absent.
    fn absent() -> Json {
        Json::Null
    }
}

macro_rules! integers {
    ($($integer:ty: $wire:literal),*) => {$(
        impl Value for $integer {
            fn wire() -> String {
                $wire.into()
            }

            fn sample(seed: &mut Seed) -> Self {
                seed.number() as $integer
            }

            fn json(&self) -> Json {
                json!(self)
            }
        }
    )*};
}

integers!(u8: "Uint8", i8: "Int8", u16: "Uint16", i16: "Int16", u32: "Uint32", i32: "Int32");

impl Value for u64 {
    fn wire() -> String {
        "Uint64".into()
    }

    fn sample(seed: &mut Seed) -> Self {
        seed.number()
    }

    fn json(&self) -> Json {
        json!({ "$bigint": self.to_string() })
    }
}

macro_rules! floats {
    ($($float:ty: $wire:literal),*) => {$(
        impl Value for $float {
            fn wire() -> String {
                $wire.into()
            }

            /// With a fraction that both widths have exactly, so that JSON never shows an integer.
            fn sample(seed: &mut Seed) -> Self {
                f32::from(seed.number() as i16) as $float + 0.5
            }

            fn json(&self) -> Json {
                if *self == 0.0 { json!(0) } else { json!(f64::from(*self)) }
            }
        }
    )*};
}

floats!(f32: "Float32", f64: "Float64");

impl Value for bool {
    fn wire() -> String {
        "bool".into()
    }

    fn sample(seed: &mut Seed) -> Self {
        seed.number() % 2 == 1
    }

    fn json(&self) -> Json {
        json!(self)
    }
}

impl Value for String {
    fn wire() -> String {
        "string".into()
    }

    fn sample(seed: &mut Seed) -> Self {
        let texts = ["", "a", "audio/opus", "ä€𝄞", "0123456789abcdef-0123456789abcdef"];
        texts[seed.below(texts.len())].into()
    }

    fn json(&self) -> Json {
        json!(self)
    }
}

impl<T: Value> Value for Vec<T> {
    fn wire() -> String {
        format!("[{}]", T::wire())
    }

    fn sample(seed: &mut Seed) -> Self {
        (0..seed.length()).map(|_| T::sample(seed)).collect()
    }

    fn json(&self) -> Json {
        self.iter().map(T::json).collect()
    }

    fn absent() -> Json {
        json!([])
    }
}

impl<T: Value> Value for Box<T> {
    fn wire() -> String {
        T::wire()
    }

    fn sample(seed: &mut Seed) -> Self {
        Box::new(T::sample(seed))
    }

    fn json(&self) -> Json {
        T::json(self)
    }
}
