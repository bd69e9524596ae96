//! Conversion between values and JSON, with extra forms for values that JSON does not have.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::depth::Depth;
use super::error::Found;
use super::integer::check_digits;
use super::key::twice;
use super::serialize::INT_FIELD as INT;
use super::{Integer, ObjectRef, TooDeep, Value, ValueError};

const BYTES: &str = "$bytes";
const REF: &str = "$ref";
const MAP: &str = "$map";
const TUPLE: &str = "$tuple";
const SET: &str = "$set";
const FLOAT: &str = "$float";
const KEY: &str = "$key";
const TOO_DEEP: &str = "$too_deep";

/// How many characters of a wrong key an error message shows.
const SHOWN: usize = 40;

/// Finds the object under a key.
type Named<'a> = &'a dyn Fn(&str) -> Result<ObjectRef, ValueError>;

impl Value {
    /// The value as JSON.
    ///
    /// Values that JSON does not have become objects: bytes `{"$bytes": "<hex>"}`, an object reference `{"$ref":
    /// "<uuid>", "class": "…"}`, a tuple `{"$tuple": […]}`, a set `{"$set": […]}`, an int beyond 64 bits `{"$int":
    /// "…"}`, and a float that is not finite `{"$float": "nan" | "-nan" | "inf" | "-inf"}`. A map that cannot be an
    /// object, because a key is not text, begins with `$` or is repeated, becomes `{"$map": [[key, value], …]}`.
    /// [`Value::from_json`] reads all of them back. The keys of an object stay in their order. A value nested deeper
    /// than [`DEPTH_LIMIT`](super::DEPTH_LIMIT) becomes `{"$too_deep": 64}`, which cannot be read back.
    ///
    /// ```
    /// use tarmem_remote::value::Value;
    ///
    /// let value = Value::from(vec![Value::Bytes(vec![1, 255]), Value::Float(f64::INFINITY), 3.into()]);
    /// let json = value.to_json();
    /// assert_eq!(json.to_string(), r#"[{"$bytes":"01ff"},{"$float":"inf"},3]"#);
    /// assert_eq!(Value::from_json(&json), Ok(value));
    /// ```
    pub fn to_json(&self) -> Json {
        to_json(self, Depth::default())
    }

    /// The value that JSON represents, including the forms that [`Value::to_json`] writes.
    ///
    /// # Errors
    ///
    /// The JSON is nested deeper than [`DEPTH_LIMIT`](super::DEPTH_LIMIT), or contains an object with a key that begins
    /// with `$` and which is not exactly one of those forms. A map with such a key is written as `{"$map": [["$key",
    /// 5]]}`.
    pub fn from_json(json: &Json) -> Result<Value, ValueError> {
        JsonSeed::new(&nobody).deserialize(json).map_err(|error| ValueError::new(error.to_string()))
    }

    /// Parses JSON as [`Value::from_json`] reads it. An object's keys stay in their order, and integers of any size are
    /// kept, where a [`serde_json::Value`] would make floats of them.
    ///
    /// # Errors
    ///
    /// Those of [`Value::from_json`]. The text is not JSON, repeats a key in an object, contains an integer beyond
    /// [`INTEGER_BITS_LIMIT`](super::INTEGER_BITS_LIMIT), or has more than 127 levels of JSON.
    ///
    /// ```
    /// use tarmem_remote::value::Value;
    ///
    /// assert_eq!(Value::parse_json(r#"{"b": 1, "a": null}"#).unwrap().to_string(), r#"{"b":1,"a":null}"#);
    /// assert!(Value::parse_json("[1,").unwrap_err().message().contains("EOF"));
    /// ```
    pub fn parse_json(text: &str) -> Result<Value, ValueError> {
        Value::parse_json_with(text, &nobody)
    }

