//! Learns shapes, by letting types deserialize made-up data.

use super::samples::{BOOLS, BYTES, CHARS, FLOATS, INTEGERS, LENGTHS, TEXTS, VALUES};
use super::{Definition, Form, Plain, Shape, Shapes};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use std::any::type_name;
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// How the newtype's name begins that a resident class asks for.
const RESIDENT: &str = "$tarmem::resident ";

/// The most runs of a type's `Deserialize`.
const RUNS: usize = 10_000;

/// The most values that are made up for a type, in all runs.
const STEPS: usize = 1_000_000;

/// How deep types may be in one another.
const DEPTH: usize = 100;

/// Learns the shapes of types, one after the other; those that they share are learned once.
#[derive(Default)]
pub struct Tracer {
    definitions: Vec<Learned>,
    /// By the full name of what reads the type, and the name that serde has for it.
    known: HashMap<(&'static str, &'static str), usize>,
    /// Which sample each leaf is given, by its place.
    samples: HashMap<u64, usize>,
    /// The leaves that were given one in this run, with how many there are for each.
    given: Vec<(u64, usize)>,
    /// What is tried since a run was refused.
    search: Option<Search>,
    /// How deep in a type that is in itself.
    recursion: usize,
    depth: usize,
    steps: usize,
    /// Enums that were left with something to learn, so far in this run.
    open: usize,
}

/// A run was refused: its leaves are given other samples, one leaf at a time, the last one first, until a run gets further.
struct Search {
    leaves: Vec<(u64, usize)>,
    /// The leaf that is tried, and which sample it had.
    tried: usize,
    before: usize,
}

/// A struct or enum, as far as it is known.
struct Learned {
    name: &'static str,
    /// Of a struct.
    form: Form,
    variants: Vec<Variant>,
    /// Variants that were not tried yet.
    untried: VecDeque<usize>,
    /// A variant that does not lead back to the type itself.
    end: Option<usize>,
    /// Which variant is given where nothing is learned.
    guess: usize,
    /// How often it is in itself now.
    active: usize,
    /// How often it was met within itself.
    met: usize,
}

struct Variant {
    name: &'static str,
    form: Form,
    /// Behind it is something left to learn.
    open: bool,
}

/// Why a run came to nothing.
#[derive(Debug)]
pub(super) enum Stop {
    /// The type refused what it was given.
    Refused,
    /// The type asks what the data is, which the typed encoding cannot tell.
    Undecided,
    /// A type that is in itself has no end yet: so its last enum is to be tried with another variant.
    Endless(Option<usize>),
    /// It is of a class whose values are read from nothing.
    Resident(&'static str),
    /// It takes too long.
    TooMuch,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Stop {}

impl serde::de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Stop::Refused
    }
}

impl Tracer {
    /// The shape of `T`; [`Shape::Unknown`] if it cannot be learned.
    pub fn shape<T: DeserializeOwned>(&mut self) -> Shape {
        self.search = None;
        self.steps = 0;
        for _ in 0..RUNS {
            let mut shape = Shape::Unknown;
            (self.recursion, self.depth, self.open) = (0, 0, 0);
            self.given.clear();
            self.definitions.iter_mut().for_each(|definition| definition.active = 0);
            match T::deserialize(Place { tracer: self, shape: &mut shape, path: 0 }) {
                Ok(_) if self.open == 0 => return shape,
                Ok(_) => self.search = None,
                Err(Stop::Refused) if self.another_sample() => {}
                Err(Stop::Endless(Some(definition))) if self.another_variant(definition) => {}
                Err(Stop::Resident(class)) => return Shape::Opaque(class.to_owned()),
                Err(_) => return Shape::Unknown,
            }
        }
        Shape::Unknown
    }

    /// What was learned, with these roots.
    pub fn finish(self, roots: Vec<(String, Shape)>) -> Shapes {
        let definitions = self.definitions.into_iter().map(|learned| {
            let variants = learned.variants.into_iter().map(|variant| (variant.name.to_owned(), variant.form));
            let variants: Vec<_> = variants.collect();
            let form = if variants.is_empty() { learned.form } else { Form::Enum(variants) };
            Definition { name: learned.name.to_owned(), form }
        });
        Shapes { roots, definitions: definitions.collect() }
    }

