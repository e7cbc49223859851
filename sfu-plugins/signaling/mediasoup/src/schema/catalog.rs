//! What tests know of a schema: each table with its fields, values for them, and how to turn them into bytes
//! and JSON.
//!
//! JSON has the form of the objects of mediasoup's library: names in camel case, tables with their name under
//! `$table`, 64-bit numbers as `{ "$bigint": "…" }`, an absent vector as an empty one.
mod field;
mod seed;
mod value;

use crate::flat::{FlatError, Table, decode, encode};

pub(crate) use field::{Field, FieldFacts, camel_case, union_fields};
pub(crate) use seed::Seed;
pub(crate) use value::Value;

pub(crate) use serde_json::Value as Json;

/// All tables, enums and unions of a version.
#[derive(Default)]
pub(crate) struct Catalog {
    pub(crate) tables: Vec<TableFacts>,
    pub(crate) enums: Vec<(&'static str, Vec<(u8, &'static str)>)>,
    pub(crate) unions: Vec<UnionFacts>,
}

pub(crate) struct TableFacts {
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<FieldFacts>,
    /// Those behind them, which the library's schema does not have.
    pub(crate) own_fields: Vec<FieldFacts>,
    /// A value as a message with its size prefix, and as JSON.
    pub(crate) sample: fn(&mut Seed) -> (Vec<u8>, Json),
    /// What a message without its size prefix says.
    pub(crate) decode: fn(&[u8]) -> Result<Json, FlatError>,
    /// Whether a value is the same after it was encoded and decoded.
    pub(crate) survives: fn(&mut Seed) -> bool,
}

pub(crate) struct UnionFacts {
    pub(crate) name: &'static str,
    pub(crate) members: Vec<(u8, &'static str)>,
    /// What the tables of the members are called.
    pub(crate) tables: Vec<String>,
}

/// What an enum or a union has.
pub(crate) trait Members {
    fn members() -> Vec<(u8, &'static str)>;
}

/// What a table has.
pub(crate) trait Fields {
    fn fields() -> Vec<FieldFacts>;
    fn own_fields() -> Vec<FieldFacts>;
}

/// A union as the value of a field.
pub(crate) trait Union: Sized {
    fn sample(seed: &mut Seed) -> Self;
    fn json(&self) -> Json;
}

impl Catalog {
    pub(crate) fn table<T: Table + Value + Fields>(&mut self) {
        self.tables.push(TableFacts {
            name: T::NAME,
            fields: T::fields(),
            own_fields: T::own_fields(),
            sample: |seed| {
                let value = <T as Value>::sample(seed);
                let mut bytes = Vec::new();
                encode(&value, &mut bytes);
                (bytes, value.json())
            },
            decode: |bytes| Ok(decode::<T>(bytes)?.json()),
            survives: |seed| {
                let value = <T as Value>::sample(seed);
                let mut bytes = Vec::new();
                encode(&value, &mut bytes);
                decode::<T>(&bytes[4..]) == Ok(value)
            },
        });
    }

    pub(crate) fn enumeration<E: Members>(&mut self, name: &'static str) {
        self.enums.push((name, E::members()));
    }

    pub(crate) fn union<U: Members>(&mut self, name: &'static str, tables: Vec<String>) {
        self.unions.push(UnionFacts { name, members: U::members(), tables });
    }

    /// How many samples of a table have each member of each of its unions, and some more.
    pub(crate) fn samples(&self, table: &TableFacts) -> u64 {
        let members = table.fields.iter().filter_map(|field| field.wire.strip_prefix("union ")).map(|name| {
            self.unions.iter().find(|union| union.name == name).map_or(0, |union| union.members.len())
        });
        members.max().unwrap_or(0) as u64 * 6 / 5 + 6
    }
}
