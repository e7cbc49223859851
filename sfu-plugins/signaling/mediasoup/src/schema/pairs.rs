/// Declares an enum whose members are methods (or events) with the one body that each has, so that a method
/// with another's body can't be had:
///
/// ```text
/// pairs! {
///     pub enum Call: Method, Body {
///         WorkerDump,
///         WorkerCreateRouter(WorkerCreateRouterRequest: worker::CreateRouterRequest),
///     }
/// }
/// ```
macro_rules! pairs {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $kind:ident, $body:ident {
            $( $variant:ident $(($member:ident: $table:ty))?, )+
        }
    ) => {
        $(#[$meta])*
        // One is made per message and handled at once.
        #[allow(clippy::large_enum_variant)]
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name { $( $variant $(($table))?, )+ }

        impl $name {
            /// Joins the two halves; `None` if they don't belong together.
            pub fn join(kind: $kind, body: Option<$body>) -> Option<Self> {
                match (kind, body) {
                    $( ($kind::$variant, $crate::schema::pairs::pairs!(@pattern $body table $($member)?)) => {
                        Some(Self::$variant $( ($crate::schema::pairs::pairs!(@value table $member)) )?)
                    } )+
                    _ => None,
                }
            }

            /// The first half.
            pub fn kind(&self) -> $kind {
                match self {
                    $(
                        Self::$variant $( ($crate::schema::pairs::pairs!(@any $member)) )? => $kind::$variant,
                    )+
                }
            }

            /// The second half.
            pub fn into_body(self) -> Option<$body> {
                match self {
                    $( $crate::schema::pairs::pairs!(@member table $variant $($member)?) => {
                        $crate::schema::pairs::pairs!(@body $body table $($member)?)
                    } )+
                }
            }

            /// Every kind that there is.
            #[cfg(test)]
            pub(crate) fn kinds() -> Vec<$kind> {
                vec![$( $kind::$variant, )+]
            }

            /// One of a kind, filled at random.
            #[cfg(test)]
            pub(crate) fn sample(kind: $kind, seed: &mut $crate::schema::catalog::Seed) -> Option<Self> {
                match kind {
                    $( $kind::$variant => Some(
                        Self::$variant $( ($crate::schema::pairs::pairs!(@sample seed $member)) )?
                    ), )+
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }
        }
    };

    (@pattern $body:ident $table:ident) => { None };
    (@pattern $body:ident $table:ident $member:ident) => { Some($body::$member($table)) };
    (@value $table:ident $member:ident) => { $table };
    (@any $member:ident) => { _ };
    (@member $table:ident $variant:ident) => { Self::$variant };
    (@member $table:ident $variant:ident $member:ident) => { Self::$variant($table) };
    (@body $body:ident $table:ident) => { None };
    (@body $body:ident $table:ident $member:ident) => { Some($body::$member($table)) };
    (@sample $seed:ident $member:ident) => { $crate::schema::catalog::Value::sample($seed) };
}

pub(crate) use pairs;
