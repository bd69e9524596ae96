//! The deserializer that passes sample data to a type, at one place in it.

mod access;

use super::{DEPTH, RESIDENT, STEPS, Stop, Tracer, Variant};
use crate::shape::samples::{BOOLS, BYTES, CHARS, FLOATS, INTEGERS, LENGTHS, TEXTS, VALUES};
use crate::shape::{Form, Plain, Shape};
use access::{Chosen, Entries, Made, Parts, read_fields};
use serde::de::{Deserializer, Visitor};
use std::any::type_name;

/// A place in a type, and the shape that was learned there.
pub(super) struct Place<'a> {
    pub(super) tracer: &'a mut Tracer,
    pub(super) shape: &'a mut Shape,
    /// The path to the place, from the type or the struct that contains it.
    pub(super) path: u64,
}

pub(super) fn inside(path: u64, part: usize) -> u64 {
    (path ^ part as u64 ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
}

pub(super) fn within(definition: usize, part: usize) -> u64 {
    inside(inside(u64::MAX, definition), part)
}

impl Place<'_> {
    fn step(&mut self) -> Result<(), Stop> {
        self.tracer.steps += 1;
        if self.tracer.steps > STEPS { Err(Stop::TooMuch) } else { Ok(()) }
    }

    /// Goes one level down.
    fn down<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R, Stop>) -> Result<R, Stop> {
        self.step()?;
        if self.tracer.depth >= DEPTH {
            let guessed = self.tracer.definitions.iter().position(|definition| definition.active > 1);
            return Err(Stop::Endless(guessed));
        }
        self.tracer.depth += 1;
        let result = f(self);
        self.tracer.depth -= 1;
        result
    }

    /// Reads a struct or enum.
    fn named<R>(
        mut self,
        reader: &'static str,
        name: &'static str,
        read: impl FnOnce(&mut Tracer, usize) -> Result<(R, Option<Form>), Stop>,
    ) -> Result<R, Stop> {
        self.down(|place| {
            let definition = place.tracer.definition(reader, name);
            *place.shape = Shape::Named(definition as u32);
            place.tracer.enter(definition);
            let learns = place.tracer.learns();
            let (value, form) = read(place.tracer, definition)?;
            place.tracer.leave(definition);
            if learns && let Some(form) = form {
                place.tracer.definitions[definition].form = form;
            }
            Ok(value)
        })
    }
}

/// Passes the sample of a leaf, and records its shape.
macro_rules! leaves {
    ($($method:ident $visit:ident $plain:ident $samples:ident $ty:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
            self.step()?;
            *self.shape = Plain::$plain.into();
            visitor.$visit(self.tracer.sample(self.path, &$samples) as $ty)
        }
    )*};
}