    /// Like [`Value::parse_json`], but `{"$key": "alice"}` represents the reference that `object` returns for
    /// `"alice"`. The commands of the `tarmem` program take their arguments in this form.
    ///
    /// # Errors
    ///
    /// Those of [`Value::parse_json`] and of `object`.
    ///
    /// ```
    /// use tarmem_remote::value::{ObjectRef, Value};
    ///
    /// let alice = ObjectRef::new(Default::default(), "bank.Account");
    /// let value = Value::parse_json_with(r#"[{"$key": "alice"}, 5]"#, &|_| Ok(alice.clone()))?;
    /// assert_eq!(value, Value::List(vec![Value::Ref(alice.clone()), 5.into()]));
    /// // A map that looks the same.
    /// let map = Value::parse_json(r#"{"$map": [["$key", "alice"]]}"#)?;
    /// assert_eq!(map, Value::Map(vec![("$key".into(), "alice".into())]));
    /// # Ok::<(), tarmem_remote::value::ValueError>(())
    /// ```
    pub fn parse_json_with(
        text: &str,
        object: &dyn Fn(&str) -> Result<ObjectRef, ValueError>,
    ) -> Result<Value, ValueError> {
        let describe = |error: serde_json::Error| ValueError::new(format!("not JSON: {error}"));
        let text = &wide_ints(text)?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = JsonSeed::new(object).deserialize(&mut deserializer).map_err(|error| match error.is_data() {
            true => in_line(&error),
            false => describe(error),
        })?;
        deserializer.end().map_err(describe)?;
        Ok(value)
    }
}

/// The error about a value in well-formed JSON, with its line. The column is left out, because rewriting large integers
/// moves columns.
fn in_line(error: &serde_json::Error) -> ValueError {
    let (line, message) = (error.line(), error.to_string());
    let place = format!(" at line {line} column {}", error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    ValueError::new(if line > 1 { format!("line {line}: {message}") } else { message.to_owned() })
}

/// Where no object can be found by its key.
fn nobody(_: &str) -> Result<ObjectRef, ValueError> {
    Err(ValueError::new(format!(
        "{{\"{KEY}\": …}} stands for the object under a key only in the arguments of tarmem's commands; write \
         a map with such a key as {{\"{MAP}\": [[\"{KEY}\", …], …]}}"
    )))
}

fn to_json(value: &Value, depth: Depth) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => match (n.as_i64(), u64::try_from(n)) {
            (Some(n), _) => n.into(),
            (_, Ok(n)) => n.into(),
            _ => json!({ INT: n.to_string() }),
        },
        Value::Float(x) => match serde_json::Number::from_f64(*x) {
            Some(number) => Json::Number(number),
            None if x.is_nan() && x.is_sign_negative() => json!({ FLOAT: "-nan" }),
            None if x.is_nan() => json!({ FLOAT: "nan" }),
            None if *x > 0.0 => json!({ FLOAT: "inf" }),
            None => json!({ FLOAT: "-inf" }),
        },
        Value::Text(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => json!({ BYTES: to_hex(bytes) }),
        Value::Ref(reference) => {
            json!({ REF: reference.id().to_string(), "class": reference.class() })
        }
        Value::List(items) => match depth.container() {
            Ok(inside) => items_to_json(items, inside),
            Err(too_deep) => json!({ TOO_DEEP: too_deep.limit }),
        },
        Value::Tuple(items) | Value::Set(items) => match depth.container() {
            Ok(inside) => json!({ (if value.as_set().is_some() { SET } else { TUPLE }): items_to_json(items, inside) }),
            Err(too_deep) => json!({ TOO_DEEP: too_deep.limit }),
        },
        Value::Map(entries) => match depth.container() {
            Ok(inside) => object(entries, inside).unwrap_or_else(|| pairs(entries, inside)),
            Err(too_deep) => json!({ TOO_DEEP: too_deep.limit }),
        },
    }
}

fn items_to_json(items: &[Value], inside: Depth) -> Json {
    items.iter().map(|item| to_json(item, inside)).collect()
}

