//! The arguments of a dynamic call: some positional, some named.

use crate::codec::{self, CodecError};
use crate::error::near_misses;
use crate::params::Param;
use crate::protocol::results::ParamKind;
use crate::value::{ABSENT, Value, ValueError, to_value};
use serde::de::{Deserializer, Visitor};
use serde::ser::{Impossible, SerializeTuple, Serializer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::marker::PhantomData;

mod bound;
mod kwargs;
#[cfg(test)]
mod tests;

pub(crate) use bound::Bound;
pub use kwargs::Kwargs;

/// The arguments of a dynamic call: positional ones, followed by named ones, as in Python. Where there are no named
/// arguments, any list of [`Value`]s can be used.
///
/// ```
/// use tarmem_remote::args;
/// use tarmem_remote::args::Args;
///
/// let both: Args = args!["1,2"; sep = ",", maxsplit = 1];
/// assert_eq!(both, Args::from(args!["1,2"]).named("sep", ",").named("maxsplit", 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    positional: Vec<Value>,
    named: Vec<(String, Value)>,
    /// Set if the arguments are complete by the caller's own signature: null for a parameter that the service no longer
    /// has then counts as left out.
    by_signature: bool,
}

impl<I: IntoIterator<Item = Value>> From<I> for Args {
    fn from(values: I) -> Self {
        Args { positional: values.into_iter().collect(), ..Args::default() }
    }
}

impl Args {
    /// Adds a named argument.
    pub fn named(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.named.push((name.into(), value.into()));
        self
    }

    /// The arguments of a typed call, one for each parameter of the caller's signature.
    pub(crate) fn by_names(named: Vec<(String, Value)>) -> Self {
        Args { positional: Vec::new(), named, by_signature: true }
    }

    /// Encodes the arguments: the list of the positional ones, followed by the named ones, if there are any.
    ///
    /// # Errors
    /// Values that are nested too deep.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Like [`encode`](Self::encode), but appends to `bytes`.
    pub(crate) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        codec::encode_into(&self.positional, bytes, usize::MAX)?;
        if self.by_signature || !self.named.is_empty() {
            codec::encode_into(&(&self.named, self.by_signature), bytes, usize::MAX)?;
        }
        Ok(())
    }

    /// Decodes arguments.
    ///
    /// # Errors
    /// The bytes are malformed.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let (positional, rest) = codec::decode_prefix(bytes)?;
        Self::with_rest(positional, rest)
    }

    fn with_rest(positional: Vec<Value>, rest: &[u8]) -> Result<Self, CodecError> {
        let (named, by_signature) = if rest.is_empty() { Default::default() } else { codec::decode(rest)? };
        Ok(Args { positional, named, by_signature })
    }

    /// Decodes the arguments and assigns one to each parameter.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub(crate) fn bind_encoded<'p>(bytes: &[u8], params: &'p [Param]) -> Result<Bound<'p>, String> {
        let (positional, rest) = codec::decode_prefix::<Vec<Value>>(bytes).map_err(|e| e.to_string())?;
        // The common case: one positional argument for each parameter.
        if rest.is_empty() && positional.len() == params.len() && !params.iter().any(|param| param.kind.is_rest()) {
            return Ok(Bound::ByPlace(params, positional.into_iter()));
        }
        Args::with_rest(positional, rest).map_err(|e| e.to_string())?.bind(params)
    }

    /// The positional arguments.
    pub fn positional(&self) -> &[Value] {
        &self.positional
    }

    /// The named arguments.
    pub fn by_name(&self) -> &[(String, Value)] {
        &self.named
    }

    /// The positional and the named arguments. If a name is repeated, its last value counts.
    pub fn into_parts(self) -> (Vec<Value>, Kwargs) {
        (self.positional, self.named.into_iter().collect())
    }

    /// Assigns an argument to each parameter; `None` for one that was left out.
    ///
    /// # Errors
    /// A message for an [`Error::BadArguments`](crate::Error::BadArguments).
    pub(crate) fn bind(self, params: &[Param]) -> Result<Bound<'_>, String> {
        let Args { positional, named, by_signature } = self;
        let rest_at = |kind| params.iter().position(|param| param.kind == kind);
        let (args_at, kwargs_at) = (rest_at(ParamKind::Args), rest_at(ParamKind::Kwargs));
        // Parameters after `args` can only be passed by name.
        let by_place = &params[..args_at.or(kwargs_at).unwrap_or(params.len())];
        let least = by_place.iter().rposition(|p| !p.optional).map_or(0, |last| last + 1);
        let most = if args_at.is_none() { by_place.len() } else { usize::MAX };
        let found = positional.len() + named.len();
        if positional.len() > most || (named.is_empty() && found < least) {
            return Err(miscount(least, most, found));
        }
        let mut positional = positional.into_iter();
        if named.is_empty() && by_place.len() == params.len() {
            // The common case: positional arguments only.
            return Ok(Bound::ByPlace(params, positional));
        }
        let mut bound: Vec<Option<Value>> = vec![None; params.len()];
        bound[..by_place.len()].iter_mut().zip(&mut positional).for_each(|(place, value)| *place = Some(value));
        let mut kwargs = Kwargs::new();
        for (name, value) in named {
            let twice = || format!("its argument `{name}` is given twice");
            // A caller that knows the signature passes all further arguments as that one parameter.
            let place = params.iter().position(|param| param.name == name && (by_signature || !param.kind.is_rest()));
            match place {
                Some(place) if bound[place].is_some() => return Err(twice()),
                Some(place) => bound[place] = Some(value),
                None if by_signature && value.is_null() => {}
                None if by_signature || kwargs_at.is_none() => return Err(unknown(&name, params)),
                None if kwargs.contains(&name) => return Err(twice()),
                None => kwargs.insert(name, value),
            }
        }
        if let Some(at) = args_at {
            bound[at].get_or_insert_with(|| Value::List(positional.collect()));
        }
        if let Some(at) = kwargs_at {
            bound[at].get_or_insert_with(|| kwargs.into());
        }
        let missing = params.iter().zip(&bound).find(|(param, value)| value.is_none() && !param.optional);
        match missing {
            Some((param, _)) => Err(format!("its argument `{}` is missing", param.name)),
            None => Ok(Bound::Each(params.iter().map(|param| param.name).zip(bound).collect::<Vec<_>>().into_iter())),
        }
    }
}

