//! The shape of a type, as serde sees it: what has to be the same on both sides for the typed encoding.
//!
//! The typed encoding contains no names: a struct is encoded as its fields, one after the other. So client and service
//! have to agree on the types. A [`Shape`] is what a type requests from a deserializer, in depth. It is learned by
//! running the type's own `Deserialize` on sample data ([`Tracer`]), so it needs nothing from a type except serde's
//! derives. (serde-reflection learns formats in this way, too. This tracer identifies types by their full names, so
//! that two with the same name are not confused; it continues where a type refuses sample data; and it reports where it
//! could not learn a shape, which is not an error here.)
//!
//! [`Shapes::differences`] describes the differences between two sets of shapes for people.

mod difference;
mod samples;
mod trace;

#[cfg(test)]
mod tests;

pub use trace::Tracer;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What a type requests from a deserializer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// Not known: the type's `Deserialize` refused all sample data, or asks what the data is.
    Unknown,
    /// `()`, and types without content.
    Unit,
    /// A scalar, text or bytes, by its name in Rust: `bool`, `i64`, `f32`, `char`, `str`, `bytes`.
    Plain(Plain),
    /// `Option<T>`.
    Option(Box<Shape>),
    /// Any number of elements.
    Seq(Box<Shape>),
    /// Any number of pairs.
    Map(Box<Shape>, Box<Shape>),
    /// Elements of these shapes, in this order.
    Tuple(Vec<Shape>),
    /// A struct or enum, by its place in [`Shapes::definitions`].
    Named(u32),
    /// A [`Value`](crate::Value), which carries its own shape.
    Value,
    /// An object of the service.
    Object {
        /// The path of its class or interface.
        class: String,
        /// Whether it is changed.
        exclusive: bool,
    },
    /// A type that only the service can encode, identified by its name alone.
    Opaque(String),
}

/// A type without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the type of its name")]
pub enum Plain {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
}

/// A struct or enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name in serde.
    pub name: String,
    /// Its content.
    pub form: Form,
}

/// The content of a struct, an enum, or a variant of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Nothing.
    Unit,
    /// One type that is wrapped.
    Newtype(Shape),
    /// Types, in this order.
    Tuple(Vec<Shape>),
    /// Fields, in their order.
    Struct(Vec<(String, Shape)>),
    /// Variants, in their order.
    Enum(Vec<(String, Form)>),
}

/// Shapes that share their definitions: those of a call's parameters and its result, or of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shapes {
    /// The named shapes: the parameters, in their order, then `return` and `error`.
    pub roots: Vec<(String, Shape)>,
    /// The structs and enums in them, in the order in which they are encountered.
    pub definitions: Vec<Definition>,
}

/// The name of a result among the [roots](Shapes::roots).
pub const RETURN: &str = "return";

/// The name of a method's error among the [roots](Shapes::roots).
pub const ERROR: &str = "error";

impl Shapes {
    /// The shape of a root.
    pub fn root(&self, name: &str) -> Option<&Shape> {
        self.roots.iter().find(|(root, _)| root == name).map(|(_, shape)| shape)
    }

    /// A number that is equal for equal shapes, and only for those; `None` if not everything is known.
    ///
    /// It is FNV-1a over everything that the encoding depends on, and over the names that show whether something was
    /// moved: fields, variants, parameters. The names of structs and enums do not count.
    pub fn fingerprint(&self) -> Option<u64> {
        let mut hash = Fnv::default();
        for (name, shape) in &self.roots {
            hash.text(name);
            hash.shape(shape)?;
        }
        for definition in &self.definitions {
            hash.form(&definition.form)?;
        }
        Some(hash.0)
    }

    fn definition(&self, index: u32) -> Option<&Definition> {
        self.definitions.get(usize::try_from(index).ok()?)
    }

