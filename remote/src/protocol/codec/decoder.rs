//! Decoding: postcard reads the scalars, and this deserializer the structure, so that it can count levels and elements
//! and keep error messages.

use serde::de::value::U32Deserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{CodecError, NESTING_LIMIT};

/// How many more elements a message may have than its size in bytes: 1024. See the [module](super).
#[doc(hidden)]
pub const SPARE_ELEMENTS: usize = 1024;

/// Decodes all of `bytes`.
///
/// # Errors
///
/// [`CodecError::Malformed`] if the bytes do not fit the type, [`CodecError::LeftOver`] if there are more of them than
/// it takes, [`CodecError::TooDeep`], [`CodecError::TooManyElements`].
///
/// ```
/// use tarmem_remote::codec::{CodecError, decode};
///
/// assert_eq!(decode::<(u8, &str)>(&[1, 2, b'a', b'b']), Ok((1, "ab")));
/// assert_eq!(decode::<u8>(&[1, 2, 3, 4]), Err(CodecError::LeftOver { bytes: 3 }));
/// assert_eq!(decode::<u16>(&[0x80]).unwrap_err().to_string(), "the data ends too early");
/// ```
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, CodecError> {
    let mut deserializer = TypedDeserializer::new(bytes);
    let value = T::deserialize(&mut deserializer)?;
    deserializer.finish()?;
    Ok(value)
}

/// Decodes the beginning of `bytes`, and returns the rest.
///
/// # Errors
///
/// Those of [`decode`], except that bytes may be left over.
///
/// ```
/// assert_eq!(tarmem_remote::codec::decode_prefix::<bool>(&[1, 7]), Ok((true, &[7][..])));
/// ```
#[doc(hidden)]
pub fn decode_prefix<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<(T, &'de [u8]), CodecError> {
    let mut deserializer = TypedDeserializer::new(bytes);
    let value = T::deserialize(&mut deserializer)?;
    Ok((value, deserializer.input))
}

/// A serde deserializer of the typed encoding, for `&mut`: values are decoded one after another.
///
/// A dispatcher erases it, lets a method decode its arguments, and looks whether anything is left:
///
/// ```
/// use tarmem_remote::codec::{CodecError, TypedDeserializer, encode};
///
/// let bytes = encode(&(1u8, "one", 5u8)).unwrap();
/// let mut deserializer = TypedDeserializer::new(&bytes);
/// let arguments: (u8, String) = {
///     let mut erased = <dyn erased_serde::Deserializer>::erase(&mut deserializer);
///     erased_serde::deserialize(&mut erased).unwrap()
/// };
/// assert_eq!(arguments, (1, "one".to_owned()));
/// assert_eq!(deserializer.remaining(), 1);
/// assert_eq!(deserializer.finish(), Err(CodecError::LeftOver { bytes: 1 }));
/// ```
#[doc(hidden)]
pub struct TypedDeserializer<'de> {
    input: &'de [u8],
    /// How many types enclose the next one.
    depth: usize,
    /// How many more elements are allowed.
    budget: usize,
    /// The initial budget.
    limit: usize,
}

impl<'de> TypedDeserializer<'de> {
    /// A deserializer that starts with the first of these bytes.
    #[inline]
    pub fn new(bytes: &'de [u8]) -> Self {
        let limit = bytes.len().saturating_add(SPARE_ELEMENTS);
        TypedDeserializer { input: bytes, depth: 0, budget: limit, limit }
    }

    /// How many bytes are left. After an error, this shows roughly where it occurred.
    pub fn remaining(&self) -> usize {
        self.input.len()
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    ///
    /// [`CodecError::LeftOver`].
    #[inline]
    pub fn finish(&self) -> Result<(), CodecError> {
        match self.input.len() {
            0 => Ok(()),
            bytes => Err(CodecError::LeftOver { bytes }),
        }
    }

    /// Reads a scalar with postcard.
    #[inline]
    fn scalar<T: Deserialize<'de>>(&mut self) -> Result<T, CodecError> {
        let (value, rest) = postcard::take_from_bytes(self.input).map_err(CodecError::from_postcard)?;
        self.input = rest;
        Ok(value)
    }

    /// Reads an integer of one byte, as most are, in the form in which postcard writes unsigned integers of more than
    /// eight bits.
    #[inline]
    fn small(&mut self) -> Option<u8> {
        match self.input {
            [byte @ ..0x80, rest @ ..] => {
                self.input = rest;
                Some(*byte)
            }
            _ => None,
        }
    }