fn unknown(name: &str, params: &[Param]) -> String {
    let near = near_misses(name, params.iter().filter(|param| !param.kind.is_rest()).map(|param| param.name));
    let hint = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
    format!("it has no parameter `{name}`{hint}")
}

fn miscount(least: usize, most: usize, found: usize) -> String {
    let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
    let wanted = match most {
        usize::MAX => format!("at least {least} {}", plural(least)),
        most if most == least => format!("{most} {}", plural(most)),
        most => format!("{least} to {most} arguments"),
    };
    format!("takes {wanted}, but {found} {} given", if found == 1 { "was" } else { "were" })
}

/// An argument that may be left out. An absent argument is different from null, or `None`.
///
/// ```
/// use tarmem_remote::Value;
/// use tarmem_remote::args::Arg;
///
/// fn pop(default: Arg<Value>) -> Result<Value, &'static str> {
///     default.given().ok_or("KeyError")
/// }
///
/// assert_eq!(pop(Arg::Absent), Err("KeyError"));
/// assert_eq!(pop(Value::Null.into()), Ok(Value::Null));
/// ```
///
/// For a parameter `Arg<T>`, the proxy's method takes `impl Into<Arg<T>>`: the argument itself, or `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arg<T> {
    /// The argument was left out.
    #[default]
    Absent,
    /// The argument.
    Given(T),
}

impl<T> Arg<T> {
    /// The argument, if it was given.
    pub fn given(self) -> Option<T> {
        match self {
            Arg::Absent => None,
            Arg::Given(value) => Some(value),
        }
    }

    /// The argument by reference.
    pub fn as_ref(&self) -> Arg<&T> {
        match self {
            Arg::Absent => Arg::Absent,
            Arg::Given(value) => Arg::Given(value),
        }
    }

    /// The argument, or the result of `default` if it was left out.
    pub fn or_else(self, default: impl FnOnce() -> T) -> T {
        self.given().unwrap_or_else(default)
    }

    /// Whether the argument was left out.
    pub fn is_absent(&self) -> bool {
        matches!(self, Arg::Absent)
    }
}

impl<T> From<T> for Arg<T> {
    fn from(value: T) -> Self {
        Arg::Given(value)
    }
}

/// Rust's `None` leaves the argument out. To pass null, use `Arg::Given(Value::Null)`.
impl<T> From<Option<T>> for Arg<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Arg::Absent, Arg::Given)
    }
}

macro_rules! from_plain {
    ($($plain:ty)*) => {$(
        impl From<$plain> for Arg<Value> {
            fn from(plain: $plain) -> Self {
                Arg::Given(plain.into())
            }
        }
    )*};
}

from_plain!(bool i32 i64 u64 usize f64 &str String);

macro_rules! from_nothing {
    ($($ty:ty)*) => {$(
        /// `()` leaves the argument out.
        impl From<()> for Arg<$ty> {
            fn from((): ()) -> Self {
                Arg::Absent
            }
        }
    )*};
}

from_nothing!(Value bool i64 u64 usize f64 String);

macro_rules! from_collections {
    ($([$($generics:tt)*] $collection:ty;)*) => {$(
        impl<$($generics)*> From<$collection> for Arg<Value> {
            fn from(collection: $collection) -> Self {
                Arg::Given(collection.into())
            }
        }
    )*};
}

from_collections! {
    [T: Into<Value>] Vec<T>;
    [T: Into<Value>] VecDeque<T>;
    [T: Into<Value>, const N: usize] [T; N];
    [T: Into<Value> + Clone] &[T];
    [K: Into<Value>, V: Into<Value>] BTreeMap<K, V>;
    [K: Into<Value>, V: Into<Value>, S] HashMap<K, V, S>;
}

