//! Access to the parts of a value: elements, entries, the content of a variant.

use std::borrow::Cow;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{FromValue, ValueCow};
use crate::value::depth::Depth;
use crate::value::{Value, ValueError};

/// The elements of a list.
pub(super) struct Items<I> {
    items: I,
    inside: Depth,
}

impl<'de, I: ExactSizeIterator<Item = ValueCow<'de>>> Items<I> {
    /// Passes the elements to a visitor, which has to take all of them.
    pub(super) fn visit<V: Visitor<'de>>(items: I, inside: Depth, visitor: V) -> Result<V::Value, ValueError> {
        let found = items.len();
        let mut access = Items { items, inside };
        let value = visitor.visit_seq(&mut access)?;
        match access.items.len() {
            0 => Ok(value),
            left => Err(ValueError::new(format!("expected a list of {}, found one of {found}", found - left))),
        }
    }
}

impl<'de, I: ExactSizeIterator<Item = ValueCow<'de>>> SeqAccess<'de> for &mut Items<I> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ValueError> {
        let depth = self.inside;
        self.items.next().map(|held| seed.deserialize(FromValue { held, depth })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a map.
pub(super) struct Entries<'de, I> {
    entries: I,
    inside: Depth,
    /// The last key that was read, for error messages, and its value.
    key: Cow<'de, str>,
    value: Option<ValueCow<'de>>,
}

impl<'de, I: ExactSizeIterator<Item = (ValueCow<'de>, ValueCow<'de>)>> Entries<'de, I> {
    /// Passes the entries to a visitor, which has to take all of them.
    pub(super) fn visit<V: Visitor<'de>>(entries: I, inside: Depth, visitor: V) -> Result<V::Value, ValueError> {
        let mut access = Entries { entries, inside, key: Cow::Borrowed(""), value: None };
        let value = visitor.visit_map(&mut access)?;
        match access.entries.len() {
            0 => Ok(value),
            left => Err(ValueError::new(format!("{left} entries too many in a map"))),
        }
    }
}

impl<'de, I: ExactSizeIterator<Item = (ValueCow<'de>, ValueCow<'de>)>> MapAccess<'de> for &mut Entries<'de, I> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((held, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        self.key = match &held {
            ValueCow::Borrowed(Value::Text(name)) => Cow::Borrowed(name),
            ValueCow::Owned(Value::Text(name)) => Cow::Owned(name.clone()),
            _ => Cow::Borrowed(""),
        };
        let depth = self.inside;
        seed.deserialize(FromValue { held, depth }).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        let held = self.value.take().ok_or_else(|| ValueError::new("a map's value was read before its key"))?;
        let depth = self.inside;
        seed.deserialize(FromValue { held, depth }).map_err(|error| match &*self.key {
            "" => error,
            name => error.in_field(name),
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A variant of an enum: its name and its content, if it has any.
pub(super) struct Variant<'de> {
    name: ValueCow<'de>,
    content: Option<FromValue<'de>>,
}

impl<'de> Variant<'de> {
    /// Reads a variant from a text, or from a map with one entry.
    pub(super) fn of(from: FromValue<'de>, variants: &'static [&'static str]) -> Result<Self, ValueError> {
        let (name, content) = match from.held {
            ValueCow::Borrowed(Value::Map(entries)) if entries.len() == 1 => {
                let (name, content) = &entries[0];
                (ValueCow::Borrowed(name), ValueCow::Borrowed(content))
            }
            ValueCow::Owned(Value::Map(mut entries)) if entries.len() == 1 => {
                let (name, content) = entries.swap_remove(0);
                (ValueCow::Owned(name), ValueCow::Owned(content))
            }
            name => {
                if name.get().as_str().is_none() {
                    return Err(mismatch(variants, name.get()));
                }
                return Ok(Variant { name, content: None });
            }
        };
        if name.get().as_str().is_none() {
            return Err(mismatch(variants, name.get()));
        }
        let depth = from.depth.container()?;
        let content = Some(FromValue { held: content, depth });
        Ok(Variant { name, content })
    }
}

/// Listing which variants need content would need more than serde tells, so the message lists only their names.
fn mismatch(variants: &[&str], found: &Value) -> ValueError {
    let names = variants.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = if variants.len() > 8 { ", …" } else { "" };
    ValueError::mismatch(format_args!("the name of a variant ({names}{more}) or a map of it to its content"), found)
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ValueError;
    type Variant = Content<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content<'de>), ValueError> {
        let name = self.name.get().as_str().unwrap_or_default().to_owned();
        let tag = seed.deserialize(StrDeserializer::<ValueError>::new(&name))?;
        let content = self.content;
        Ok((tag, Content { name, content }))
    }
}

/// The content of a variant.
pub(super) struct Content<'de> {
    name: String,
    content: Option<FromValue<'de>>,
}

impl<'de> Content<'de> {
    fn required(self) -> Result<FromValue<'de>, ValueError> {
        let name = self.name;
        self.content
            .ok_or_else(|| ValueError::new(format!("variant `{name}` has content: pass a map of {name:?} to it")))
    }
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.content {
            Some(content) if !content.value().is_null() => {
                content.mismatch(format_args!("nothing with variant `{}`, which has no content", self.name))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ValueError> {
        seed.deserialize(self.required()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.required()?.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.required()?.deserialize_struct("", fields, visitor)
    }
}
