//! Enumerations of numbers that have a name and a sentence: the errors.

/// Defines an enumeration of codes with `from_code` and `text`.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident: $number:ident { $($variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr($number)]
        pub enum $name {
            $(#[doc = $text] $variant = $code,)*
        }

        impl $name {
            /// The one with this number, if there is one.
            pub const fn from_code(code: $number) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// What it says, in words.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}
pub(crate) use codes;
