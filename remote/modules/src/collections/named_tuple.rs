//! `collections.namedtuple`.

use crate::builtins::Tuple;
use crate::python::live::{Holds, Seen, operand, truth};
use crate::python::{Chunk, Cursor, check_result, iterate, repr, repr_of_parts, text_of, unicode};
use crate::shared::text_of_repr;
use crate::{Decoded, Elements, Exception};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// A tuple whose elements have names, as an object of a class that Python's `namedtuple` makes. Here, one call gives
/// the name of the type, those of its fields, and the elements.
///
/// It never changes: `_replace` and `_make` return plain tuples. As a value it is a plain tuple, which is equal to it.
///
/// # Examples
///
/// ```
/// use tarmem_modules::collections::NamedTupleProxy;
/// use tarmem_remote::args::Kwargs;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let fields = "x y".into();
/// let point = NamedTupleProxy::new("Point".into(), fields, vec![3.into(), 4.into()], None, None, Kwargs::new());
/// let point = session.memoize("point", point).await?;
/// assert_eq!(point.get::<i64>("y").await?, 4);
/// assert_eq!(point.repr().await?, "Point(x=3, y=4)");
/// # Ok(())
/// # }
/// ```
#[remote(module = "collections", name = "namedtuple")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct NamedTuple {
    typename: String,
    names: Vec<String>,
    values: Tuple,
    items: Vec<Value>,
    /// The defaults of the last fields.
    defaults: Vec<Value>,
}

/// The form in which it is serialized.
#[derive(Serialize, Deserialize)]
#[serde(rename = "namedtuple")]
struct Parts {
    typename: String,
    fields: Kwargs,
    defaults: Vec<Value>,
}

#[remote]
impl NamedTuple {
    /// Makes a `typename` with the fields `field_names`, which is a list of texts, or one text with spaces or commas
    /// between the names. The elements are `args` by position, then `kwargs` by the names of their fields; the fields
    /// that are left take the last of `defaults`. With `rename`, names that are not valid become `_0`, `_1` and so on.
    /// A field that has the name of one of these parameters can only be given by position.
    #[remote(inline)]
    pub fn new(
        typename: Value,
        field_names: Value,
        #[remote(args)] args: Vec<Value>,
        #[remote(default = false)] rename: Arg<Value>,
        defaults: Option<Value>,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> Result<Self, Exception> {
        let typename = text_of(&typename)?;
        let names = field_names_of(&typename, field_names, rename.given().as_ref().map_or(Ok(false), truth)?)?;
        let defaults = defaults.map_or(Ok(Vec::new()), iterate)?;
        if defaults.len() > names.len() {
            return Err(Exception::of_type("Got more default values than field names"));
        }
        let items = filled(&typename, &names, args, kwargs, &defaults)?;
        Ok(NamedTuple { typename, names, values: Tuple::try_from(items.clone())?, items, defaults })
    }

    /// Returns the names of the fields, as a tuple.
    #[remote(name = "_fields", scales)]
    pub fn fields(&self) -> Value {
        Value::Tuple(self.names.iter().map(|name| name.as_str().into()).collect())
    }

    /// Returns the fields that have defaults, with these, as a map.
    #[remote(name = "_field_defaults", scales)]
    pub fn field_defaults(&self) -> Kwargs {
        let with_default = self.names.iter().skip(self.names.len().saturating_sub(self.defaults.len()));
        with_default.cloned().zip(self.defaults.iter().cloned()).collect()
    }

    /// Returns the elements under the names of their fields, as a map.
    #[remote(name = "_asdict", scales)]
    pub fn asdict(&self) -> Kwargs {
        self.names.iter().cloned().zip(self.items.iter().cloned()).collect()
    }

    /// Returns the elements with those of `kwargs` replaced, as a plain tuple. `ValueError` if a name is not that of a
    /// field.
    #[remote(name = "_replace", scales)]
    pub fn replace(&self, #[remote(kwargs)] kwargs: Kwargs) -> Result<Value, Exception> {
        let mut items = self.items.clone();
        let mut unexpected = Vec::new();
        for (name, value) in kwargs {
            match self.names.iter().position(|field| *field == name) {
                Some(at) => items[at] = value,
                None => unexpected.push(Value::from(name)),
            }
        }
        if unexpected.is_empty() {
            return Ok(Value::Tuple(items));
        }
        Err(Exception::ValueError(format!("Got unexpected field names: {}", repr(&Value::List(unexpected)))))
    }

    /// Returns the elements of `iterable`, one for each field, as a plain tuple. `TypeError` if there are more or
    /// fewer.
    #[remote(name = "_make", scales)]
    pub fn make(&self, iterable: Value) -> Result<Value, Exception> {
        let items = iterate(iterable)?;
        if items.len() == self.names.len() {
            return Ok(Value::Tuple(items));
        }
        Err(Exception::TypeError(format!("Expected {} arguments, got {}", self.names.len(), items.len())))
    }

    /// Returns the element of the field `name`. `AttributeError` if there is none.
    #[remote(name = "__getattr__", scales)]
    pub fn getattr(&self, name: String) -> Result<Value, Exception> {
        let at = self.names.iter().position(|field| *field == name);
        at.map(|at| self.items[at].clone()).ok_or_else(|| {
            let (typename, name) = (&self.typename, name.chars().take(100).collect::<String>());
            Exception::AttributeError(format!("'{typename}' object has no attribute '{name}'"))
        })
    }

    /// Returns the tuple as Python's `repr` shows it: `Point(x=1, y=2)`.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of_parts(&self.typename, self.names.iter().map(String::as_str).zip(&self.items))
    }
}

