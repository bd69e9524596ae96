//! What bytes are no text, and what text has no bytes.

use tarmem_remote::value::Value;

/// Where something could not be decoded or encoded, and why: what Python's `UnicodeDecodeError` and
/// `UnicodeEncodeError` are made of.
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
    /// The encoding, by the name that Python has for it.
    pub encoding: String,
    /// What was to be decoded or encoded; null if it is larger than 64 KiB.
    pub object: Value,
    /// Where it begins: the position of a byte, or of a character.
    pub start: usize,
    /// Where it ends; this position is good again.
    pub end: usize,
    /// Why.
    pub reason: String,
    message: String,
}

/// The largest object that goes along, in bytes.
const OBJECT_LIMIT: usize = 64 << 10;

impl UnicodeError {
    /// That the bytes at `place` are no text.
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

    /// That the characters at `place`, of which `first` is the first, have no bytes.
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

    /// In Python's words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the arguments that Python makes it of: the encoding, the object, start, end and the reason.
    pub(super) fn into_args(self) -> Vec<Value> {
        vec![self.encoding.into(), self.object, self.start.into(), self.end.into(), self.reason.into()]
    }

    /// As it was sent; what is not there is empty.
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