    /// A shape as in Rust, with the names of structs and enums.
    pub fn show(&self, shape: &Shape) -> String {
        match shape {
            Shape::Unknown => "what cannot be known".to_owned(),
            Shape::Unit => "()".to_owned(),
            Shape::Plain(plain) => plain.to_string(),
            Shape::Option(inner) => format!("Option<{}>", self.show(inner)),
            Shape::Seq(inner) => format!("Vec<{}>", self.show(inner)),
            Shape::Map(key, value) => format!("Map<{}, {}>", self.show(key), self.show(value)),
            Shape::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.show(part)).collect();
                format!("({})", parts.join(", "))
            }
            Shape::Named(index) => self.definition(*index).map_or("?", |definition| &definition.name).to_owned(),
            Shape::Value => "Value".to_owned(),
            Shape::Object { class, exclusive } => format!("&{}{class}", if *exclusive { "mut " } else { "" }),
            Shape::Opaque(name) => name.clone(),
        }
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Plain::Bool => "bool",
            Plain::I8 => "i8",
            Plain::I16 => "i16",
            Plain::I32 => "i32",
            Plain::I64 => "i64",
            Plain::I128 => "i128",
            Plain::U8 => "u8",
            Plain::U16 => "u16",
            Plain::U32 => "u32",
            Plain::U64 => "u64",
            Plain::U128 => "u128",
            Plain::F32 => "f32",
            Plain::F64 => "f64",
            Plain::Char => "char",
            Plain::Str => "String",
            Plain::Bytes => "bytes",
        })
    }
}

/// FNV-1a (Fowler, Noll and Vo; draft-eastlake-fnv).
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn number(&mut self, number: u64) {
        number.to_le_bytes().into_iter().for_each(|byte| self.byte(byte));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        text.bytes().for_each(|byte| self.byte(byte));
    }

    fn shape(&mut self, shape: &Shape) -> Option<()> {
        match shape {
            Shape::Unknown => return None,
            Shape::Unit => self.byte(1),
            Shape::Plain(plain) => {
                self.byte(2);
                self.byte(*plain as u8);
            }
            Shape::Option(inner) => {
                self.byte(3);
                self.shape(inner)?;
            }
            Shape::Seq(inner) => {
                self.byte(4);
                self.shape(inner)?;
            }
            Shape::Map(key, value) => {
                self.byte(5);
                self.shape(key)?;
                self.shape(value)?;
            }
            Shape::Tuple(parts) => {
                self.byte(6);
                self.shapes(parts)?;
            }
            Shape::Named(index) => {
                self.byte(7);
                self.number(u64::from(*index));
            }
            Shape::Value => self.byte(8),
            Shape::Object { class, exclusive } => {
                self.byte(9);
                self.text(class);
                self.byte(u8::from(*exclusive));
            }
            Shape::Opaque(name) => {
                self.byte(10);
                self.text(name);
            }
        }
        Some(())
    }

    fn shapes(&mut self, shapes: &[Shape]) -> Option<()> {
        self.number(shapes.len() as u64);
        shapes.iter().try_for_each(|shape| self.shape(shape))
    }

    fn form(&mut self, form: &Form) -> Option<()> {
        match form {
            Form::Unit => self.byte(11),
            Form::Newtype(inner) => {
                self.byte(12);
                self.shape(inner)?;
            }
            Form::Tuple(parts) => {
                self.byte(13);
                self.shapes(parts)?;
            }
            Form::Struct(fields) => {
                self.byte(14);
                self.number(fields.len() as u64);
                for (name, shape) in fields {
                    self.text(name);
                    self.shape(shape)?;
                }
            }
            Form::Enum(variants) => {
                self.byte(15);
                self.number(variants.len() as u64);
                for (name, form) in variants {
                    self.text(name);
                    self.form(form)?;
                }
            }
        }
        Some(())
    }
}

impl From<Plain> for Shape {
    fn from(plain: Plain) -> Self {
        Shape::Plain(plain)
    }
}

impl Form {
    /// Its fields by name, if it has any.
    fn fields(&self) -> BTreeMap<&str, &Shape> {
        match self {
            Form::Struct(fields) => fields.iter().map(|(name, shape)| (name.as_str(), shape)).collect(),
            _ => BTreeMap::new(),
        }
    }
}