/// A map as a plain object, if it can be one.
fn object(entries: &[(Value, Value)], inside: Depth) -> Option<Json> {
    if !entries.iter().all(|(key, _)| key.as_str().is_some_and(|key| !key.starts_with('$'))) {
        return None;
    }
    let mut object = serde_json::Map::new();
    for (key, value) in entries {
        let twice = object.insert(key.as_str()?.to_owned(), to_json(value, inside));
        if twice.is_some() {
            return None;
        }
    }
    Some(Json::Object(object))
}

fn pairs(entries: &[(Value, Value)], inside: Depth) -> Json {
    let pairs: Vec<Json> =
        entries.iter().map(|(key, value)| json!([to_json(key, inside), to_json(value, inside)])).collect();
    json!({ MAP: pairs })
}

/// Rewrites integers beyond 64 bits as `{"$int": …}`, and `-0` as `0`. `serde_json` would turn them into floats and
/// lose digits.
fn wide_ints(text: &str) -> Result<Cow<'_, str>, ValueError> {
    let bytes = text.as_bytes();
    let (mut wide, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(&byte) = bytes.get(at) {
        let begin = at;
        at += 1;
        match byte {
            b'"' => {
                while bytes.get(at).is_some_and(|&byte| byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let more = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                at += bytes[at..].iter().take_while(more).count();
                let number = &text[begin..at];
                let digits = number.strip_prefix('-').unwrap_or(number);
                // A leading zero is not JSON; the parser reports it.
                let whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
                let fits = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
                let instead = match number {
                    "-0" => "0".to_owned(),
                    _ if digits.is_empty() || !whole || fits => continue,
                    _ => {
                        check_digits(digits.len()).map_err(|error| ValueError::new(error.to_string()))?;
                        format!(r#"{{"{INT}":"{number}"}}"#)
                    }
                };
                wide.push_str(&text[copied..begin]);
                wide.push_str(&instead);
                copied = at;
            }
            _ => {}
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(text));
    }
    wide.push_str(&text[copied..]);
    Ok(Cow::Owned(wide))
}

/// Reads JSON at a certain depth.
#[derive(Clone, Copy)]
struct JsonSeed<'a> {
    depth: Depth,
    object: Named<'a>,
}

impl<'a> JsonSeed<'a> {
    fn new(object: Named<'a>) -> Self {
        JsonSeed { depth: Depth::default(), object }
    }

    /// A seed for nested values.
    fn at<E: Error>(self, depth: Result<Depth, TooDeep>) -> Result<Self, E> {
        Ok(JsonSeed { depth: depth.map_err(E::custom)?, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for JsonSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inside = self.at(self.depth.container())?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        let mut form = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == TUPLE || key == SET {
                // The list inside is their only level.
                let list = self.at(self.depth.wrapper())?;
                let Value::List(items) = map.next_value_seed(list)? else {
                    return Err(A::Error::custom(no_form(&key)));
                };
                if !entries.is_empty() || map.next_key::<String>()?.is_some() {
                    return Err(A::Error::custom(no_form(&key)));
                }
                return if key == SET { Value::set(items).map_err(A::Error::custom) } else { Ok(Value::Tuple(items)) };
            }
            if key == MAP {
                let pairs = map.next_value_seed(PairsSeed(self.at(self.depth.container())?))?;
                if !entries.is_empty() || map.next_key::<String>()?.is_some() {
                    return Err(A::Error::custom(no_form(MAP)));
                }
                return Ok(Value::Map(pairs));
            }
            form |= key.starts_with('$');
            // A form such as `$int` is a scalar, so it is not a level.
            let inside = match form {
                true => self.depth.wrapper(),
                false => self.depth.container(),
            };
            let value = map.next_value_seed(self.at::<A::Error>(inside)?)?;
            entries.push((Value::Text(key), value));
        }
        if form {
            return read_form(&entries, self.object).map_err(A::Error::custom);
        }
        self.at::<A::Error>(self.depth.container())?;
        Ok(Value::Map(each_once(entries)?))
    }
}

/// Checks that no key is repeated. A repeated key is refused, because it is unclear which of its values was meant.
fn each_once<E: Error>(pairs: Vec<(Value, Value)>) -> Result<Vec<(Value, Value)>, E> {
    match twice(pairs.iter().map(|(key, _)| key)) {
        None => Ok(pairs),
        Some(key) => Err(E::custom(format_args!("the key {} is repeated; each key may occur once", Found(key)))),
    }
}

/// The pairs of a `$map`.
struct PairsSeed<'a>(JsonSeed<'a>);

impl<'de> DeserializeSeed<'de> for PairsSeed<'_> {
    type Value = Vec<(Value, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for PairsSeed<'_> {
    type Value = Vec<(Value, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of pairs under `$map`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = seq.next_element_seed(PairSeed(self.0))? {
            pairs.push(pair);
        }
        each_once(pairs)
    }
}

struct PairSeed<'a>(JsonSeed<'a>);

