//! Encoding: postcard's serializer writes the scalars, and this serializer the structure, so that it can count levels
//! and keep error messages.

use postcard::ser_flavors::Flavor;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use super::{CodecError, NESTING_LIMIT};

/// Encodes anything serializable.
///
/// # Errors
///
/// [`CodecError::TooDeep`], and [`CodecError::Malformed`] with the message of the type's own `Serialize`, or if it
/// contains a sequence of unknown length.
///
/// ```
/// assert_eq!(tarmem_remote::codec::encode(&(1u8, "ab")), Ok(vec![1, 2, b'a', b'b']));
/// ```
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    // Most arguments fit: growing from an empty buffer took a twelfth of a client's call.
    let mut buf = Vec::with_capacity(64);
    encode_into(value, &mut buf, usize::MAX)?;
    Ok(buf)
}

/// Appends the encoding to `buf`, which grows by at most `limit` bytes. After an error, `buf` is unchanged.
///
/// # Errors
///
/// Those of [`encode`], and [`CodecError::TooLarge`].
///
/// ```
/// use tarmem_remote::codec::{CodecError, encode_into};
///
/// let mut buf = vec![9];
/// assert_eq!(encode_into("abc", &mut buf, 3), Err(CodecError::TooLarge { limit: 3 }));
/// assert_eq!(buf, [9]);
/// assert_eq!(encode_into("abc", &mut buf, 4), Ok(()));
/// assert_eq!(buf, [9, 3, b'a', b'b', b'c']);
/// ```
pub fn encode_into<T: Serialize + ?Sized>(value: &T, buf: &mut Vec<u8>, limit: usize) -> Result<(), CodecError> {
    let before = buf.len();
    let mut sink =
        Sink { postcard: postcard::Serializer { output: Bounded { buf, left: limit, starved: false } }, limit };
    let result = value.serialize(Encoder { sink: &mut sink, depth: 0 });
    if result.is_err() {
        buf.truncate(before);
    }
    result
}

/// A buffer with a limit, as a postcard flavor.
struct Bounded<'a> {
    buf: &'a mut Vec<u8>,
    left: usize,
    /// Set if there was not enough memory.
    starved: bool,
}

impl Flavor for Bounded<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > self.left {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.left -= data.len();
        self.make_room(data.len())?;
        self.buf.extend_from_slice(data);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.left == 0 {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.left -= 1;
        self.make_room(1)?;
        self.buf.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

impl Bounded<'_> {
    /// If there is not enough memory for a result, its call fails.
    #[inline]
    fn make_room(&mut self, bytes: usize) -> postcard::Result<()> {
        if bytes > self.buf.capacity() - self.buf.len() { self.grow(bytes) } else { Ok(()) }
    }

    #[cold]
    fn grow(&mut self, bytes: usize) -> postcard::Result<()> {
        self.buf.try_reserve(bytes).map_err(|_| {
            self.starved = true;
            postcard::Error::SerializeBufferFull
        })
    }

    /// Writes an integer as postcard does: seven bits per byte, the lowest first. It is written byte by byte: if it
    /// were collected in an array and copied from there, the processor would wait, because the array is read before it
    /// has been written completely.
    #[inline]
    fn put_varint(&mut self, value: u64) -> postcard::Result<()> {
        if value < 0x80 {
            return self.try_push(value as u8);
        }
        self.put_long_varint(value)
    }

    fn put_long_varint(&mut self, mut value: u64) -> postcard::Result<()> {
        let bits = u64::BITS - (value | 1).leading_zeros();
        let length = bits.div_ceil(7) as usize;
        if length > self.left {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.left -= length;
        self.make_room(length)?;
        while value >= 0x80 {
            self.buf.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.buf.push(value as u8);
        Ok(())
    }
}

struct Sink<'a> {
    postcard: postcard::Serializer<Bounded<'a>>,
    limit: usize,
}

impl Sink<'_> {
    #[cold]
    fn explain(&self, error: postcard::Error) -> CodecError {
        match error {
            _ if self.postcard.output.starved => {
                let held = self.postcard.output.buf.len();
                CodecError::Malformed(format!("there is no memory for more than {held} bytes now; take less at once"))
            }
            postcard::Error::SerializeBufferFull => CodecError::TooLarge { limit: self.limit },
            error => CodecError::from_postcard(error),
        }
    }
}

/// Writes one value at a certain depth. It is also the state of a compound value, whose parts are one level deeper.
struct Encoder<'s, 'a> {
    sink: &'s mut Sink<'a>,
    depth: usize,
}

impl Encoder<'_, '_> {
    #[inline]
    fn nested(self) -> Result<Self, CodecError> {
        if self.depth >= NESTING_LIMIT {
            return Err(CodecError::TooDeep { limit: NESTING_LIMIT });
        }
        let depth = self.depth + 1;
        Ok(Encoder { depth, ..self })
    }

