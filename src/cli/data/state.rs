//! The state of an object as JSON, and back.
//!
//! JSON has fewer kinds of values than MessagePack. The others are objects with one name that begins with `$`:
//!
//! ```text
//! {"$ref": "ID", "class": "bank.Account"}   a reference to an object
//! {"$bytes": "00ff"}                        bytes
//! {"$float": "nan"}                         a float that is no number, or inf, or -inf
//! {"$map": [[KEY, VALUE], …]}               a map that JSON's objects cannot be
//! {"$msgpack": "c0"}                        anything else, such as what is nested very deeply: its encoding
//! ```

use super::tokens::{self, Token, put, skip, take};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value as Json;
use std::collections::HashSet;
use uuid::Uuid;

/// What is nested deeper is shown encoded: JSON has two levels for some of them, and its readers have limits.
const DEEPEST: usize = 32;

const REF: &str = "$ref";
const CLASS: &str = "class";
const BYTES: &str = "$bytes";
const FLOAT: &str = "$float";
const MAP: &str = "$map";
const ENCODED: &str = "$msgpack";

/// A value of a state.
#[derive(Debug, PartialEq)]
pub(super) enum Item<'a> {
    Plain(Token<'a>),
    Ref(Uuid, &'a str),
    List(Vec<Item<'a>>),
    Map(Vec<(Item<'a>, Item<'a>)>),
    Encoded(&'a [u8]),
}

/// The value that `bytes` are. `None` if they are malformed.
pub(super) fn read<'a>(bytes: &'a [u8], ids: &Ids) -> Option<Item<'a>> {
    let mut rest = bytes;
    let item = item(&mut rest, ids, 0)?;
    rest.is_empty().then_some(item)
}

fn item<'a>(bytes: &mut &'a [u8], ids: &Ids, depth: usize) -> Option<Item<'a>> {
    let begin = *bytes;
    let encoded = |bytes: &mut &'a [u8]| {
        *bytes = begin;
        skip(bytes).map(Item::Encoded)
    };
    Some(match take(bytes)? {
        Token::List(2) if ids.is_reference(bytes) => match (take(bytes)?, take(bytes)?) {
            (Token::Bytes(id), Token::Text(class)) => Item::Ref(Uuid::from_slice(id).ok()?, class),
            _ => return None,
        },
        Token::List(_) | Token::Map(_) if depth == DEEPEST => encoded(bytes)?,
        // A value has at least one byte: what is longer than what is left is malformed.
        Token::List(length) if length <= bytes.len() => {
            let mut items = Vec::with_capacity(length);
            for _ in 0..length {
                items.push(item(bytes, ids, depth + 1)?);
            }
            Item::List(items)
        }
        Token::Map(length) if length <= bytes.len() => {
            let mut entries = Vec::with_capacity(length);
            for _ in 0..length {
                entries.push((item(bytes, ids, depth + 1)?, item(bytes, ids, depth + 1)?));
            }
            Item::Map(entries)
        }
        Token::List(_) | Token::Map(_) => return None,
        Token::Extension => encoded(bytes)?,
        // Other ones have the same name.
        Token::Float(x) if x.is_nan() && x.to_bits() != f64::NAN.to_bits() => encoded(bytes)?,
        plain => Item::Plain(plain),
    })
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let single = |serializer: S, name: &str, text: &str| {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(name, text)?;
            map.end()
        };
        match self {
            Item::Plain(Token::Bool(is)) => serializer.serialize_bool(*is),
            Item::Plain(Token::Negative(n)) => serializer.serialize_i64(*n),
            Item::Plain(Token::Natural(n)) => serializer.serialize_u64(*n),
            Item::Plain(Token::Float(x)) if x.is_finite() => serializer.serialize_f64(*x),
            Item::Plain(Token::Float(x)) if x.is_nan() => single(serializer, FLOAT, "nan"),
            Item::Plain(Token::Float(x)) => single(serializer, FLOAT, if *x > 0.0 { "inf" } else { "-inf" }),
            Item::Plain(Token::Text(text)) => serializer.serialize_str(text),
            Item::Plain(Token::Bytes(bytes)) => single(serializer, BYTES, &to_hex(bytes)),
            Item::Plain(Token::Nil | Token::List(_) | Token::Map(_) | Token::Extension) => serializer.serialize_none(),
            Item::Encoded(bytes) => single(serializer, ENCODED, &to_hex(bytes)),
            Item::Ref(id, class) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry(REF, &id.to_string())?;
                map.serialize_entry(CLASS, class)?;
                map.end()
            }
            Item::List(items) => serializer.collect_seq(items),
            Item::Map(entries) if is_object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
            Item::Map(entries) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(MAP, &Pairs(entries))?;
                map.end()
            }
        }
    }
}