impl<'de> DeserializeSeed<'de> for PairSeed<'_> {
    type Value = (Value, Value);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for PairSeed<'_> {
    type Value = (Value, Value);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key and a value in each pair under `$map`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut next = |n| {
            let next = seq.next_element_seed(self.0)?;
            next.ok_or_else(|| Error::invalid_length(n, &"a key and a value"))
        };
        Ok((next(0)?, next(1)?))
    }
}

/// The error for an object with a reserved key that is not one of tarmem's own forms. It says how to write a map with
/// such a key.
fn no_form(key: &str) -> ValueError {
    let form = match key {
        BYTES => r#"{"$bytes": "<hexadecimal digits>"}"#,
        REF => r#"{"$ref": "<uuid>", "class": "<class>"}"#,
        MAP => r#"{"$map": [[<key>, <value>], …]}"#,
        TUPLE => r#"{"$tuple": [<value>, …]}"#,
        SET => r#"{"$set": [<value>, …]}"#,
        FLOAT => r#"{"$float": "nan"}, or "-nan", "inf" or "-inf" in it"#,
        INT => r#"{"$int": "<digits>"}"#,
        KEY => r#"{"$key": "<key>"}"#,
        _ => "",
    };
    let mut shown: String = key.chars().take(SHOWN).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    let wrong = match form {
        "" => "is not one of tarmem's own forms".to_owned(),
        form => format!("has to be exactly {form}"),
    };
    ValueError::new(format!(
        "an object with the key {shown:?} {wrong}; write a map with such a key as {{\"{MAP}\": [[{shown:?}, …], …]}}"
    ))
}

/// The value that an object with a reserved key represents.
fn read_form(entries: &[(Value, Value)], object: Named<'_>) -> Result<Value, ValueError> {
    let mut fields: Vec<(&str, &str)> =
        entries.iter().filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?))).collect();
    fields.sort_unstable();
    let value = match fields[..] {
        _ if fields.len() != entries.len() => None,
        [(KEY, key)] => return object(key).map(Value::Ref),
        [(BYTES, hex)] => from_hex(hex).map(Value::Bytes),
        [(INT, digits)] => match Integer::from_digits(digits, 10) {
            Some(n) => return n.map(Value::Int).map_err(|error| ValueError::new(error.to_string())),
            None => None,
        },
        [(FLOAT, "nan")] => Some(Value::Float(f64::NAN)),
        [(FLOAT, "-nan")] => Some(Value::Float(-f64::NAN)),
        [(FLOAT, "inf")] => Some(Value::Float(f64::INFINITY)),
        [(FLOAT, "-inf")] => Some(Value::Float(f64::NEG_INFINITY)),
        [(REF, id), ("class", class)] => Uuid::parse_str(id).ok().map(|id| Value::Ref(ObjectRef::new(id, class))),
        _ => None,
    };
    value.ok_or_else(|| {
        let key = entries.iter().filter_map(|(key, _)| key.as_str()).find(|key| key.starts_with('$'));
        no_form(key.unwrap_or_default())
    })
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || hex.contains('+') {
        return None;
    }
    hex.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
            _ => None,
        })
        .collect()
}
