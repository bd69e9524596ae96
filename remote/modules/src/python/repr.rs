//! A value as text, as Python's `repr` shows it.

use super::compare::with_stack;
use super::live::{Holds, Mapping, Seen, Sight, Written, sight};
use super::unicode::is_printable;
use super::{Comparing, Comparison, Effort, Key, LOOK_DEPTH, RESULT_LIMIT, Table, merge_sort};
use crate::error::Exception;
use std::fmt::Write;
use tarmem_remote::value::{ObjectRef, Value, place_of};

/// Returns the value as Python's `repr` shows it: `None`, `True`, `1.0`, `'text'`, `b'bytes'`, `[1, 2]`, `(1,)`, `{1,
/// 2}`, `{'a': 1}`. Cut off after [`RESULT_LIMIT`] bytes.
///
/// ```
/// use tarmem_modules::python::repr;
/// assert_eq!(repr(&["it's".into(), tarmem_remote::Value::Null].into()), r#"["it's", None]"#);
/// ```
pub fn repr(value: &Value) -> String {
    let mut out = Bounded::new(RESULT_LIMIT);
    out.value(value, 0);
    out.text
}

/// As [`repr`], but cut off after about a hundred characters, for messages.
pub fn short(value: &Value) -> String {
    let mut out = Bounded::new(100);
    out.value(value, 0);
    if out.full() { out.text.chars().take(out.most).chain(['…']).collect() } else { out.text }
}

/// Returns an object as Python's `repr` shows it, with the objects that it refers to.
///
/// # Errors
/// `RecursionError` if it is nested too deeply, `MemoryError` if the text is too long, and those of looking into
/// objects.
pub(crate) fn repr_of<T: Holds>(object: &T) -> Result<String, Exception> {
    let mut out = Bounded::new(RESULT_LIMIT);
    out.sight(&Sight { seen: object.seen(), place: Some(place_of(object)), written: None }, 0);
    out.whole()
}

/// As [`repr_of`], for a value.
///
/// # Errors
/// As [`repr_of`].
pub(crate) fn whole_repr(value: &Value) -> Result<String, Exception> {
    let mut out = Bounded::new(RESULT_LIMIT);
    out.value(value, 0);
    out.whole()
}

/// Returns the `repr` of an object with named parts: `Point(x=1, y=2)`.
///
/// # Errors
/// As [`repr_of`].
pub(crate) fn repr_of_parts<'a>(
    name: &str,
    parts: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<String, Exception> {
    let mut out = Bounded::new(RESULT_LIMIT);
    out.put(name);
    out.joined("(", parts, ")", |out, (name, value)| {
        out.put(name);
        out.put("=");
        out.value(value, 1);
    });
    out.whole()
}

/// As [`whole_repr`], but only its first `characters`, and possibly some more.
///
/// # Errors
/// As [`whole_repr`].
pub(crate) fn beginning_of_repr(value: &Value, characters: usize) -> Result<String, Exception> {
    /// The maximum size of a character, in bytes.
    const MOST: usize = 4;
    let most = characters.saturating_mul(MOST);
    if most >= RESULT_LIMIT {
        return whole_repr(value);
    }
    let mut out = Bounded::new(most);
    out.value(value, 0);
    out.failed.map_or(Ok(out.text), Err)
}

/// A text that stops growing once it is long enough.
struct Bounded {
    text: String,
    most: usize,
    /// The objects that are being written, by their places.
    open: Vec<usize>,
    /// Why the text is not valid.
    failed: Option<Exception>,
    effort: Effort,
}

impl Bounded {
    fn new(most: usize) -> Self {
        Bounded { text: String::new(), most, open: Vec::new(), failed: None, effort: Effort::default() }
    }

