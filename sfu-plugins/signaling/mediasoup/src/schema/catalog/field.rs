use serde_json::Map;

use super::{Json, Seed, Value};

/// What is known of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldFacts {
    /// As the library calls it.
    pub(crate) name: String,
    pub(crate) slot: u16,
    /// How the library reads it.
    pub(crate) wire: String,
    pub(crate) is_required: bool,
    /// What the library's object has where it is absent.
    pub(crate) default: Json,
}

/// The value of a field of a table.
pub(crate) trait Field: Sized {
    fn facts(name: &str, slot: u16, unset: Option<Self>, fields: &mut Vec<FieldFacts>);
    fn sample(seed: &mut Seed) -> Self;
    fn json(&self, name: &str, object: &mut Map<String, Json>);
}

impl<T: Value> Field for T {
    fn facts(name: &str, slot: u16, unset: Option<Self>, fields: &mut Vec<FieldFacts>) {
        fields.push(FieldFacts {
            name: camel_case(name),
            slot,
            wire: T::wire(),
            is_required: unset.is_none(),
            default: unset.map_or_else(T::absent, |value| value.json()),
        });
    }

    fn sample(seed: &mut Seed) -> Self {
        T::sample(seed)
    }

    fn json(&self, name: &str, object: &mut Map<String, Json>) {
        object.insert(camel_case(name), self.json());
    }
}

impl<T: Value> Field for Option<T> {
    fn facts(name: &str, slot: u16, unset: Option<Self>, fields: &mut Vec<FieldFacts>) {
        let default = unset.flatten().map_or_else(T::absent, |value| value.json());
        let (name, wire) = (camel_case(name), T::wire());
        fields.push(FieldFacts { name, slot, wire, is_required: false, default });
    }

    fn sample(seed: &mut Seed) -> Self {
        seed.is_present().then(|| T::sample(seed))
    }

    fn json(&self, name: &str, object: &mut Map<String, Json>) {
        object.insert(camel_case(name), self.as_ref().map_or_else(T::absent, T::json));
    }
}

/// Implements [`Field`] for a union and for one that may be absent.
macro_rules! union_fields {
    ($union:ident) => {
        impl $crate::schema::catalog::Field for $union {
            fn facts(
                name: &str,
                slot: u16,
                unset: Option<Self>,
                fields: &mut Vec<$crate::schema::catalog::FieldFacts>,
            ) {
                let union = <$union as $crate::flat::UnionSlot>::NAME;
                $crate::schema::catalog::FieldFacts::of_union(name, slot, union, unset.is_none(), fields);
            }

            fn sample(seed: &mut $crate::schema::catalog::Seed) -> Self {
                seed.inside(<$union as $crate::schema::catalog::Union>::sample)
            }

            fn json(&self, name: &str, object: &mut serde_json::Map<String, serde_json::Value>) {
                let number = $crate::flat::UnionSlot::number(self);
                let json = $crate::schema::catalog::Union::json(self);
                $crate::schema::catalog::FieldFacts::union_json(name, number, json, object);
            }
        }

        impl $crate::schema::catalog::Field for Option<$union> {
            fn facts(
                name: &str,
                slot: u16,
                unset: Option<Self>,
                fields: &mut Vec<$crate::schema::catalog::FieldFacts>,
            ) {
                let union = <$union as $crate::flat::UnionSlot>::NAME;
                $crate::schema::catalog::FieldFacts::of_union(name, slot, union, unset.is_none(), fields);
            }

            fn sample(seed: &mut $crate::schema::catalog::Seed) -> Self {
                seed.has_union().then(|| seed.inside(<$union as $crate::schema::catalog::Union>::sample))
            }

            fn json(&self, name: &str, object: &mut serde_json::Map<String, serde_json::Value>) {
                match self {
                    Some(union) => $crate::schema::catalog::Field::json(union, name, object),
                    None => $crate::schema::catalog::FieldFacts::union_json(
                        name,
                        0,
                        serde_json::Value::Null,
                        object,
                    ),
                }
            }
        }
    };
}

pub(crate) use union_fields;

impl FieldFacts {
    /// A union is two fields: which one it is, and the one.
    pub(crate) fn of_union(name: &str, slot: u16, union: &str, is_required: bool, fields: &mut Vec<Self>) {
        let name = camel_case(name);
        fields.push(Self {
            name: format!("{name}Type"),
            slot,
            wire: "Uint8".into(),
            is_required: false,
            default: 0.into(),
        });
        let wire = format!("union {union}");
        fields.push(Self { name, slot: slot + 1, wire, is_required, default: Json::Null });
    }

    pub(crate) fn union_json(name: &str, number: u8, json: Json, object: &mut Map<String, Json>) {
        let name = camel_case(name);
        object.insert(format!("{name}Type"), number.into());
        object.insert(name, json);
    }
}

/// `rtp_parameters` is `rtpParameters` in the library.
pub(crate) fn camel_case(name: &str) -> String {
    let mut camel = String::new();
    let mut is_start = false;
    for character in name.trim_start_matches("r#").chars() {
        match character {
            '_' => is_start = true,
            _ if is_start => {
                camel.push(character.to_ascii_uppercase());
                is_start = false;
            }
            _ => camel.push(character),
        }
    }
    camel
}
