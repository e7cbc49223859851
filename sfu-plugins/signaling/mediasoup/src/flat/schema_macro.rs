/// Declares the tables, enums and unions of one namespace, in a notation close to a FlatBuffers schema:
///
/// ```text
/// schema! {
///     namespace "Transport";
///
///     enum Protocol { Udp = 1, Tcp = 2 }
///
///     table Tuple {
///         local_address: String,
///         local_port: u16,
///         remote_ip: Option<String>,
///         protocol: Protocol = Protocol::Udp,
///     }
///
///     union TraceInfo { BweTraceInfo(BweTraceInfo) = 1 }
/// }
/// ```
///
/// - Fields take slots in the order in which they stand. Text, tables and vectors are required, with `Option`
///   they are not; scalars mean 0 (or what follows `=`) where they are absent, with `Option` they mean
///   nothing.
/// - Fields behind a line of `..` are our own: the library's schema ends before them. They have to mean something where they
///   are absent, as they are in all that the library writes.
/// - An enum is a `u8`; a number that is none of its members is an error.
/// - A union takes two slots, as `T` or as `Option<T>`.
/// - `as "Name"` after a name says what the protocol calls it where Rust can't.
///
/// In tests each namespace also gets a `catalog`, from which the comparison with the official library knows
/// every table, field, enum and union.
macro_rules! schema {
    (namespace $ns:literal; $($items:tt)*) => {
        $crate::flat::schema!(@items $ns [] $($items)*);
    };

    (@items $ns:literal [$($seen:tt)*]) => {
        #[cfg(test)]
        pub(crate) fn catalog(catalog: &mut $crate::schema::catalog::Catalog) {
            $( $crate::flat::schema!(@catalog catalog $ns $seen); )*
        }
    };

    (@items $ns:literal [$($seen:tt)*]
        $(#[$meta:meta])* enum $name:ident $(as $wire:literal)? {
            $( $(#[$variant_meta:meta])* $variant:ident = $number:literal, )+
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $( $(#[$variant_meta])* $variant = $number, )+ }

        impl $name {
            /// All members, in ascending order of their numbers.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The member with this number.
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }

        impl $crate::flat::Inline for $name {
            const SIZE: usize = 1;

            fn unset() -> Option<Self> {
                Self::from_number(0)
            }

            fn put(&self, writer: &mut $crate::flat::Writer<'_>) -> $crate::flat::Hole {
                $crate::flat::Inline::put(&(*self as u8), writer)
            }

            fn fill(&self, _: &mut $crate::flat::Writer<'_>, _: $crate::flat::Hole) {}

            fn get(place: $crate::flat::Place<'_>) -> Result<Self, $crate::flat::FlatError> {
                let number = u8::get(place)?;
                Self::from_number(number).ok_or($crate::flat::FlatError::UnknownEnum {
                    name: $crate::flat::schema!(@name $ns $name $($wire)?),
                    number,
                })
            }
        }

        #[cfg(test)]
        impl $crate::schema::catalog::Value for $name {
            fn wire() -> String {
                "Uint8".into()
            }

            fn sample(seed: &mut $crate::schema::catalog::Seed) -> Self {
                Self::ALL[seed.below(Self::ALL.len())]
            }

            fn json(&self) -> serde_json::Value {
                (*self as u8).into()
            }
        }

        #[cfg(test)]
        impl $crate::schema::catalog::Members for $name {
            fn members() -> Vec<(u8, &'static str)> {
                vec![$( ($number, stringify!($variant)), )+]
            }
        }

        $crate::flat::schema!(@items $ns [$($seen)* (enumeration $name $($wire)?)] $($rest)*);
    };

    (@items $ns:literal [$($seen:tt)*]
        $(#[$meta:meta])* table $name:ident $(as $wire:literal)? {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty $(= $default:expr)?, )*
            $(.. $( $(#[$own_meta:meta])* $own:ident: $own_type:ty $(= $own_default:expr)?, )+ )?
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
            $($( $(#[$own_meta])* pub $own: $own_type, )+)?
        }

        impl $crate::flat::Table for $name {
            const NAME: &'static str = $crate::flat::schema!(@name $ns $name $($wire)?);

            fn write(&self, writer: &mut $crate::flat::Writer<'_>) -> usize {
                writer.open_table();
                let mut order = $crate::flat::FieldOrder::default();
                $(
                    let slot = order.slot::<$type>();
                    let unset = $crate::flat::schema!(@unset $type $(, $default)?);
                    let $field = if unset.as_ref() == Some(&self.$field) {
                        $crate::flat::Hole::NONE
                    } else {
                        $crate::flat::Slot::put(&self.$field, writer, slot)
                    };
                )*
                $($(
                    let slot = order.slot::<$own_type>();
                    let unset = $crate::flat::schema!(@unset $own_type $(, $own_default)?);
                    let $own = if unset.as_ref() == Some(&self.$own) {
                        $crate::flat::Hole::NONE
                    } else {
                        $crate::flat::Slot::put(&self.$own, writer, slot)
                    };
                )+)?
                let table = writer.close_table();
                $( $crate::flat::Slot::fill(&self.$field, writer, $field); )*
                $($( $crate::flat::Slot::fill(&self.$own, writer, $own); )+)?
                table
            }

            fn read(table: &$crate::flat::TableView<'_>) -> Result<Self, $crate::flat::FlatError> {
                let mut order = $crate::flat::FieldOrder::default();
                Ok(Self {
                    $( $field: {
                        let unset = $crate::flat::schema!(@unset $type $(, $default)?);
                        table.field::<$type>(order.slot::<$type>(), unset, Self::NAME, stringify!($field))?
                    }, )*
                    $($( $own: {
                        let unset = $crate::flat::schema!(@unset $own_type $(, $own_default)?);
                        table.field::<$own_type>(order.slot::<$own_type>(), unset, Self::NAME, stringify!($own))?
                    }, )+)?
                })
            }
        }

        impl $crate::flat::Inline for $name {
            const SIZE: usize = 4;

            fn unset() -> Option<Self> {
                None
            }

            fn put(&self, writer: &mut $crate::flat::Writer<'_>) -> $crate::flat::Hole {
                writer.reserve_offset()
            }

            fn fill(&self, writer: &mut $crate::flat::Writer<'_>, hole: $crate::flat::Hole) {
                writer.place(hole, |writer| $crate::flat::Table::write(self, writer));
            }

            fn get(place: $crate::flat::Place<'_>) -> Result<Self, $crate::flat::FlatError> {
                $crate::flat::Table::read(&place.table()?)
            }
        }

        #[cfg(test)]
        impl $crate::schema::catalog::Value for $name {
            fn wire() -> String {
                format!("table {}", <Self as $crate::flat::Table>::NAME)
            }

            fn sample(seed: &mut $crate::schema::catalog::Seed) -> Self {
                Self {
                    $( $field: $crate::schema::catalog::Field::sample(seed), )*
                    $($( $own: $crate::flat::schema!(@unset $own_type $(, $own_default)?)
                        .expect("our own fields mean something where they are absent"), )+)?
                }
            }

            fn json(&self) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                object.insert("$table".into(), <Self as $crate::flat::Table>::NAME.into());
                $( $crate::schema::catalog::Field::json(&self.$field, stringify!($field), &mut object); )*
                object.into()
            }
        }

        #[cfg(test)]
        impl $crate::schema::catalog::Fields for $name {
            fn fields() -> Vec<$crate::schema::catalog::FieldFacts> {
                let mut order = $crate::flat::FieldOrder::default();
                let mut fields = Vec::new();
                $(
                    <$type as $crate::schema::catalog::Field>::facts(
                        stringify!($field),
                        order.slot::<$type>(),
                        $crate::flat::schema!(@unset $type $(, $default)?),
                        &mut fields,
                    );
                )*
                fields
            }

            fn own_fields() -> Vec<$crate::schema::catalog::FieldFacts> {
                let mut order = $crate::flat::FieldOrder::default();
                $( order.slot::<$type>(); )*
                #[allow(unused_mut, reason = "most tables have none")]
                let mut fields = Vec::new();
                $($(
                    <$own_type as $crate::schema::catalog::Field>::facts(
                        stringify!($own),
                        order.slot::<$own_type>(),
                        $crate::flat::schema!(@unset $own_type $(, $own_default)?),
                        &mut fields,
                    );
                )+)?
                fields
            }
        }

        $crate::flat::schema!(@items $ns [$($seen)* (table $name $($wire)?)] $($rest)*);
    };

    (@items $ns:literal [$($seen:tt)*]
        $(#[$meta:meta])* union $name:ident $(as $wire:literal)? {
            $( $(#[$variant_meta:meta])* $variant:ident($type:ty) = $number:literal, )+
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        // Messages are made once and handled at once; a box for each would cost more than their room.
        #[allow(clippy::large_enum_variant)]
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name { $( $(#[$variant_meta])* $variant($type), )+ }

        impl $crate::flat::UnionSlot for $name {
            const NAME: &'static str = $crate::flat::schema!(@name $ns $name $($wire)?);

            fn number(&self) -> u8 {
                match self { $( Self::$variant(_) => $number, )+ }
            }

            fn write(&self, writer: &mut $crate::flat::Writer<'_>) -> usize {
                match self { $( Self::$variant(table) => $crate::flat::Table::write(table, writer), )+ }
            }

            fn read(
                number: u8,
                table: &$crate::flat::TableView<'_>,
                slot: u16,
            ) -> Result<Option<Self>, $crate::flat::FlatError> {
                match number {
                    $( $number => Ok(table.value::<$type>(slot)?.map(Self::$variant)), )+
                    _ => Err($crate::flat::FlatError::UnknownUnion {
                        name: <Self as $crate::flat::UnionSlot>::NAME,
                        number,
                    }),
                }
            }
        }

        impl $crate::flat::Slot for $name {
            const SLOTS: u16 = 2;

            fn unset() -> Option<Self> {
                None
            }

            fn put(&self, writer: &mut $crate::flat::Writer<'_>, slot: u16) -> $crate::flat::Hole {
                $crate::flat::UnionSlot::put_union(self, writer, slot)
            }

            fn fill(&self, writer: &mut $crate::flat::Writer<'_>, hole: $crate::flat::Hole) {
                $crate::flat::UnionSlot::fill_union(self, writer, hole);
            }

            fn take(
                table: &$crate::flat::TableView<'_>,
                slot: u16,
            ) -> Result<Option<Self>, $crate::flat::FlatError> {
                $crate::flat::UnionSlot::take_union(table, slot)
            }
        }

        impl $crate::flat::Slot for Option<$name> {
            const SLOTS: u16 = 2;

            fn unset() -> Option<Self> {
                Some(None)
            }

            fn put(&self, writer: &mut $crate::flat::Writer<'_>, slot: u16) -> $crate::flat::Hole {
                match self {
                    Some(value) => $crate::flat::Slot::put(value, writer, slot),
                    None => $crate::flat::Hole::NONE,
                }
            }

            fn fill(&self, writer: &mut $crate::flat::Writer<'_>, hole: $crate::flat::Hole) {
                if let Some(value) = self {
                    $crate::flat::Slot::fill(value, writer, hole);
                }
            }

            fn take(
                table: &$crate::flat::TableView<'_>,
                slot: u16,
            ) -> Result<Option<Self>, $crate::flat::FlatError> {
                <$name as $crate::flat::Slot>::take(table, slot).map(|value| value.map(Some))
            }
        }

        #[cfg(test)]
        impl $crate::schema::catalog::Union for $name {
            fn sample(seed: &mut $crate::schema::catalog::Seed) -> Self {
                let samples: &[fn(&mut $crate::schema::catalog::Seed) -> Self] = &[
                    $( |seed| Self::$variant($crate::schema::catalog::Value::sample(seed)), )+
                ];
                samples[seed.variant(samples.len())](seed)
            }

            fn json(&self) -> serde_json::Value {
                match self { $( Self::$variant(table) => $crate::schema::catalog::Value::json(table), )+ }
            }
        }

        #[cfg(test)]
        $crate::schema::catalog::union_fields!($name);

        #[cfg(test)]
        impl $crate::schema::catalog::Members for $name {
            fn members() -> Vec<(u8, &'static str)> {
                vec![$( ($number, stringify!($variant)), )+]
            }
        }

        #[cfg(test)]
        impl $name {
            /// The tables of its members, as they are called in the protocol.
            pub(crate) fn member_tables() -> Vec<String> {
                vec![$( <$type as $crate::schema::catalog::Value>::wire(), )+]
            }
        }

        $crate::flat::schema!(@items $ns [$($seen)* (union $name $($wire)?)] $($rest)*);
    };

    (@unset $type:ty) => { <$type as $crate::flat::Slot>::unset() };
    (@unset $type:ty, $default:expr) => { Some::<$type>($default) };

    (@name $ns:literal $name:ident) => { concat!($ns, ".", stringify!($name)) };
    (@name $ns:literal $name:ident $wire:literal) => { concat!($ns, ".", $wire) };

    (@catalog $catalog:ident $ns:literal (table $name:ident $($wire:literal)?)) => {
        $catalog.table::<$name>()
    };
    (@catalog $catalog:ident $ns:literal (enumeration $name:ident $($wire:literal)?)) => {
        $catalog.enumeration::<$name>($crate::flat::schema!(@name $ns $name $($wire)?))
    };
    (@catalog $catalog:ident $ns:literal (union $name:ident $($wire:literal)?)) => {
        $catalog.union::<$name>($crate::flat::schema!(@name $ns $name $($wire)?), $name::member_tables())
    };
}

pub(crate) use schema;
