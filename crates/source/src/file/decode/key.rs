//! Keys of mappings: texts, or numbers where a map is keyed by them.

use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Fault;

/// Reads one key.
pub(super) struct KeyReader<'n>(pub(super) &'n str);

impl KeyReader<'_> {
    fn number(&self) -> Result<u64, Fault> {
        self.0.parse().map_err(|_| Fault::key(format!("the key `{}` must be a number", self.0), ""))
    }
}

impl<'de> Deserializer<'de> for KeyReader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.0)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.number()?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