    /// Whether there is something else to give to a leaf of the run that was refused.
    fn another_sample(&mut self) -> bool {
        let chosen = |samples: &HashMap<u64, usize>, path| samples.get(&path).copied().unwrap_or(0);
        let search = match &mut self.search {
            Some(search) if self.given.len() <= search.leaves.len() => search,
            search => {
                // It got further than any before: what its leaves were given is kept.
                let leaves = self.given.clone();
                let Some(tried) = leaves.len().checked_sub(1) else { return false };
                let before = chosen(&self.samples, leaves[tried].0);
                search.insert(Search { leaves, tried, before })
            }
        };
        loop {
            let (path, count) = search.leaves[search.tried];
            // Around, from the one that it had.
            let next = (chosen(&self.samples, path) + 1) % count;
            self.samples.insert(path, next);
            if next != search.before {
                return true;
            }
            let Some(tried) = search.tried.checked_sub(1) else { return false };
            (search.tried, search.before) = (tried, chosen(&self.samples, search.leaves[tried].0));
        }
    }

    /// Whether the enum has another variant to be guessed, or tried.
    fn another_variant(&mut self, definition: usize) -> bool {
        let learned = &mut self.definitions[definition];
        learned.guess += 1;
        if let Some(tried) = learned.untried.pop_front() {
            learned.untried.push_back(tried);
        }
        learned.guess <= learned.variants.len() * 2
    }

    fn sample<T: Copy>(&mut self, path: u64, samples: &[T]) -> T {
        self.given.push((path, samples.len()));
        samples[self.samples.get(&path).copied().unwrap_or(0) % samples.len()]
    }

    /// Whether what is met now is to be learned. Within a type that is in itself it has been, or will be.
    fn learns(&self) -> bool {
        self.recursion == 0
    }

    fn definition(&mut self, reader: &'static str, name: &'static str) -> usize {
        let next = self.definitions.len();
        let index = *self.known.entry((reader, name)).or_insert(next);
        if index == next {
            self.definitions.push(Learned {
                name,
                form: Form::Unit,
                variants: Vec::new(),
                untried: VecDeque::new(),
                end: None,
                guess: 0,
                active: 0,
                met: 0,
            });
        }
        index
    }

    fn enter(&mut self, definition: usize) {
        let learned = &mut self.definitions[definition];
        if learned.active > 0 {
            self.recursion += 1;
            learned.met += 1;
        }
        learned.active += 1;
    }

    fn leave(&mut self, definition: usize) {
        let learned = &mut self.definitions[definition];
        learned.active -= 1;
        if learned.active > 0 {
            self.recursion -= 1;
        }
    }

    /// The variant that an enum is given now.
    fn choose(&self, definition: usize) -> Result<usize, Stop> {
        let learned = &self.definitions[definition];
        if self.learns() {
            let untried = learned.untried.front().copied();
            let open = || learned.variants.iter().position(|variant| variant.open);
            return Ok(untried.or_else(open).or(learned.end).unwrap_or(0));
        }
        match learned.end {
            Some(end) => Ok(end),
            None if learned.active > 2 => Err(Stop::Endless(Some(definition))),
            None => Ok(learned.guess % learned.variants.len().max(1)),
        }
    }
}

/// A place in a type, and what was learned of it.
struct Place<'a> {
    tracer: &'a mut Tracer,
    shape: &'a mut Shape,
    /// Where it is, from the type or the struct that it is in.
    path: u64,
}

fn inside(path: u64, part: usize) -> u64 {
    (path ^ part as u64 ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
}

fn within(definition: usize, part: usize) -> u64 {
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

/// Each leaf gives its sample, and notes its shape.
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

    /// As in the typed encoding.
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

fn read_fields<'de, V: Visitor<'de>>(
    tracer: &mut Tracer,
    path: u64,
    fields: &'static [&'static str],
    visitor: V,
) -> Result<(Form, V::Value), Stop> {
    let mut shapes = Vec::new();
    let value = visitor.visit_seq(Parts { tracer, shapes: &mut shapes, length: fields.len(), same: false, path })?;
    // A field that is skipped is not asked for, and is none of the encoding.
    let fields = fields.iter().map(|field| (*field).to_owned()).zip(shapes);
    Ok((Form::Struct(fields.collect()), value))
}

/// Parts, one after the other.
struct Parts<'a> {
    tracer: &'a mut Tracer,
    shapes: &'a mut Vec<Shape>,
    length: usize,
    /// They are elements, of one type.
    same: bool,
    path: u64,
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
struct Entries<'a> {
    tracer: &'a mut Tracer,
    key: &'a mut Shape,
    value: &'a mut Shape,
    left: usize,
    path: u64,
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

/// The variant that an enum is given.
struct Chosen<'a> {
    tracer: &'a mut Tracer,
    form: &'a mut Form,
    definition: usize,
    variant: usize,
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

/// A made-up [`Value`](crate::Value): the variant of that number.
struct Made(u32);

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

    /// A bool, an integer, a text, a list or a map: empty, each.
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        // Nothing of this is noted, nor is anything else given than what comes first.
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