    fn whole(self) -> Result<String, Exception> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.full() {
            let found = self.text.len();
            return Err(Exception::MemoryError(format!(
                "the text would take {found} bytes or more, over the limit of {RESULT_LIMIT}; ask for its parts"
            )));
        }
        Ok(self.text)
    }

    fn full(&self) -> bool {
        self.text.len() > self.most
    }

    /// Returns whether writing can stop, because there is enough text, or it will not be used.
    fn is_done(&self) -> bool {
        self.full() || self.failed.is_some()
    }

    fn fail(&mut self, error: Exception) {
        self.failed.get_or_insert(error);
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn value(&mut self, value: &Value, depth: usize) {
        if let Err(error) = self.effort.take(1) {
            self.fail(error);
        }
        match value {
            Value::Null => self.put("None"),
            Value::Bool(true) => self.put("True"),
            Value::Bool(false) => self.put("False"),
            Value::Int(n) => self.put(&n.to_string()),
            Value::Float(x) => self.put(&write_float(*x)),
            Value::Text(text) => self.quoted(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_) if depth >= LOOK_DEPTH => self.too_deep(),
            Value::List(items) => self.joined("[", items, "]", |out, item| out.value(item, depth + 1)),
            Value::Tuple(items) => {
                let close = if items.len() == 1 { ",)" } else { ")" };
                self.joined("(", items, close, |out, item| out.value(item, depth + 1));
            }
            Value::Set(items) if items.is_empty() => self.put("set()"),
            Value::Set(items) => self.joined("{", items, "}", |out, item| out.value(item, depth + 1)),
            Value::Map(entries) => {
                self.joined("{", entries, "}", |out, (key, value)| out.entry(key, value, depth + 1));
            }
            Value::Ref(reference) => self.reference(reference, depth),
        }
    }

    fn entry(&mut self, key: &Value, value: &Value, depth: usize) {
        self.value(key, depth);
        self.put(": ");
        self.value(value, depth);
    }

    /// Writes the contents of an object, or which object it is if they cannot be seen.
    fn reference(&mut self, reference: &ObjectRef, depth: usize) {
        let before = self.text.len();
        let seen = sight(reference, |sight| {
            if let Some(sight) = sight.filter(|sight| !matches!(sight.seen, Seen::Items(_))) {
                with_stack(|| self.sight(&sight, depth));
            }
            Ok(())
        });
        if let Err(error) = seen {
            self.fail(error);
        }
        if self.text.len() == before {
            self.put(&format!("<{reference}>"));
        }
    }

    fn sight(&mut self, sight: &Sight<'_>, depth: usize) {
        let Some(place) = sight.place else { return };
        if depth >= LOOK_DEPTH {
            return self.too_deep();
        }
        if let Some(text) = sight.written.and_then(Written::text) {
            return self.put(&text);
        }
        let is_open = self.open.contains(&place);
        self.open.push(place);
        self.seen(&sight.seen, is_open, depth);
        self.open.pop();
    }

    /// Writes contents. If the object is being written already, it contains itself, and an ellipsis ends the cycle.
    fn seen(&mut self, seen: &Seen<'_>, is_open: bool, depth: usize) {
        match seen {
            Seen::Dict(_, Mapping::Default(_)) => {}
            // CPython builds a new dict for the `repr` of a `Counter`, and so does not notice the cycle.
            Seen::Dict(_, Mapping::Counter) if is_open => return self.too_deep(),
            _ if is_open => return self.put(end_of_cycle(seen)),
            _ => {}
        }
        let depth = depth + 1;
        match seen {
            Seen::List(items) | Seen::Items(items) => self.joined("[", *items, "]", |out, item| out.value(item, depth)),
            Seen::Tuple(items) => {
                let close = if items.len() == 1 { ",)" } else { ")" };
                self.joined("(", *items, close, |out, item| out.value(item, depth));
            }
            Seen::Deque(items, most) => {
                self.joined("deque([", *items, "]", |out, item| out.value(item, depth));
                if let Some(most) = most {
                    self.put(&format!(", maxlen={most}"));
                }
                self.put(")");
            }
            Seen::Set(table) if table.is_empty() => self.put("set()"),
            Seen::Set(table) => self.joined("{", table.keys(), "}", |out, key| out.value(key.value(), depth)),
            Seen::Dict(table, kind) => self.mapping(table, kind, is_open, depth),
            Seen::Text(text) => self.quoted(text),
            Seen::Bytes(bytes) => self.bytes(bytes),
            Seen::Number(number) => self.value(number, depth),
            Seen::Chain(chain) => self.joined("ChainMap(", chain.maps(), ")", |out, map| out.value(&map, depth)),
            Seen::Range(_) | Seen::Elements(_) | Seen::Entries(_) | Seen::Nothing => {}
        }
    }

    fn mapping(&mut self, table: &Table<Value>, kind: &Mapping, is_open: bool, depth: usize) {
        match kind {
            Mapping::Plain | Mapping::Chain => self.entries("{", table.iter(), "}", depth),
            Mapping::Ordered if table.is_empty() => self.put("OrderedDict()"),
            Mapping::Ordered => self.joined("OrderedDict([", table.iter(), "])", |out, (key, value)| {
                out.put("(");
                out.value(key.value(), depth);
                out.put(", ");
                out.value(value, depth);
                out.put(")");
            }),
            Mapping::Default(factory) => {
                self.put(&format!("defaultdict({factory}, "));
                if is_open {
                    self.put("{...}");
                } else {
                    self.entries("{", table.iter(), "}", depth);
                }
                self.put(")");
            }
            Mapping::Counter if table.is_empty() => self.put("Counter()"),
            // From the highest count to the lowest, if they can be ordered.
            Mapping::Counter => match highest_first(table) {
                Ok(pairs) => self.entries("Counter({", pairs.into_iter(), "})", depth),
                Err(_) => self.entries("Counter({", table.iter(), "})", depth),
            },
        }
    }

    fn too_deep(&mut self) {
        let message = "maximum recursion depth exceeded while getting the repr of an object";
        self.fail(Exception::RecursionError(message.to_owned()));
        self.put("...");
    }

    fn entries<'a>(
        &mut self,
        open: &str,
        entries: impl Iterator<Item = (&'a Key, &'a Value)>,
        close: &str,
        depth: usize,
    ) {
        self.joined(open, entries, close, |out, (key, value)| out.entry(key.value(), value, depth));
    }

    fn joined<T>(
        &mut self,
        open: &str,
        items: impl IntoIterator<Item = T>,
        close: &str,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.put(open);
        for (at, item) in items.into_iter().enumerate() {
            if self.is_done() {
                return;
            }
            if at > 0 {
                self.put(", ");
            }
            each(self, item);
        }
        self.put(close);
    }

    fn take_bytes(&mut self, bytes: usize) {
        // Only as many are looked at as there is room for.
        if let Err(error) = self.effort.take_bytes(bytes.min(self.most)) {
            self.fail(error);
        }
    }

    fn quoted(&mut self, text: &str) {
        self.take_bytes(text.len());
        // Single quotes, unless these need more backslashes.
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        self.text.push(quote);
        for c in text.chars() {
            if self.is_done() {
                return;
            }
            match c {
                '\n' => self.put("\\n"),
                '\r' => self.put("\\r"),
                '\t' => self.put("\\t"),
                '\\' => self.put("\\\\"),
                c if c == quote => {
                    self.text.push('\\');
                    self.text.push(c);
                }
                c if is_printable(c) => self.text.push(c),
                c => {
                    let code = u32::from(c);
                    // Writing to a `String` cannot fail.
                    let _ = match code {
                        0..=0xff => write!(self.text, "\\x{code:02x}"),
                        0x100..=0xffff => write!(self.text, "\\u{code:04x}"),
                        _ => write!(self.text, "\\U{code:08x}"),
                    };
                }
            }
        }
        self.text.push(quote);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.take_bytes(bytes.len());
        let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
        self.text.push('b');
        self.text.push(quote);
        for &byte in bytes {
            if self.is_done() {
                return;
            }
            match byte {
                b'\n' => self.put("\\n"),
                b'\r' => self.put("\\r"),
                b'\t' => self.put("\\t"),
                b'\\' => self.put("\\\\"),
                byte if char::from(byte) == quote => {
                    self.text.push('\\');
                    self.text.push(quote);
                }
                0x20..=0x7e => self.text.push(char::from(byte)),
                byte => {
                    let _ = write!(self.text, "\\x{byte:02x}");
                }
            }
        }
        self.text.push(quote);
    }
}

