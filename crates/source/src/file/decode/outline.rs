//! The shape of a type, found by asking its deserializer: which fields are where.
//!
//! Serves suggestions only ("this belongs under ..."), so it may walk the type anew each time.

use std::cell::{Cell, RefCell};

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Fault;
use super::key::KeyReader;

/// A message inside a type.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    /// Its place, such as `http[].route[]`; empty for the type itself.
    pub(crate) place: String,
    /// Its fields, in both spellings.
    pub(crate) fields: &'static [&'static str],
}

/// All messages inside a type, outer ones first.
pub(crate) fn outline<T: for<'de> Deserialize<'de>>() -> Vec<Outline> {
    let mut messages = Vec::new();
    let mut ways = std::collections::VecDeque::from([Vec::new()]);
    while let Some(way) = ways.pop_front() {
        let Some(message) = message_at::<T>(&way) else { continue };
        if way.len() < DEPTH_MAX {
            for field in message.fields {
                if !field.contains('_') {
                    ways.push_back(way.iter().copied().chain([*field]).collect());
                }
            }
        }
        messages.push(message);
    }
    messages
}

fn message_at<T: for<'de> Deserialize<'de>>(way: &[&'static str]) -> Option<Outline> {
    let seen = Cell::new(None);
    let place = RefCell::new(String::new());
    // The probe always stops with an error; what it saw on its way counts.
    T::deserialize(Probe { way, seen: &seen, place: &place }).err();
    seen.get().map(|fields| Outline { place: place.into_inner(), fields })
}

/// Walks one way through a type and notes the fields at its end.
#[derive(Clone, Copy)]
struct Probe<'p> {
    way: &'p [&'static str],
    seen: &'p Cell<Option<&'static [&'static str]>>,
    place: &'p RefCell<String>,
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Fault> {
        Err(stop())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.place.borrow_mut().push_str("[]");
        visitor.visit_seq(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.place.borrow_mut().push_str(".*");
        visitor.visit_map(Step { probe: self, key: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Some((key, way)) = self.way.split_first() else {
            self.seen.set(Some(fields));
            return Err(stop());
        };
        {
            let mut place = self.place.borrow_mut();
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(key);
        }
        visitor.visit_map(Step { probe: Probe { way, ..self }, key: Some(key) })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Probe<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        seed.deserialize(*self).map(Some)
    }
}

/// One entry: the next field on the way, or any key of a map.
struct Step<'p> {
    probe: Probe<'p>,
    key: Option<&'static str>,
}

impl<'de> MapAccess<'de> for Step<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        match self.key {
            Some(key) => seed.deserialize(StrDeserializer::new(key)).map(Some),
            None => seed.deserialize(KeyReader("0")).map(Some),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.probe)
    }
}

fn stop() -> Fault {
    Fault::custom("the way ends here")
}

/// Istio's deepest message is at 8; a type that contains itself must end somewhere.
const DEPTH_MAX: usize = 10;