    #[inline]
    fn unsigned<T: Deserialize<'de> + From<u8>>(&mut self) -> Result<T, CodecError> {
        match self.small() {
            Some(byte) => Ok(byte.into()),
            None => self.scalar(),
        }
    }

    /// Like [`unsigned`](Self::unsigned), but each number represents a signed one: 0, -1, 1, -2, 2.
    #[inline]
    fn signed<T: Deserialize<'de> + From<i8>>(&mut self) -> Result<T, CodecError> {
        match self.small() {
            Some(byte) => Ok(unzigzag(byte).into()),
            None => self.scalar(),
        }
    }

    /// Like [`signed`](Self::signed): a number that fits 64 bits has the same bytes in both widths.
    #[inline]
    fn signed_of_128_bits(&mut self) -> Result<i128, CodecError> {
        match self.small() {
            Some(byte) => Ok(unzigzag(byte).into()),
            None => self.scalar::<i64>().map_or_else(|_| self.scalar(), |value| Ok(value.into())),
        }
    }

    /// Reads how many elements follow, and takes them from the budget at once.
    #[inline]
    fn len(&mut self) -> Result<usize, CodecError> {
        let len = self.small().map_or_else(|| self.scalar(), |len| Ok(len.into()))?;
        match self.budget.checked_sub(len) {
            Some(budget) => {
                self.budget = budget;
                Ok(len)
            }
            None => Err(CodecError::TooManyElements { limit: self.limit }),
        }
    }

    /// Runs `f` one level deeper.
    #[inline]
    fn nested<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R, CodecError>) -> Result<R, CodecError> {
        if self.depth >= NESTING_LIMIT {
            return Err(CodecError::TooDeep { limit: NESTING_LIMIT });
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    #[inline]
    fn fixed<V: Visitor<'de>>(&mut self, len: usize, visitor: V) -> Result<V::Value, CodecError> {
        self.nested(|de| visitor.visit_seq(Elements { de, left: len }))
    }
}

/// The signed number that an unsigned one represents.
#[inline]
fn unzigzag(byte: u8) -> i8 {
    (byte >> 1) as i8 ^ -((byte & 1) as i8)
}

#[cold]
fn not_self_describing<T>() -> Result<T, CodecError> {
    Err(CodecError::Malformed(
        "the typed encoding does not say what comes next, so types that ask (untagged and internally tagged enums, \
         `#[serde(flatten)]`) cannot be decoded from it"
            .to_owned(),
    ))
}

macro_rules! scalars {
    ($($method:ident $visit:ident $read:ident $kind:ty),* $(,)?) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
            visitor.$visit(self.$read::<$kind>()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut TypedDeserializer<'de> {
    type Error = CodecError;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    scalars! {
        deserialize_bool visit_bool scalar bool,
        deserialize_i8 visit_i8 scalar i8,
        deserialize_i16 visit_i16 signed i16,
        deserialize_i32 visit_i32 signed i32,
        deserialize_i64 visit_i64 signed i64,
        deserialize_u8 visit_u8 scalar u8,
        deserialize_u16 visit_u16 unsigned u16,
        deserialize_u32 visit_u32 unsigned u32,
        deserialize_u64 visit_u64 unsigned u64,
        deserialize_u128 visit_u128 unsigned u128,
        deserialize_f32 visit_f32 scalar f32,
        deserialize_f64 visit_f64 scalar f64,
        deserialize_char visit_char scalar char,
        deserialize_str visit_borrowed_str scalar &'de str,
        deserialize_string visit_borrowed_str scalar &'de str,
        deserialize_bytes visit_borrowed_bytes scalar &'de [u8],
        deserialize_byte_buf visit_borrowed_bytes scalar &'de [u8],
    }

    #[inline]
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_i128(self.signed_of_128_bits()?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, CodecError> {
        not_self_describing()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, CodecError> {
        not_self_describing()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, CodecError> {
        not_self_describing()
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.scalar::<u8>()? {
            0 => visitor.visit_none(),
            1 => self.nested(|de| visitor.visit_some(de)),
            _ => Err(CodecError::from_postcard(postcard::Error::DeserializeBadOption)),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.nested(|de| visitor.visit_newtype_struct(de))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let left = self.len()?;
        self.nested(|de| visitor.visit_seq(Elements { de, left }))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, CodecError> {
        self.fixed(len, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.fixed(len, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let left = self.len()?;
        self.nested(|de| visitor.visit_map(Elements { de, left }))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.fixed(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.nested(|de| visitor.visit_enum(Variant { de }))
    }
}

/// This many elements of a sequence, fields of a tuple or entries of a map, one after another.
struct Elements<'d, 'de> {
    de: &'d mut TypedDeserializer<'de>,
    left: usize,
}

impl Elements<'_, '_> {
    /// How many elements are worth reserving: an element takes at least one byte, or none at all.
    #[inline]
    fn hint(&self) -> Option<usize> {
        Some(self.left.min(self.de.input.len()))
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, CodecError> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                seed.deserialize(&mut *self.de).map(Some)
            }
            None => Ok(None),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, CodecError> {
        self.next_element_seed(seed)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, CodecError> {
        seed.deserialize(&mut *self.de)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// The tag and the content of an enum, whose level has been counted.
struct Variant<'d, 'de> {
    de: &'d mut TypedDeserializer<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;
    type Variant = Self;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), CodecError> {
        let index = self.de.unsigned::<u32>()?;
        let tag = seed.deserialize(U32Deserializer::new(index))?;
        Ok((tag, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn unit_variant(self) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, CodecError> {
        seed.deserialize(self.de)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_seq(Elements { de: self.de, left: len })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.tuple_variant(fields.len(), visitor)
    }
}