/// The arguments of a dynamic call: a `Vec<Value>` of anything that converts into a [`Value`](crate::value::Value).
/// With a semicolon followed by names, [`Args`](crate::args::Args).
///
/// ```
/// use tarmem_remote::args;
/// use tarmem_remote::value::Value;
///
/// let list = args![1, "a", [1, 2], None::<i64>];
/// assert_eq!(Value::from(list).to_string(), r#"[1,"a",[1,2],null]"#);
/// assert!(args![].is_empty());
/// ```
///
/// A proxy by id is passed as a reference to its object: `args![to_value(&held)?]`, with
/// [`to_value`](crate::value::to_value). A proxy does not convert without it, because a proxy by key refers to no
/// particular object.
#[macro_export]
macro_rules! args {
    ($($argument:expr),* $(,)?; $($name:ident = $named:expr),* $(,)?) => {
        $crate::args::Args::from($crate::args![$($argument),*])$(.named(stringify!($name), $named))*
    };
    ($($argument:expr),* $(,)?) => {{
        let arguments: ::std::vec::Vec<$crate::value::Value> =
            ::std::vec![$($crate::value::Value::from($argument)),*];
        arguments
    }};
}

/// The newtype name with which an [`Arg`] asks for itself.
const GIVEN: &str = "$tarmem::Arg";

impl<T: Serialize> Serialize for Arg<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Arg::Given(value) if serializer.is_human_readable() => value.serialize(serializer),
            Arg::Given(value) => serializer.serialize_some(value),
            Arg::Absent if serializer.is_human_readable() => serializer.serialize_unit_struct(ABSENT),
            Arg::Absent => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Arg<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Ok(Option::deserialize(deserializer)?.map_or(Arg::Absent, Arg::Given));
        }
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Arg<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an argument")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Arg<T>, D::Error> {
                T::deserialize(inner).map(Arg::Given)
            }

            fn visit_none<E>(self) -> Result<Arg<T>, E> {
                Ok(Arg::Absent)
            }
        }
        deserializer.deserialize_newtype_struct(GIVEN, Read(PhantomData))
    }
}

/// The arguments of a tuple as values; `None` for [absent](Arg::Absent) ones.
pub(crate) fn present<T: Serialize>(args: &T) -> Result<Vec<Option<Value>>, String> {
    args.serialize(Collect).map_err(|e| e.to_string())
}

struct Collect;

/// The arguments collected so far.
struct Collected(Vec<Option<Value>>);

impl SerializeTuple for Collected {
    type Ok = Vec<Option<Value>>;
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.0.push(match to_value(value) {
            Err(error) if error.message() == ABSENT => None,
            value => Some(value?),
        });
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, ValueError> {
        Ok(self.0)
    }
}

/// Methods that refuse anything except a tuple.
macro_rules! no_tuple {
    ($($method:ident($($ty:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<$ok, ValueError> {
            Err(ValueError::new("the arguments have to be a tuple"))
        }
    )*};
}

type No = Impossible<Vec<Option<Value>>, ValueError>;

impl Serializer for Collect {
    type Ok = Vec<Option<Value>>;
    type Error = ValueError;
    type SerializeSeq = No;
    type SerializeTuple = Collected;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    fn serialize_tuple(self, length: usize) -> Result<Collected, ValueError> {
        Ok(Collected(Vec::with_capacity(length)))
    }

    fn serialize_unit(self) -> Result<Self::Ok, ValueError> {
        Ok(Vec::new())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Self::Ok, ValueError> {
        Err(ValueError::new("the arguments have to be a tuple"))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<Self::Ok, ValueError> {
        Err(ValueError::new("the arguments have to be a tuple"))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Self::Ok, ValueError> {
        Err(ValueError::new("the arguments have to be a tuple"))
    }

    no_tuple! {
        serialize_bool(bool) -> Self::Ok;
        serialize_i8(i8) -> Self::Ok;
        serialize_i16(i16) -> Self::Ok;
        serialize_i32(i32) -> Self::Ok;
        serialize_i64(i64) -> Self::Ok;
        serialize_u8(u8) -> Self::Ok;
        serialize_u16(u16) -> Self::Ok;
        serialize_u32(u32) -> Self::Ok;
        serialize_u64(u64) -> Self::Ok;
        serialize_f32(f32) -> Self::Ok;
        serialize_f64(f64) -> Self::Ok;
        serialize_char(char) -> Self::Ok;
        serialize_str(&str) -> Self::Ok;
        serialize_bytes(&[u8]) -> Self::Ok;
        serialize_none() -> Self::Ok;
        serialize_unit_struct(&'static str) -> Self::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> Self::Ok;
        serialize_seq(Option<usize>) -> No;
        serialize_tuple_struct(&'static str, usize) -> No;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No;
        serialize_map(Option<usize>) -> No;
        serialize_struct(&'static str, usize) -> No;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No;
    }
}