/// The methods and operators of a tuple.
#[remote]
impl NamedTuple {
    /// Returns the number of elements that are equal to `value`.
    #[remote(proxy = "count_value", scales)]
    pub fn count(&self, value: Value) -> Result<usize, Exception> {
        self.values.count(value)
    }

    /// Returns the index of the first element that is equal to `value`, searching from `start` to before `stop`.
    /// `ValueError` if there is none.
    #[remote(proxy = "index_value", scales)]
    pub fn index(
        &self,
        value: Value,
        #[remote(default = 0)] start: Arg<Value>,
        #[remote(default = i64::MAX)] stop: Arg<Value>,
    ) -> Result<usize, Exception> {
        self.values.index(value, start, stop)
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether there are no elements.
    #[remote(skip)]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the number of elements.
    #[remote(name = "__len__")]
    pub fn length(&self) -> usize {
        self.items.len()
    }

    /// Returns the element at `index`, or those of a slice as a plain tuple. `IndexError` if it is not there.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        self.values.getitem(index)
    }

    /// Returns whether an element is equal to `value`.
    #[remote(name = "__contains__", scales)]
    pub fn contains_value(&self, value: Value) -> Result<bool, Exception> {
        self.values.contains_value(value)
    }

    /// `tuple + other`, as a plain tuple.
    #[remote(name = "__add__", scales)]
    pub fn add(&self, other: Value) -> Result<Value, Exception> {
        self.values.add(other)
    }

    /// `tuple * count`, as a plain tuple.
    #[remote(name = "__mul__", scales)]
    pub fn mul(&self, count: Value) -> Result<Value, Exception> {
        self.values.mul(count)
    }

    /// `count * tuple`, as a plain tuple.
    #[remote(name = "__rmul__", scales)]
    pub fn rmul(&self, count: Value) -> Result<Value, Exception> {
        self.values.mul(count)
    }

    /// Returns a chunk of the elements: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        self.values.iter_chunk(ctx, cursor, limit)
    }

    /// Returns the elements from last to first, as a plain list.
    #[remote(name = "__reversed__", scales)]
    pub fn reversed(&self) -> Vec<Value> {
        self.items.iter().rev().cloned().collect()
    }

    /// Returns a plain tuple of the elements.
    #[remote(name = "value", scales)]
    pub fn plain(&self) -> Value {
        Value::Tuple(self.items.clone())
    }

    /// Returns whether `other` is a tuple of equal elements.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        self.values.equals(other)
    }

    /// Returns whether `other` is not a tuple of equal elements.
    #[remote(name = "__ne__", scales)]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        self.values.differs(other)
    }

    /// `<`, by the first elements that differ.
    #[remote(name = "__lt__", scales)]
    pub fn less(&self, other: Value) -> Result<bool, Exception> {
        self.values.less(other)
    }

    /// `<=`, by the first elements that differ.
    #[remote(name = "__le__", scales)]
    pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
        self.values.less_or_equal(other)
    }

    /// `>`, by the first elements that differ.
    #[remote(name = "__gt__", scales)]
    pub fn greater(&self, other: Value) -> Result<bool, Exception> {
        self.values.greater(other)
    }

    /// `>=`, by the first elements that differ.
    #[remote(name = "__ge__", scales)]
    pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
        self.values.greater_or_equal(other)
    }
}

text_of_repr!(looking NamedTuple);

