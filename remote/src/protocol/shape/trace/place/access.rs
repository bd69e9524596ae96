//! The parts, entries and variants of sample data.

use super::{Place, Stop, Tracer, inside, within};
use crate::shape::{Form, Shape};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

pub(super) fn read_fields<'de, V: Visitor<'de>>(
    tracer: &mut Tracer,
    path: u64,
    fields: &'static [&'static str],
    visitor: V,
) -> Result<(Form, V::Value), Stop> {
    let mut shapes = Vec::new();
    let value = visitor.visit_seq(Parts { tracer, shapes: &mut shapes, length: fields.len(), same: false, path })?;
    // A skipped field is not requested, and is not part of the encoding.
    let fields = fields.iter().map(|field| (*field).to_owned()).zip(shapes);
    Ok((Form::Struct(fields.collect()), value))
}

/// Parts, one after the other.
pub(super) struct Parts<'a> {
    pub(super) tracer: &'a mut Tracer,
    pub(super) shapes: &'a mut Vec<Shape>,
    pub(super) length: usize,
    /// Whether they are elements of one type.
    pub(super) same: bool,
    pub(super) path: u64,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        if self.shapes.len() >= self.length {
            return Ok(None);
        }
        let mut shape = Shape::Unknown;
        let path = inside(self.path, if self.same { 0 } else { self.shapes.len() + 1 });
        let value = seed.deserialize(Place { tracer: self.tracer, shape: &mut shape, path })?;
        self.shapes.push(shape);
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.length - self.shapes.len())
    }
}

/// Entries of a map.
pub(super) struct Entries<'a> {
    pub(super) tracer: &'a mut Tracer,
    pub(super) key: &'a mut Shape,
    pub(super) value: &'a mut Shape,
    pub(super) left: usize,
    pub(super) path: u64,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Stop> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(Place { tracer: self.tracer, shape: self.key, path: inside(self.path, 1) }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(Place { tracer: self.tracer, shape: self.value, path: inside(self.path, 2) })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The variant that an enum gets.
pub(super) struct Chosen<'a> {
    pub(super) tracer: &'a mut Tracer,
    pub(super) form: &'a mut Form,
    pub(super) definition: usize,
    pub(super) variant: usize,
}

impl Chosen<'_> {
    fn path(&self) -> u64 {
        within(self.definition, self.variant + 1)
    }
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Stop> {
        let index: serde::de::value::U32Deserializer<Stop> = (self.variant as u32).into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        let mut inner = Shape::Unknown;
        let path = self.path();
        let value = seed.deserialize(Place { tracer: self.tracer, shape: &mut inner, path })?;
        *self.form = Form::Newtype(inner);
        Ok(value)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Stop> {
        let mut shapes = Vec::new();
        let path = self.path();
        let value = visitor.visit_seq(Parts { tracer: self.tracer, shapes: &mut shapes, length, same: false, path })?;
        *self.form = Form::Tuple(shapes);
        Ok(value)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        let path = self.path();
        let (form, value) = read_fields(self.tracer, path, fields, visitor)?;
        *self.form = form;
        Ok(value)
    }
}

/// A sample [`Value`](crate::Value): the variant with this number.
pub(super) struct Made(pub(super) u32);

impl<'de> EnumAccess<'de> for Made {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Stop> {
        let index: serde::de::value::U32Deserializer<Stop> = self.0.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Made {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        Ok(())
    }

    /// A bool, an integer, a text, a list or a map, each of them empty.
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        // Nothing of this is recorded, and only the first samples are used.
        let (mut tracer, mut shape) = (Tracer { recursion: 1, ..Tracer::default() }, Shape::Unknown);
        seed.deserialize(Place { tracer: &mut tracer, shape: &mut shape, path: 0 })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Refused)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Stop> {
        Err(Stop::Refused)
    }
}