fn end_of_cycle(seen: &Seen<'_>) -> &'static str {
    match seen {
        Seen::List(_) | Seen::Deque(..) => "[...]",
        Seen::Tuple(_) => "(...)",
        Seen::Set(_) => "set(...)",
        Seen::Dict(_, Mapping::Plain) => "{...}",
        _ => "...",
    }
}

/// Returns the entries from the highest count to the lowest; of equal counts, the one that came first.
fn highest_first(table: &Table<Value>) -> Result<Vec<(&Key, &Value)>, Exception> {
    let counts: Vec<(&Key, &Value)> = table.iter().collect();
    let mut comparing = Comparing::default();
    let order = merge_sort(counts.len(), |a, b| comparing.holds(Comparison::Greater, counts[a].1, counts[b].1))?;
    Ok(order.into_iter().map(|at| counts[at]).collect())
}

/// Writes a float as Python does: with the fewest digits that represent it, and without an exponent from 0.0001 to
/// below 1e16.
pub(crate) fn write_float(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let shortest = format!("{x:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    // If two texts are equally short and near, Rust takes the upper one, and Python the even one, as rounding does.
    let even = format!("{x:.*e}", digits.saturating_sub(1));
    let scientific = if even.parse() == Ok(x) { even } else { shortest };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        Ok(exponent) => plain(digits, exponent),
        // An exponent that Rust has written is always a number.
        Err(_) => scientific,
    }
}

/// Writes `digits` (one before the point) times ten to the power of `exponent`, without an exponent.
fn plain(digits: &str, exponent: i32) -> String {
    let (sign, magnitude) = digits.strip_prefix('-').map_or(("", digits), |magnitude| ("-", magnitude));
    let mut all = magnitude.replace('.', "");
    let point = exponent + 1;
    if point <= 0 {
        let zeros = "0".repeat(point.unsigned_abs() as usize);
        return format!("{sign}0.{zeros}{all}");
    }
    let point = point as usize;
    // There is at least one digit after the point.
    while all.len() < point + 1 {
        all.push('0');
    }
    all.insert(point, '.');
    format!("{sign}{all}")
}