/// Returns the names of the fields, after checking that each is a valid name.
fn field_names_of(typename: &str, field_names: Value, rename: bool) -> Result<Vec<String>, Exception> {
    let mut names: Vec<String> = match operand(&field_names)?.into_owned() {
        Value::Text(text) => text.replace(',', " ").split_whitespace().map(str::to_owned).collect(),
        names => iterate(names)?.iter().map(text_of).collect::<Result<_, _>>()?,
    };
    check_result(size_of::<Value>(), names.len())?;
    if rename {
        let mut seen = HashSet::new();
        for (at, name) in names.iter_mut().enumerate() {
            if !is_identifier(name) || KEYWORDS.contains(&name.as_str()) || name.starts_with('_') || seen.contains(name)
            {
                *name = format!("_{at}");
            }
            seen.insert(name.clone());
        }
    }
    for name in std::iter::once(typename).chain(names.iter().map(String::as_str)) {
        if !is_identifier(name) {
            let name = repr(&name.into());
            return Err(Exception::ValueError(format!("Type names and field names must be valid identifiers: {name}")));
        }
        if KEYWORDS.contains(&name) {
            return Err(Exception::ValueError(format!("Type names and field names cannot be a keyword: '{name}'")));
        }
    }
    let mut seen = HashSet::new();
    for name in &names {
        if name.starts_with('_') && !rename {
            return Err(Exception::ValueError(format!("Field names cannot start with an underscore: '{name}'")));
        }
        if !seen.insert(name) {
            return Err(Exception::ValueError(format!("Encountered duplicate field name: '{name}'")));
        }
    }
    Ok(names)
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(unicode::begins_identifier) && chars.all(unicode::continues_identifier)
}

/// Python's reserved words, which cannot be names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Returns the elements, one for each field.
fn filled(
    typename: &str,
    names: &[String],
    args: Vec<Value>,
    kwargs: Kwargs,
    defaults: &[Value],
) -> Result<Vec<Value>, Exception> {
    let refused = |reason: String| Exception::TypeError(format!("{typename}.__new__() {reason}"));
    let least = names.len() - defaults.len();
    if args.len() > names.len() {
        // CPython counts the class as an argument too.
        let (most, found) = (names.len() + 1, args.len() + 1);
        let takes = if defaults.is_empty() { most.to_string() } else { format!("from {} to {most}", least + 1) };
        return Err(refused(format!("takes {takes} positional arguments but {found} were given")));
    }
    let mut items: Vec<Option<Value>> = args.into_iter().map(Some).collect();
    items.resize(names.len(), None);
    for (name, value) in kwargs {
        match names.iter().position(|field| *field == name) {
            None => return Err(refused(format!("got an unexpected keyword argument '{name}'"))),
            Some(at) if items[at].is_some() => {
                return Err(refused(format!("got multiple values for argument '{name}'")));
            }
            Some(at) => items[at] = Some(value),
        }
    }
    for (item, default) in items[least..].iter_mut().zip(defaults) {
        item.get_or_insert_with(|| default.clone());
    }
    let missing: Vec<String> =
        names.iter().zip(&items).filter(|(_, item)| item.is_none()).map(|(name, _)| format!("'{name}'")).collect();
    let listed = match missing.as_slice() {
        [] => return Ok(items.into_iter().flatten().collect()),
        [one] => return Err(refused(format!("missing 1 required positional argument: {one}"))),
        [one, other] => format!("{one} and {other}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    };
    Err(refused(format!("missing {} required positional arguments: {listed}", missing.len())))
}

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl NamedTupleProxy {
    /// Returns the element of the field `name`. `AttributeError` if there is none.
    pub fn get<T>(&self, name: &str) -> Decoded<T> {
        Decoded::new(self.getattr(name.to_owned()))
    }

    /// Returns the element at `index`.
    pub fn at<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.getitem(index.into()))
    }

    /// Returns a stream of the elements, which it fetches in chunks.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }
}

impl Holds for NamedTuple {
    fn seen(&self) -> Seen<'_> {
        Seen::Tuple(&self.items)
    }
}

/// Fails with `ValueError` if an element is nested too deeply.
impl TryFrom<Parts> for NamedTuple {
    type Error = Exception;

    fn try_from(Parts { typename, fields, mut defaults }: Parts) -> Result<Self, Exception> {
        let (names, items): (Vec<String>, Vec<Value>) = fields.into_iter().unzip();
        defaults.truncate(names.len());
        Ok(NamedTuple { typename, names, values: Tuple::try_from(items.clone())?, items, defaults })
    }
}

impl From<NamedTuple> for Parts {
    fn from(NamedTuple { typename, names, items, defaults, .. }: NamedTuple) -> Self {
        Parts { typename, fields: names.into_iter().zip(items).collect(), defaults }
    }
}

/// Converts to a plain tuple.
impl From<NamedTuple> for Value {
    fn from(tuple: NamedTuple) -> Self {
        Value::Tuple(tuple.items)
    }
}