struct Pairs<'a>(&'a [(Item<'a>, Item<'a>)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = serializer.serialize_seq(Some(self.0.len()))?;
        for pair in self.0 {
            pairs.serialize_element(pair)?;
        }
        pairs.end()
    }
}

/// Whether an object of JSON can be this map.
fn is_object(entries: &[(Item<'_>, Item<'_>)]) -> bool {
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().all(|(key, _)| match key {
        Item::Plain(Token::Text(key)) => !key.starts_with('$') && seen.insert(*key),
        _ => false,
    })
}

/// Writes the value that JSON stands for. An error says what in it stands for none.
pub(super) fn write(out: &mut Vec<u8>, json: &Json) -> Result<(), String> {
    match json {
        Json::Null => put(out, Token::Nil),
        Json::Bool(is) => put(out, Token::Bool(*is)),
        Json::Number(number) => put(
            out,
            match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(n), ..) => Token::Natural(n),
                (_, Some(n), _) => Token::Negative(n),
                (.., Some(x)) => Token::Float(x),
                _ => return Err(format!("{number} is too large")),
            },
        ),
        Json::String(text) => put(out, Token::Text(text)),
        Json::Array(items) => {
            put(out, Token::List(items.len()));
            items.iter().try_for_each(|item| write(out, item))?;
        }
        Json::Object(object) => {
            let first = object.iter().next().filter(|(name, _)| name.starts_with('$'));
            let Some((name, value)) = first else {
                put(out, Token::Map(object.len()));
                return object.iter().try_for_each(|(name, value)| {
                    put(out, Token::Text(name));
                    write(out, value)
                });
            };
            let class = object.get(CLASS).and_then(Json::as_str).filter(|_| object.len() == 2);
            special(out, name, value, class).ok_or_else(|| format!("{json} stands for nothing"))?;
        }
    }
    Ok(())
}

fn special(out: &mut Vec<u8>, name: &str, value: &Json, class: Option<&str>) -> Option<()> {
    match (name, value) {
        (REF, Json::String(id)) => {
            put(out, Token::List(2));
            put(out, Token::Bytes(id.parse::<Uuid>().ok()?.as_bytes()));
            put(out, Token::Text(class?));
        }
        (BYTES, Json::String(hex)) => put(out, Token::Bytes(&from_hex(hex)?)),
        (FLOAT, Json::String(name)) => put(
            out,
            Token::Float(match &**name {
                "nan" => f64::NAN,
                "inf" => f64::INFINITY,
                "-inf" => f64::NEG_INFINITY,
                _ => return None,
            }),
        ),
        (MAP, Json::Array(pairs)) => {
            put(out, Token::Map(pairs.len()));
            for pair in pairs {
                let [key, value] = pair.as_array()?.as_slice() else { return None };
                write(out, key).and_then(|()| write(out, value)).ok()?;
            }
        }
        (ENCODED, Json::String(hex)) => {
            let bytes = from_hex(hex)?;
            let mut rest = bytes.as_slice();
            skip(&mut rest).filter(|value| value.len() == bytes.len())?;
            out.extend_from_slice(&bytes);
        }
        _ => return None,
    }
    Some(())
}

/// The ids of the objects of a directory: all begin with the same half.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids([u8; 8]);

impl Ids {
    /// Those of the directory with this id.
    pub(super) fn of(directory: Uuid) -> Self {
        Ids(Ids::begin(*directory.as_bytes()))
    }

    /// The first half of an id that begins so.
    fn begin(mut bytes: [u8; 16]) -> [u8; 8] {
        bytes = *Uuid::new_v8(bytes).as_bytes();
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[..8]);
        half
    }

    /// The id of an object.
    pub(super) fn id(&self, object: u64) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0);
        bytes[8..].copy_from_slice(&object.to_be_bytes());
        Uuid::new_v8(bytes)
    }

    /// Whether the next two values are the parts of a reference.
    fn is_reference(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let id = take(&mut rest);
        matches!((id, take(&mut rest)), (Some(Token::Bytes(id)), Some(Token::Text(_)))
            if id.len() == 16 && id.starts_with(&self.0))
    }

    /// Makes the references in an encoded value lead to the objects of another directory that have the same numbers.
    pub(super) fn move_to(&self, other: &Ids, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let mut rest = &bytes[at..];
            let token = tokens::take(&mut rest);
            let next = bytes.len() - rest.len();
            match token {
                // Two bytes precede the id: the kind, and its length.
                Some(Token::List(2)) if self.is_reference(&bytes[next..]) => {
                    bytes[next + 2..next + 10].copy_from_slice(&other.0);
                    at = next;
                }
                Some(_) => at = next,
                None => return,
            }
        }
    }
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