impl<'de> Deserializer<'de> for Place<'_> {
    type Error = Stop;

    leaves! {
        deserialize_bool visit_bool Bool BOOLS bool,
        deserialize_i8 visit_i8 I8 INTEGERS i8,
        deserialize_i16 visit_i16 I16 INTEGERS i16,
        deserialize_i32 visit_i32 I32 INTEGERS i32,
        deserialize_i64 visit_i64 I64 INTEGERS i64,
        deserialize_i128 visit_i128 I128 INTEGERS i128,
        deserialize_u8 visit_u8 U8 INTEGERS u8,
        deserialize_u16 visit_u16 U16 INTEGERS u16,
        deserialize_u32 visit_u32 U32 INTEGERS u32,
        deserialize_u64 visit_u64 U64 INTEGERS u64,
        deserialize_u128 visit_u128 U128 INTEGERS u128,
        deserialize_f32 visit_f32 F32 FLOATS f32,
        deserialize_f64 visit_f64 F64 FLOATS f64,
        deserialize_char visit_char Char CHARS char,
        deserialize_str visit_str Str TEXTS &str,
        deserialize_string visit_str Str TEXTS &str,
    }

    /// The same as in the typed encoding.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Undecided)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Undecided)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::Undecided)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.step()?;
        *self.shape = Plain::Bytes.into();
        let length = self.tracer.sample(self.path, &BYTES);
        visitor.visit_bytes(&[0; 64][..length])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        *self.shape = Shape::Unit;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.down(|place| {
            if !place.tracer.learns() {
                return visitor.visit_none();
            }
            let mut inner = Shape::Unknown;
            let path = inside(place.path, 0);
            let value = visitor.visit_some(Place { tracer: place.tracer, shape: &mut inner, path })?;
            *place.shape = Shape::Option(inner.into());
            Ok(value)
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        if name.starts_with(RESIDENT) {
            return Err(Stop::Resident(name));
        }
        self.named(type_name::<V>(), name, |tracer, definition| {
            let mut inner = Shape::Unknown;
            let path = within(definition, 0);
            let value = visitor.visit_newtype_struct(Place { tracer, shape: &mut inner, path })?;
            Ok((value, Some(Form::Newtype(inner))))
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.down(|place| {
            let path = place.path;
            let length = if place.tracer.learns() { place.tracer.sample(path, &LENGTHS) } else { 0 };
            let mut shapes = Vec::new();
            let value =
                visitor.visit_seq(Parts { tracer: place.tracer, shapes: &mut shapes, length, same: true, path })?;
            *place.shape = Shape::Seq(shapes.into_iter().next().unwrap_or(Shape::Unknown).into());
            Ok(value)
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, length: usize, visitor: V) -> Result<V::Value, Stop> {
        self.down(|place| {
            let mut shapes = Vec::new();
            let path = place.path;
            let value =
                visitor.visit_seq(Parts { tracer: place.tracer, shapes: &mut shapes, length, same: false, path })?;
            *place.shape = Shape::Tuple(shapes);
            Ok(value)
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.named(type_name::<V>(), name, |tracer, definition| {
            let mut shapes = Vec::new();
            let path = within(definition, 0);
            let value = visitor.visit_seq(Parts { tracer, shapes: &mut shapes, length, same: false, path })?;
            Ok((value, Some(Form::Tuple(shapes))))
        })
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.down(|place| {
            let path = place.path;
            let left = if place.tracer.learns() { place.tracer.sample(path, &LENGTHS) } else { 0 };
            let (mut key, mut value) = (Shape::Unknown, Shape::Unknown);
            let entries = Entries { tracer: place.tracer, key: &mut key, value: &mut value, left, path };
            let read = visitor.visit_map(entries)?;
            *place.shape = Shape::Map(key.into(), value.into());
            Ok(read)
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.named(type_name::<V>(), name, |tracer, definition| {
            let (form, value) = read_fields(tracer, within(definition, 0), fields, visitor)?;
            Ok((value, Some(form)))
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if crate::value::is_tagged_form(name, variants) {
            *self.shape = Shape::Value;
            return visitor.visit_enum(Made(self.tracer.sample(self.path, &VALUES)));
        }
        self.named(type_name::<V>(), name, |tracer, definition| {
            let learned = &mut tracer.definitions[definition];
            if learned.variants.is_empty() {
                let unknown = |name: &&'static str| Variant { name, form: Form::Unit, open: false };
                learned.variants = variants.iter().map(unknown).collect();
                learned.untried = (0..variants.len()).collect();
            }
            let chosen = tracer.choose(definition)?;
            let (learns, open, met) = (tracer.learns(), tracer.open, tracer.definitions[definition].met);
            let mut form = Form::Unit;
            let value = visitor.visit_enum(Chosen { tracer, form: &mut form, definition, variant: chosen })?;
            if learns {
                let behind = tracer.open > open;
                tracer.open = open;
                let learned = &mut tracer.definitions[definition];
                learned.untried.retain(|untried| *untried != chosen);
                learned.variants[chosen].form = form;
                learned.variants[chosen].open = behind;
                if learned.met == met && learned.end.is_none() {
                    learned.end = Some(chosen);
                }
                if !learned.untried.is_empty() || learned.variants.iter().any(|variant| variant.open) {
                    tracer.open += 1;
                }
            }
            Ok((value, None))
        })
    }
}
