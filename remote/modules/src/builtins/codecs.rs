//! Encoding and decoding of texts.

use crate::python::{check_result, short};
use crate::{Exception, UnicodeError};

/// The known encodings.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    /// One byte for each character below this number.
    Narrow(u32),
}

impl Encoding {
    fn named(name: &str) -> Result<Self, Exception> {
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" => Ok(Encoding::Utf8),
            "ascii" | "us-ascii" => Ok(Encoding::Narrow(0x80)),
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" => Ok(Encoding::Narrow(0x100)),
            _ => {
                // Escaped, which CPython does not do, and without quotes.
                let name = short(&name.into());
                let name = name.get(1..name.len() - 1).unwrap_or_default();
                Err(Exception::LookupError(format!("unknown encoding: {name}; there are utf-8, ascii and latin-1")))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Narrow(0x80) => "ascii",
            Encoding::Narrow(_) => "latin-1",
        }
    }
}

/// What to do with what cannot be encoded or decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Handler {
    Strict,
    Ignore,
    Replace,
    /// Writes its code as Python does.
    Backslash,
    /// Writes its code as XML does. For encoding only.
    Xml,
    /// Python makes a lone surrogate of each byte, which a text here cannot hold.
    Escape,
    /// Python makes a lone surrogate of the three bytes that encode it, which a text here cannot hold.
    Pass,
}

impl Handler {
    fn named(errors: Option<&str>) -> Result<Self, Exception> {
        match errors.unwrap_or("strict") {
            "strict" => Ok(Handler::Strict),
            "ignore" => Ok(Handler::Ignore),
            "replace" => Ok(Handler::Replace),
            "backslashreplace" => Ok(Handler::Backslash),
            "xmlcharrefreplace" => Ok(Handler::Xml),
            "surrogateescape" => Ok(Handler::Escape),
            "surrogatepass" => Ok(Handler::Pass),
            other => Err(Exception::LookupError(format!(
                "unknown error handler name {}; there are strict, ignore, replace, backslashreplace, \
                 xmlcharrefreplace, surrogateescape and surrogatepass",
                short(&other.into())
            ))),
        }
    }

    /// Returns the replacement for bytes that cannot be decoded, or `None` if they are an error.
    fn for_bytes(self, bytes: &[u8]) -> Result<Option<String>, Exception> {
        Ok(match self {
            Handler::Ignore => Some(String::new()),
            Handler::Replace => Some('\u{fffd}'.to_string()),
            Handler::Backslash => Some(bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()),
            Handler::Xml => {
                return Err(Exception::of_type("don't know how to handle UnicodeDecodeError in error callback"));
            }
            Handler::Strict | Handler::Escape | Handler::Pass => None,
        })
    }

    /// Returns the replacement for a character that cannot be encoded, or `None` if it is an error.
    fn for_letter(self, c: char) -> Option<String> {
        let code = u32::from(c);
        match self {
            Handler::Ignore => Some(String::new()),
            Handler::Replace => Some("?".to_owned()),
            Handler::Backslash => Some(match code {
                0..=0xff => format!("\\x{code:02x}"),
                0x100..=0xffff => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            }),
            Handler::Xml => Some(format!("&#{code};")),
            // A text has no surrogates, so there are none that these could let through.
            Handler::Strict | Handler::Escape | Handler::Pass => None,
        }
    }
}

/// Encodes a text.
pub(super) fn encode(text: &str, encoding: &str, errors: Option<&str>) -> Result<Vec<u8>, Exception> {
    let (handler, encoding) = (Handler::named(errors)?, Encoding::named(encoding)?);
    let Encoding::Narrow(bound) = encoding else { return Ok(text.as_bytes().to_vec()) };
    let mut bytes = Vec::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) if u32::from(byte) < bound => bytes.push(byte),
            _ => match handler.for_letter(c) {
                Some(instead) => {
                    check_result(1, bytes.len() + instead.len())?;
                    bytes.extend(instead.bytes());
                }
                None => {
                    let many = text.chars().skip(at).take_while(|c| u32::from(*c) >= bound).count();
                    let reason = format!("ordinal not in range({bound})");
                    let error = UnicodeError::of_text(encoding.name(), text, at..at + many, c, &reason);
                    return Err(Exception::UnicodeEncodeError(error.into()));
                }
            },
        }
    }
    Ok(bytes)
}

/// Decodes bytes to a text.
pub(super) fn decode(bytes: &[u8], encoding: &str, errors: Option<&str>) -> Result<String, Exception> {
    let (handler, encoding) = (Handler::named(errors)?, Encoding::named(encoding)?);
    let mut text = String::with_capacity(bytes.len());
    let mut at = 0;
    let broken = |text: &mut String, at: usize, wrong: &[u8], reason: &str| {
        let place = at..at + wrong.len();
        match handler.for_bytes(wrong)? {
            Some(instead) => {
                check_result(1, text.len() + instead.len())?;
                text.push_str(&instead);
            }
            None => {
                let reason = without_surrogates(handler, encoding, &bytes[at..], reason);
                let error = UnicodeError::of_bytes(encoding.name(), bytes, place, &reason);
                return Err(Exception::UnicodeDecodeError(error.into()));
            }
        }
        Ok(())
    };
    match encoding {
        Encoding::Utf8 => {
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                at += chunk.valid().len();
                let wrong = chunk.invalid();
                if !wrong.is_empty() {
                    let why = match wrong[0] {
                        0xc2..=0xf4 if at + wrong.len() == bytes.len() && is_begun(wrong) => "unexpected end of data",
                        0xc2..=0xf4 => "invalid continuation byte",
                        _ => "invalid start byte",
                    };
                    broken(&mut text, at, wrong, why)?;
                    at += wrong.len();
                }
            }
        }
        Encoding::Narrow(bound) => {
            let reason = format!("ordinal not in range({bound})");
            for (at, &byte) in bytes.iter().enumerate() {
                if u32::from(byte) < bound {
                    text.push(byte.into());
                } else {
                    broken(&mut text, at, &[byte], &reason)?;
                }
            }
        }
    }
    Ok(text)
}

/// Returns whether these bytes are the beginning of a character that more bytes could complete.
fn is_begun(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// The reason for an error where Python would make lone surrogates of the bytes. A text here is UTF-8, which has none.
fn without_surrogates(handler: Handler, encoding: Encoding, bytes: &[u8], reason: &str) -> String {
    let would_be_one = match handler {
        Handler::Escape => true,
        Handler::Pass => matches!(encoding, Encoding::Utf8) && matches!(bytes, [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]),
        _ => false,
    };
    if would_be_one {
        format!(
            "{reason}, and a text cannot hold the lone surrogates that would stand for it; keep the bytes, decode them \
             as latin-1, or use backslashreplace"
        )
    } else {
        reason.to_owned()
    }
}