pub(super) fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Through JSON's text, and back.
    fn again(bytes: &[u8], ids: &Ids) -> Option<(String, Vec<u8>)> {
        let text = serde_json::to_string(&read(bytes, ids)?).expect("it is JSON");
        let mut out = Vec::new();
        write(&mut out, &serde_json::from_str(&text).expect("it is read back")).expect("it stands for something");
        Some((text, out))
    }

    fn encoded(value: &impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map()).expect("it is encoded");
        bytes
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            (-300_i64..300).prop_map(Json::from),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Json::from),
            ".{0,40}".prop_map(Json::from),
        ];
        leaf.prop_recursive(6, 64, 20, |inside| {
            prop_oneof![
                prop::collection::vec(inside.clone(), 0..20).prop_map(Json::from),
                prop::collection::vec(("[$a-c]{0,3}", inside), 0..20)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_what_comes_back(value in json(), bytes: Vec<u8>, x: f32, pairs: Vec<(i32, char)>) {
            let ids = Ids::of(Uuid::from_u128(7));
            let pairs: std::collections::HashMap<i32, char> = pairs.into_iter().collect();
            let value = encoded(&(value, serde_bytes::Bytes::new(&bytes), pairs, f64::from(x)));
            prop_assert_eq!(again(&value, &ids).map(|(_, out)| out), Some(value));
        }

        #[test]
        fn any_bytes_can_be_read(mut bytes: Vec<u8>) {
            let ids = Ids::of(Uuid::from_u128(7));
            if let Some((_, out)) = again(&bytes, &ids) {
                // A number may be written longer than it need be.
                prop_assert!(out.len() <= 2 * bytes.len() + 9);
            }
            ids.move_to(&Ids::of(Uuid::from_u128(8)), &mut bytes);
        }

        #[test]
        fn any_json_can_be_written(value in json()) {
            let _ = write(&mut Vec::new(), &value);
        }
    }

    #[test]
    fn what_json_does_not_have_has_a_form_of_its_own() {
        let ids = Ids::of(Uuid::from_u128(7 << 64));
        let reference = (ids.id(5), "bank.Account");
        let other = (Uuid::from_u128(5), "bank.Account");
        let cases = [
            (encoded(&reference), json!({"$ref": ids.id(5).to_string(), "class": "bank.Account"})),
            (encoded(&other), json!([{"$bytes": "00000000000000000000000000000005"}, "bank.Account"])),
            (encoded(&f64::NEG_INFINITY), json!({"$float": "-inf"})),
            (encoded(&f64::NAN), json!({"$float": "nan"})),
            (encoded(&-f64::NAN), json!({"$msgpack": "cbfff8000000000000"})),
            (encoded(&json!({"$ref": 1})), json!({"$map": [["$ref", 1]]})),
            (b"\x82\xa1a\x01\xa1a\x02".to_vec(), json!({"$map": [["a", 1], ["a", 2]]})),
            (b"\xd4\x01\x02".to_vec(), json!({"$msgpack": "d40102"})),
        ];
        for (bytes, shown) in cases {
            let (text, out) = again(&bytes, &ids).expect("it is well formed");
            assert_eq!((text, out), (shown.to_string(), bytes));
        }
    }

    #[test]
    fn what_is_nested_deeply_is_shown_encoded() {
        let ids = Ids::of(Uuid::from_u128(7));
        for depth in [DEEPEST, 10_000] {
            let bytes = [&vec![0x91; depth][..], &[0x80]].concat();
            let (text, out) = again(&bytes, &ids).expect("it is well formed");
            assert_eq!((text.contains(ENCODED), out == bytes), (true, true), "{depth}");
        }
        // A list is announced that is not there.
        assert_eq!(read(b"\xdd\xff\xff\xff\xff", &ids), None);
    }

    #[test]
    fn references_are_moved_wherever_they_are() {
        let (from, to) = (Ids::of(Uuid::from_u128(7 << 64)), Ids::of(Uuid::from_u128(8 << 64)));
        let value =
            |ids: &Ids| encoded(&(1, vec![(ids.id(5), "a"), (Uuid::from_u128(9), "b")], Some((ids.id(6), "c"))));
        let mut moved = value(&from);
        from.move_to(&to, &mut moved);
        assert_eq!(moved, value(&to));
        // Bytes alone are no reference.
        let mut bytes = encoded(&from.id(5));
        from.move_to(&to, &mut bytes);
        assert_eq!(bytes, encoded(&from.id(5)));
    }
}
