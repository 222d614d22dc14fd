//! The rules of protobuf's JSON form that Istio's API follows: enums, oneofs, durations, bytes.
//!
//! Shared by all kinds of this crate; knows none of them.

mod base64;
pub(crate) mod duration;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};

pub(crate) use base64::Base64;

/// Several fields were set of which only one may be.
#[derive(Debug)]
pub(crate) struct Several(String);

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A oneof: the one choice that is set, if any.
pub(crate) fn at_most_one<T, const N: usize>(
    choices: [(&'static str, Option<T>); N],
) -> Result<Option<T>, Several> {
    let mut found: Option<(&str, T)> = None;
    for (name, choice) in choices {
        let Some(choice) = choice else { continue };
        if let Some((earlier, _)) = found {
            return Err(Several(format!(
                "`{earlier}` and `{name}` exclude each other: keep one of them"
            )));
        }
        found = Some((name, choice));
    }
    Ok(found.map(|(_, choice)| choice))
}

/// Lists that mean the opposite when they are empty: leaving one out is fine, writing `[]` is not.
pub(crate) mod filled_list {
    use super::{Deserialize, Deserializer, Error};

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let list = Vec::deserialize(deserializer)?;
        if list.is_empty() {
            return Err(D::Error::custom(
                "the list is empty: name something or leave the field out",
            ));
        }
        Ok(list)
    }
}

/// Says what an unknown enum value could have been.
pub(crate) fn unknown_value(label: &str, value: &dyn fmt::Display, allowed: &[&str]) -> String {
    let mut text = format!("unknown {label} `{value}`: expected one of {}", allowed.join(", "));
    let misplaced = MISPLACED.iter().find(|(name, home)| {
        *home != label && value.to_string() == *name && !allowed.contains(name)
    });
    if let Some((name, home)) = misplaced {
        text.push_str(&format!("; {name} is a value of `{home}`"));
    }
    text
}

/// Values that tutorials put into the wrong field, with the field they belong to.
const MISPLACED: &[(&str, &str)] = &[
    ("MESH_EXTERNAL", "location"),
    ("MESH_INTERNAL", "location"),
    ("STATIC", "resolution"),
    ("DNS", "resolution"),
    ("ISTIO_MUTUAL", "tls.mode"),
];

/// An enum that is written by name, or by number as protobuf's JSON form allows. The first
/// variant is the default.
macro_rules! proto_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident($label:literal) {
            $($(#[$variant_meta:meta])* $variant:ident = $number:literal $text:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            const ALL: &'static [(Self, u64, &'static str)] =
                &[$((Self::$variant, $number, $text)),+];

            /// The name as the API writes it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ALL[0].0
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($crate::proto::EnumVisitor {
                    label: $label,
                    all: Self::ALL,
                })
            }
        }
    };
}
pub(crate) use proto_enum;

/// Reads an enum by name or number. Built by [`proto_enum`] only.
pub(crate) struct EnumVisitor<T: 'static> {
    pub(crate) label: &'static str,
    pub(crate) all: &'static [(T, u64, &'static str)],
}

impl<T> EnumVisitor<T> {
    fn refuse<E: Error>(&self, value: &dyn fmt::Display) -> E {
        let names: Vec<_> = self.all.iter().map(|(_, _, name)| *name).collect();
        E::custom(unknown_value(self.label, value, &names))
    }
}

impl<T: Copy> serde::de::Visitor<'_> for EnumVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}, one of", self.label)?;
        for (position, (_, _, name)) in self.all.iter().enumerate() {
            write!(f, "{} {name}", if position == 0 { "" } else { "," })?;
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        let found = self.all.iter().find(|(_, _, name)| *name == value);
        found.map(|(variant, _, _)| *variant).ok_or_else(|| self.refuse(&value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        let found = self.all.iter().find(|(_, number, _)| *number == value);
        found.map(|(variant, _, _)| *variant).ok_or_else(|| self.refuse(&value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        match u64::try_from(value) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(self.refuse(&value)),
        }
    }
}

#[cfg(test)]
mod tests;
