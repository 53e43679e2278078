//! Enumerations whose members are known by the names that the shell prints.

/// A text that is none of the names of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}")]
pub struct NoSuchName {
    /// What it was meant to be, in words.
    pub kind: &'static str,
    /// The text, cut to a length that can be printed.
    pub text: String,
}

/// Compares as a reader of both kinds of tool must: the shell prints `FailedAndSuspended`, the
/// graphical tools `Failed and Suspended`.
pub(crate) fn is_same(text: &str, name: &str) -> bool {
    let letters = text.chars().filter(|c| !matches!(c, ' ' | '-'));
    letters
        .map(|c| c.to_ascii_lowercase())
        .eq(name.chars().map(|c| c.to_ascii_lowercase()))
}

macro_rules! named {
    ($(#[$meta:meta])* $name:ident = $kind:literal { $($(#[$doc:meta])* $variant:ident,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that the shell prints: one word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }
        }

        /// Takes the shell's one word and the graphical tools' spaced text, in any case.
        impl std::str::FromStr for $name {
            type Err = $crate::NoSuchName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.iter().copied();
                known
                    .into_iter()
                    .find(|one| $crate::named::is_same(text, one.as_str()))
                    .ok_or_else(|| $crate::NoSuchName {
                        kind: $kind,
                        text: text.chars().take(80).collect(),
                    })
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::NoSuchName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(one: $name) -> Self {
                one.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use named;
