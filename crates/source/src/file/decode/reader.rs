//! The deserializer over one node. Each kind of value that is wanted has its own words for what
//! is found instead.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::key::KeyReader;
use super::{Fault, Findings, Trail, UnknownField};
use crate::file::yaml::{Entry, Node, Resolved, Scalar, Value, camel_case};

/// Reads one node.
#[derive(Clone, Copy)]
pub(super) struct Reader<'n, 't> {
    node: &'n Node,
    trail: Trail<'t>,
    findings: &'t Findings,
}

impl<'n, 't> Reader<'n, 't> {
    pub(super) fn new(node: &'n Node, trail: Trail<'t>, findings: &'t Findings) -> Self {
        Self { node, trail, findings }
    }

    /// What is written here, for an error; long texts are cut.
    fn found(&self) -> String {
        match &self.node.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Scalar(_) if self.node.is_null() => "nothing".to_owned(),
            Value::Scalar(Scalar { text, quoted }) => {
                let short: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
                if *quoted { format!("the text `\"{short}\"`") } else { format!("`{short}`") }
            }
        }
    }

    fn wants(&self, wanted: &str) -> Fault {
        Fault::new(format!("{} must be {wanted}, not {}", self.trail.called(), self.found()), "")
    }

    fn integer(&self, least: i64, most: u64) -> Result<i128, Fault> {
        let Value::Scalar(scalar) = &self.node.value else {
            return Err(self.wants("a whole number"));
        };
        let number = match scalar.resolve() {
            Resolved::Integer(number) => number,
            // Protobuf's JSON form takes 1e3 and 5.0 for whole numbers, too.
            #[expect(clippy::cast_possible_truncation, reason = "checked in the guard")]
            Resolved::Float(number) if number.fract() == 0.0 && number.abs() < EXACT_FLOAT_MAX => {
                number as i128
            }
            Resolved::Octal => {
                let help = "leave out the leading zero".to_owned();
                return Err(Fault { help, ..self.wants("a decimal number") });
            }
            Resolved::Text(text) if scalar.quoted && text.trim().parse::<i64>().is_ok() => {
                let help = format!("leave out the quotes: {}", text.trim());
                return Err(Fault { help, ..self.wants("a whole number") });
            }
            _ => return Err(self.wants("a whole number")),
        };
        if number < i128::from(least) || number > i128::from(most) {
            return Err(self.wants(&format!("a whole number between {least} and {most}")));
        }
        Ok(number)
    }

    fn float(&self) -> Result<f64, Fault> {
        let Value::Scalar(scalar) = &self.node.value else { return Err(self.wants("a number")) };
        match scalar.resolve() {
            #[expect(clippy::cast_precision_loss, reason = "as every JSON reader does")]
            Resolved::Integer(number) => Ok(number as f64),
            Resolved::Float(number) => Ok(number),
            Resolved::Text(text) if scalar.quoted && text.trim().parse::<f64>().is_ok() => {
                let help = format!("leave out the quotes: {}", text.trim());
                Err(Fault { help, ..self.wants("a number") })
            }
            _ => Err(self.wants("a number")),
        }
    }

    fn string(&self) -> Result<&'n str, Fault> {
        let Value::Scalar(scalar) = &self.node.value else { return Err(self.wants("a text")) };
        let kind = match scalar.resolve() {
            Resolved::Text(text) => return Ok(text),
            Resolved::Null if self.findings.strictness.takes_null_as_empty() => return Ok(""),
            Resolved::Null => return Err(self.wants("a text")),
            Resolved::Bool(_) | Resolved::WordBool(_) => "a boolean",
            Resolved::Integer(_) | Resolved::Octal | Resolved::Float(_) => "a number",
        };
        let called = self.trail.called();
        let text = &scalar.text;
        Err(Fault::new(
            format!("{called} must be a text, but `{text}` is {kind} and must be quoted"),
            format!("write \"{text}\""),
        ))
    }

    fn boolean(&self) -> Result<bool, Fault> {
        let Value::Scalar(scalar) = &self.node.value else {
            return Err(self.wants("true or false"));
        };
        match scalar.resolve() {
            Resolved::Bool(value) | Resolved::WordBool(value) => Ok(value),
            Resolved::Text(text @ ("true" | "false")) => {
                let help = format!("leave out the quotes: {text}");
                Err(Fault { help, ..self.wants("true or false") })
            }
            _ => Err(self.wants("true or false")),
        }
    }

    fn list(&self) -> Result<&'n [Node], Fault> {
        let called = self.trail.called();
        let scalar = match &self.node.value {
            Value::List(items) => return Ok(items),
            Value::Map(entries) => {
                let advice = match entries.first() {
                    Some(entry) => format!("put `- ` before `{}`", entry.key),
                    None => "write `[]`".to_owned(),
                };
                return Err(Fault::key(format!("{called} is a list: {advice}"), MAP_FOR_LIST));
            }
            Value::Scalar(scalar) => scalar,
        };
        match scalar.resolve() {
            Resolved::Null if self.findings.strictness.takes_null_as_empty() => Ok(&[]),
            Resolved::Null => {
                Err(Fault::new(format!("{called} is empty"), "write `[]` or entries"))
            }
            _ => {
                let message = format!("{called} is a list, not {}", self.found());
                let help = match scalar.quoted {
                    true => format!("write `[\"{}\"]`", scalar.text),
                    false => format!("write `[{}]`", scalar.text),
                };
                Err(Fault::new(message, help))
            }
        }
    }

    fn map(&self) -> Result<&'n [Entry], Fault> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar(_)
                if self.node.is_null() && self.findings.strictness.takes_null_as_empty() =>
            {
                Ok(&[])
            }
            Value::Scalar(_) if self.node.is_null() => Err(Fault::new(
                format!("{} is empty", self.trail.called()),
                "write `{}` or its fields",
            )),
            Value::List(_) => {
                let help = "it is not repeated: leave out the `- `";
                Err(Fault { help: help.to_owned(), ..self.wants("a mapping") })
            }
            Value::Scalar(_) => Err(self.wants("a mapping")),
        }
    }

    /// The entries of a message with these fields.
    fn message(&self, fields: &[&str]) -> Result<&'n [Entry], Fault> {
        self.map().map_err(|fault| {
            let Value::Scalar(Scalar { text, .. }) = &self.node.value else { return fault };
            let names: Vec<_> = fields.iter().filter(|field| !field.contains('_')).collect();
            let help = match names.as_slice() {
                [name] if !self.node.is_null() => format!("write `{{{name}: {text}}}`"),
                names if names.len() <= FIELDS_SHOWN_MAX => {
                    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                    format!("its fields are {}", names.join(", "))
                }
                _ => return fault,
            };
            Fault { help, ..fault }
        })
    }
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let scalar = match &self.node.value {
            Value::List(_) => return self.deserialize_seq(visitor),
            Value::Map(_) => return self.deserialize_map(visitor),
            Value::Scalar(scalar) => scalar,
        };
        match scalar.resolve() {
            Resolved::Null => visitor.visit_unit(),
            Resolved::Bool(value) => visitor.visit_bool(value),
            Resolved::Integer(number) => match (u64::try_from(number), i64::try_from(number)) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => Err(self.wants("a number of at most 64 bits")),
            },
            Resolved::Octal => Err(Fault {
                help: "leave out the leading zero, or put it in quotes".to_owned(),
                ..self.wants("a decimal number or a text")
            }),
            Resolved::Float(number) => visitor.visit_f64(number),
            // `OFF` is a name where nobody asks for a boolean.
            Resolved::WordBool(_) | Resolved::Text(_) => visitor.visit_str(&scalar.text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = self.integer(i64::from(i32::MIN), i32::MAX as u64)?;
        visitor.visit_i64(i64::try_from(number).map_err(|_| self.wants("a smaller number"))?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = self.integer(i64::MIN, i64::MAX as u64)?;
        visitor.visit_i64(i64::try_from(number).map_err(|_| self.wants("a smaller number"))?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = self.integer(0, u64::from(u32::MAX))?;
        visitor.visit_u64(u64::try_from(number).map_err(|_| self.wants("a smaller number"))?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = self.integer(0, u64::MAX)?;
        visitor.visit_u64(u64::try_from(number).map_err(|_| self.wants("a smaller number"))?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.string()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.string()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Items { items: self.list()?.iter().enumerate(), reader: self })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = self.map()?.iter();
        visitor.visit_map(Entries { entries, reader: self, value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let entries = self.message(fields)?.iter();
        visitor.visit_map(Fields { entries, known: fields, reader: self, value: None })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier
    }
}

struct Items<'n, 't> {
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
    reader: Reader<'n, 't>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let findings = self.reader.findings;
        for (index, node) in self.items.by_ref() {
            let trail = self.reader.trail.index(index);
            if findings.leaves_out(&trail) {
                continue;
            }
            let element = seed.deserialize(Reader { node, trail, findings });
            return element.map(Some).map_err(|fault| fault.at(&trail));
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// A map with any keys.
struct Entries<'n, 't> {
    entries: std::slice::Iter<'n, Entry>,
    reader: Reader<'n, 't>,
    value: Option<&'n Entry>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        for entry in self.entries.by_ref() {
            let trail = self.reader.trail.key(&entry.key);
            if self.reader.findings.leaves_out(&trail) {
                continue;
            }
            self.value = Some(entry);
            let key = seed.deserialize(KeyReader(&entry.key));
            return key.map(Some).map_err(|fault| fault.at(&trail));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let Some(entry) = self.value.take() else { return Err(Fault::new("a key is missing", "")) };
        let trail = self.reader.trail.key(&entry.key);
        seed.deserialize(Reader { node: &entry.value, trail, findings: self.reader.findings })
            .map_err(|fault| fault.at(&trail))
    }
}

/// A message with known fields. Unwritten values are skipped, unknown fields are noted.
struct Fields<'n, 't> {
    entries: std::slice::Iter<'n, Entry>,
    known: &'static [&'static str],
    reader: Reader<'n, 't>,
    value: Option<&'n Entry>,
}

impl<'de> MapAccess<'de> for Fields<'_, '_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let findings = self.reader.findings;
        for entry in self.entries.by_ref() {
            if !self.known.contains(&entry.key.as_str()) {
                if findings.strictness.knows_all_fields() {
                    findings.unknown.borrow_mut().push(UnknownField {
                        parent: self.reader.trail.path(),
                        name: entry.key.clone(),
                        known: self.known,
                    });
                }
                continue;
            }
            let name = camel_case(&entry.key);
            if entry.value.is_null() || findings.leaves_out(&self.reader.trail.key(&name)) {
                continue;
            }
            self.value = Some(entry);
            return seed.deserialize(StrDeserializer::new(&entry.key)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let Some(entry) = self.value.take() else { return Err(Fault::new("a key is missing", "")) };
        let name = camel_case(&entry.key);
        let trail = self.reader.trail.key(&name);
        seed.deserialize(Reader { node: &entry.value, trail, findings: self.reader.findings })
            .map_err(|fault| fault.at(&trail))
    }
}

/// Longest piece of a wrong value that an error repeats, in characters.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// Fields that fit into a line of advice.
const FIELDS_SHOWN_MAX: usize = 6;

/// Below this, every whole number is a float exactly.
const EXACT_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// Why `- ` is missing so often.
const MAP_FOR_LIST: &str =
    "each entry of a list begins with `- `; what follows is indented under it";