    /// Writes a part of this compound value.
    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        value.serialize(Encoder { sink: self.sink, depth: self.depth })
    }

    #[inline]
    fn tag(&mut self, index: u32) -> Result<(), CodecError> {
        let written = self.sink.postcard.output.put_varint(index.into());
        written.map_err(|error| self.sink.explain(error))
    }
}

macro_rules! scalars {
    ($($method:ident $kind:ty)*) => {$(
        #[inline]
        fn $method(self, value: $kind) -> Result<(), CodecError> {
            let written = self.sink.postcard.$method(value);
            written.map_err(|error| self.sink.explain(error))
        }
    )*};
}

macro_rules! varints {
    ($($method:ident $kind:ty as $zigzag:expr;)*) => {$(
        #[inline]
        fn $method(self, value: $kind) -> Result<(), CodecError> {
            let written = self.sink.postcard.output.put_varint($zigzag(value.into()));
            written.map_err(|error| self.sink.explain(error))
        }
    )*};
}

/// Maps small numbers of either sign to small unsigned ones.
#[inline]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

impl<'s, 'a> Serializer for Encoder<'s, 'a> {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    scalars! {
        serialize_bool bool serialize_i8 i8 serialize_u8 u8 serialize_u128 u128
        serialize_f32 f32 serialize_f64 f64
        serialize_char char serialize_str &str serialize_bytes &[u8]
    }

    varints! {
        serialize_i16 i16 as zigzag;
        serialize_i32 i32 as zigzag;
        serialize_i64 i64 as zigzag;
        serialize_u16 u16 as std::convert::identity::<u64>;
        serialize_u32 u32 as std::convert::identity::<u64>;
        serialize_u64 u64 as std::convert::identity::<u64>;
    }

    /// A number that fits 64 bits has the same bytes in both widths.
    #[inline]
    fn serialize_i128(self, value: i128) -> Result<(), CodecError> {
        if let Ok(value) = i64::try_from(value) {
            return self.serialize_i64(value);
        }
        let written = self.sink.postcard.serialize_i128(value);
        written.map_err(|error| self.sink.explain(error))
    }

    #[inline]
    fn serialize_none(self) -> Result<(), CodecError> {
        self.serialize_u8(0)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), CodecError> {
        self.part(&1u8)?;
        value.serialize(self.nested()?)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), CodecError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, index: u32, _variant: &'static str) -> Result<(), CodecError> {
        self.nested()?.tag(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), CodecError> {
        value.serialize(self.nested()?)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        let mut inside = self.nested()?;
        inside.tag(index)?;
        value.serialize(inside)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, CodecError> {
        let written = match len {
            Some(len) => self.sink.postcard.output.put_varint(len as u64),
            None => Err(postcard::Error::SerializeSeqLengthUnknown),
        };
        if let Err(error) = written {
            return Err(self.sink.explain(error));
        }
        self.nested()
    }

    #[inline]
    fn serialize_tuple(self, _len: usize) -> Result<Self, CodecError> {
        self.nested()
    }

    #[inline]
    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self, CodecError> {
        self.nested()
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self, CodecError> {
        let mut inside = self.nested()?;
        inside.tag(index)?;
        Ok(inside)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self, CodecError> {
        self.serialize_seq(len)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self, CodecError> {
        self.nested()
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self, CodecError> {
        self.serialize_tuple_variant(name, index, variant, len)
    }
}

macro_rules! parts {
    ($($interface:ident: $($method:ident($($key:ident)?)),+;)*) => {$(
        impl $interface for Encoder<'_, '_> {
            type Ok = ();
            type Error = CodecError;

            $(
                #[inline]
                fn $method<T: Serialize + ?Sized>(
                    &mut self,
                    $($key: &'static str,)?
                    value: &T,
                ) -> Result<(), CodecError> {
                    self.part(value)
                }
            )+

            #[inline]
            fn end(self) -> Result<(), CodecError> {
                Ok(())
            }
        }
    )*};
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeMap: serialize_key(), serialize_value();
    SerializeStruct: serialize_field(_name);
    SerializeStructVariant: serialize_field(_name);
}
