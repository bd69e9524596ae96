//! The error for bytes that cannot be decoded, and for a text that cannot be encoded.

use tarmem_remote::value::Value;

/// Where and why decoding or encoding failed: the attributes of Python's `UnicodeDecodeError` and `UnicodeEncodeError`.
///
/// ```
/// use tarmem_modules::{Exception, UnicodeError};
///
/// let error = UnicodeError::of_bytes("utf-8", b"a\xff", 1..2, "invalid start byte");
/// let error = Exception::UnicodeDecodeError(error.into());
/// let words = "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte";
/// assert_eq!(error.to_string(), format!("UnicodeDecodeError: {words}"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UnicodeError {
    /// Python's name of the encoding.
    pub encoding: String,
    /// What was to be decoded or encoded; null if that is larger than 64 KiB.
    pub object: Value,
    /// The position of the first byte or character that could not be converted.
    pub start: usize,
    /// The position after the last one.
    pub end: usize,
    /// The reason.
    pub reason: String,
    message: String,
}

/// The size of the largest object that the error holds, in bytes.
const OBJECT_LIMIT: usize = 64 << 10;

impl UnicodeError {
    /// The error for the bytes at `place`, which cannot be decoded.
    pub fn of_bytes(encoding: &str, bytes: &[u8], place: std::ops::Range<usize>, reason: &str) -> Self {
        let object = if bytes.len() > OBJECT_LIMIT { Value::Null } else { Value::Bytes(bytes.to_vec()) };
        let which = match (place.len(), bytes.get(place.start)) {
            (1, Some(byte)) => format!("byte 0x{byte:02x} in position {}", place.start),
            _ => format!("bytes in position {}-{}", place.start, place.end.saturating_sub(1)),
        };
        let message = format!("'{encoding}' codec can't decode {which}: {reason}");
        UnicodeError {
            encoding: encoding.to_owned(),
            object,
            start: place.start,
            end: place.end,
            reason: reason.to_owned(),
            message,
        }
    }

    /// The error for the characters at `place`, which cannot be encoded; `first` is the first of them.
    pub fn of_text(encoding: &str, text: &str, place: std::ops::Range<usize>, first: char, reason: &str) -> Self {
        let object = if text.len() > OBJECT_LIMIT { Value::Null } else { text.into() };
        let which = match (place.len(), u32::from(first)) {
            (2.., _) => format!("characters in position {}-{}", place.start, place.end.saturating_sub(1)),
            (_, code @ ..=0xff) => format!("character '\\x{code:02x}' in position {}", place.start),
            (_, code @ ..=0xffff) => format!("character '\\u{code:04x}' in position {}", place.start),
            (_, code) => format!("character '\\U{code:08x}' in position {}", place.start),
        };
        let message = format!("'{encoding}' codec can't encode {which}: {reason}");
        UnicodeError {
            encoding: encoding.to_owned(),
            object,
            start: place.start,
            end: place.end,
            reason: reason.to_owned(),
            message,
        }
    }

    /// Returns Python's message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the arguments of Python's exception: the encoding, the object, start, end and the reason.
    pub(super) fn into_args(self) -> Vec<Value> {
        vec![self.encoding.into(), self.object, self.start.into(), self.end.into(), self.reason.into()]
    }

    /// Makes it from its arguments as they were sent. What is missing is empty.
    pub(super) fn of_args(message: String, args: Vec<Value>) -> Self {
        let mut args = args.into_iter();
        let mut next = || args.next().unwrap_or_default();
        let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
        let place = |value: Value| value.as_int().and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
        let (encoding, object) = (text(next()), next());
        let (start, end, reason) = (place(next()), place(next()), text(next()));
        UnicodeError { encoding, object, start, end, reason, message }
    }
}
