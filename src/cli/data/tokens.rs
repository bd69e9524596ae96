//! The parts of MessagePack, in which the states of objects are kept.
//!
//! What is read may be damaged, or made by somebody else: nothing here recurses, and no length is believed.

/// One part: a whole value, or the head of a list or map, whose contents follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    /// Below 0.
    Negative(i64),
    Natural(u64),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// So many values follow.
    List(usize),
    /// So many pairs of values follow.
    Map(usize),
    /// Of a kind that MessagePack leaves to its users.
    Extension,
}

/// Reads the next part, and moves `bytes` behind it. `None` if it is malformed.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Token<'a>> {
    let first = *split(bytes, 1)?.first()?;
    Some(match first {
        0x00..=0x7f => Token::Natural(first.into()),
        0x80..=0x8f => Token::Map(usize::from(first & 0x0f)),
        0x90..=0x9f => Token::List(usize::from(first & 0x0f)),
        0xa0..=0xbf => text(bytes, u64::from(first & 0x1f))?,
        0xc0 => Token::Nil,
        0xc1 => return None,
        0xc2 => Token::Bool(false),
        0xc3 => Token::Bool(true),
        0xc4..=0xc6 => {
            let length = number(bytes, 1 << (first - 0xc4))?;
            Token::Bytes(split(bytes, length)?)
        }
        0xc7..=0xc9 => {
            let length = number(bytes, 1 << (first - 0xc7))?;
            split(bytes, length.checked_add(1)?)?;
            Token::Extension
        }
        0xca => Token::Float(f32::from_bits(number(bytes, 4)? as u32).into()),
        0xcb => Token::Float(f64::from_bits(number(bytes, 8)?)),
        0xcc..=0xcf => Token::Natural(number(bytes, 1 << (first - 0xcc))?),
        0xd0 => whole(number(bytes, 1)? as i8 as i64),
        0xd1 => whole(number(bytes, 2)? as i16 as i64),
        0xd2 => whole(number(bytes, 4)? as i32 as i64),
        0xd3 => whole(number(bytes, 8)? as i64),
        0xd4..=0xd8 => {
            split(bytes, 1 + (1 << (first - 0xd4)))?;
            Token::Extension
        }
        0xd9..=0xdb => {
            let length = number(bytes, 1 << (first - 0xd9))?;
            text(bytes, length)?
        }
        0xdc | 0xdd => Token::List(usize::try_from(number(bytes, 2 << (first - 0xdc))?).ok()?),
        0xde | 0xdf => Token::Map(usize::try_from(number(bytes, 2 << (first - 0xde))?).ok()?),
        0xe0..=0xff => Token::Negative((first as i8).into()),
    })
}

/// Reads one whole value, and moves `bytes` behind it. Returns its bytes.
pub(super) fn skip<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let begin = *bytes;
    let mut left: usize = 1;
    while left > 0 {
        left -= 1;
        left = left.checked_add(match take(bytes)? {
            Token::List(length) => length,
            Token::Map(length) => length.checked_mul(2)?,
            _ => 0,
        })?;
    }
    begin.get(..begin.len() - bytes.len())
}

fn split<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// A number of this many bytes, at most 8.
fn number(bytes: &mut &[u8], length: u64) -> Option<u64> {
    Some(split(bytes, length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn text<'a>(bytes: &mut &'a [u8], length: u64) -> Option<Token<'a>> {
    std::str::from_utf8(split(bytes, length)?).ok().map(Token::Text)
}

fn whole(number: i64) -> Token<'static> {
    match u64::try_from(number) {
        Ok(natural) => Token::Natural(natural),
        Err(_) => Token::Negative(number),
    }
}

/// Writes a part as short as it can be written, as rmp-serde does.
pub(super) fn put(out: &mut Vec<u8>, token: Token<'_>) {
    match token {
        Token::Nil => out.push(0xc0),
        Token::Bool(is) => out.push(0xc2 + u8::from(is)),
        Token::Natural(n @ ..0x80) => out.push(n as u8),
        Token::Natural(n) => match (u8::try_from(n), u16::try_from(n), u32::try_from(n)) {
            (Ok(n), ..) => out.extend_from_slice(&[0xcc, n]),
            (_, Ok(n), _) => with(out, 0xcd, &n.to_be_bytes()),
            (.., Ok(n)) => with(out, 0xce, &n.to_be_bytes()),
            _ => with(out, 0xcf, &n.to_be_bytes()),
        },
        Token::Negative(n @ -32..) => out.push(n as u8),
        Token::Negative(n) => match (i8::try_from(n), i16::try_from(n), i32::try_from(n)) {
            (Ok(n), ..) => with(out, 0xd0, &n.to_be_bytes()),
            (_, Ok(n), _) => with(out, 0xd1, &n.to_be_bytes()),
            (.., Ok(n)) => with(out, 0xd2, &n.to_be_bytes()),
            _ => with(out, 0xd3, &n.to_be_bytes()),
        },
        Token::Float(x) => with(out, 0xcb, &x.to_bits().to_be_bytes()),
        Token::Text(text) => {
            match text.len() {
                length @ ..32 => out.push(0xa0 | length as u8),
                length @ ..0x100 => out.extend_from_slice(&[0xd9, length as u8]),
                length => head(out, 0xda, length),
            }
            out.extend_from_slice(text.as_bytes());
        }
        Token::Bytes(bytes) => {
            match bytes.len() {
                length @ ..0x100 => out.extend_from_slice(&[0xc4, length as u8]),
                length => head(out, 0xc5, length),
            }
            out.extend_from_slice(bytes);
        }
        Token::List(length @ ..16) => out.push(0x90 | length as u8),
        Token::List(length) => head(out, 0xdc, length),
        Token::Map(length @ ..16) => out.push(0x80 | length as u8),
        Token::Map(length) => head(out, 0xde, length),
        // Copied with its bytes.
        Token::Extension => {}
    }
}

fn with(out: &mut Vec<u8>, marker: u8, bytes: &[u8]) {
    out.push(marker);
    out.extend_from_slice(bytes);
}

/// A length of 2 bytes after `marker`, or one of 4 after the next.
fn head(out: &mut Vec<u8>, marker: u8, length: usize) {
    match u16::try_from(length) {
        Ok(length) => with(out, marker, &length.to_be_bytes()),
        // What is longer than 4 GiB was never one value.
        Err(_) => with(out, marker + 1, &(length as u32).to_be_bytes()),
    }
}
