//! `collections.defaultdict`.

use crate::builtins::dict::{entries, entries_of};
use crate::python::live::{Holds, Mapping, Seen};
use crate::python::live::{operand, plain_and_class};
use crate::python::{Chunk, Cursor, Key, Table, check_depth, number, type_name};
use crate::python::{Comparing, lending, repr_of};
use crate::shared::{dict_changed, dict_methods, mapping_methods, mapping_proxy, popitem_method, text_of_repr};
use crate::{Decoded, DecodedPairs, Elements, Exception, Fallible};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::call::CallError;
use tarmem_remote::context::Context;
use tarmem_remote::error::Error;
use tarmem_remote::proxy::Proxy;
use tarmem_remote::remote;
use tarmem_remote::results::{MemberKind, ParameterDefault};
use tarmem_remote::source::{DynamicFunctionCall, FunctionCall};
use tarmem_remote::value::Value;

/// A dict that makes the value of a missing key when the key is looked up, as Python's `defaultdict`.
///
/// The factory is given by the name of a generator. Those of `builtins`, with or without the prefix `builtins.`, make a
/// plain value, such as an empty list or 0. Any other generator of the service that needs no arguments
/// (`collections.deque`, `shop.open_cart`, `shop.Cart.open`) makes an object, and the dict keeps that live object under
/// the key.
///
/// # Examples
///
/// ```
/// use tarmem_modules::collections::DefaultDictProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let by_letter = session.memoize("by letter", DefaultDictProxy::new(Some("list".into()), None)).await?;
/// let made = by_letter.item::<Vec<String>>("a").await?; // as Python's `by_letter["a"]`
/// assert!(made.is_empty());
/// assert!(by_letter.contains_key("a").await?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "collections", name = "defaultdict")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefaultDict {
    factory: Option<Factory>,
    table: Table<Value>,
}

/// What makes a missing value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Factory {
    Plain(Plain),
    /// Any generator, by its module and its name in there.
    Generator(String, String),
}

/// A class of `builtins`, which stands for its empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Plain {
    List,
    Dict,
    Set,
    Tuple,
    Str,
    Bytes,
    Int,
    Float,
    Bool,
}

const FACTORIES: [(Plain, &str); 9] = [
    (Plain::List, "builtins.list"),
    (Plain::Dict, "builtins.dict"),
    (Plain::Set, "builtins.set"),
    (Plain::Tuple, "builtins.tuple"),
    (Plain::Str, "builtins.str"),
    (Plain::Bytes, "builtins.bytes"),
    (Plain::Int, "builtins.int"),
    (Plain::Float, "builtins.float"),
    (Plain::Bool, "builtins.bool"),
];

impl Factory {
    fn named(name: &str) -> Result<Self, Exception> {
        let found = FACTORIES.iter().find(|(_, path)| *path == name || path.strip_prefix("builtins.") == Some(name));
        match (found, name.rsplit_once('.')) {
            (Some((plain, _)), _) => Ok(Factory::Plain(*plain)),
            (None, Some((module, name))) if module != "builtins" => {
                Ok(Factory::Generator(module.to_owned(), name.to_owned()))
            }
            _ => Err(no_name()),
        }
    }

    /// Checks that the service has this generator, and that it makes objects without arguments. Only here does it turn
    /// out which part of the name is the module: the constructor `open` of `bank.Account` is a member of `bank`.
    async fn check(self, ctx: &Context) -> Result<Self, Exception> {
        let Factory::Generator(path, last) = &self else { return Ok(self) };
        let refuse = |reason: String| Exception::TypeError(format!("{self} cannot be the factory: {reason}"));
        let failed = |error: Error| refuse(error.to_string());
        let import = |module: &str| ctx.service().remote_import(module);
        let (module, name) = match (import(path).await, path.rsplit_once('.')) {
            (Err(Error::NotAModule { .. }), Some((module, class))) => {
                (import(module).await.map_err(failed)?, format!("{class}.{last}"))
            }
            (module, _) => (module.map_err(failed)?, last.clone()),
        };
        let member = module.maker(&name).map_err(failed)?;
        match member.kind {
            MemberKind::Class | MemberKind::Generator => {}
            MemberKind::Function => return Err(refuse("it is a function that makes no object".to_owned())),
            MemberKind::Constant => return Err(refuse("it is a constant".to_owned())),
            _ => return Err(refuse("it makes no object".to_owned())),
        }
        let required = member.parameters.iter().filter(|parameter| parameter.default == ParameterDefault::Required);
        let required: Vec<&str> = required.map(|parameter| &*parameter.name).collect();
        if !required.is_empty() {
            return Err(refuse(format!("it is called without arguments, and needs {}", required.join(", "))));
        }
        Ok(Factory::Generator(module.name().to_owned(), name))
    }

    async fn make(&self, ctx: &Context) -> Result<Value, Exception> {
        let (module, name) = match self {
            Factory::Plain(plain) => return Ok(plain.make()),
            Factory::Generator(module, name) => (module, name),
        };
        let failed = |error: Error| Exception::RuntimeError(format!("the factory {self} failed: {error}"));
        let made = ctx.service().create(DynamicFunctionCall::new(module, name, [])).await.map_err(failed)?;
        let reference = made.reference().ok_or_else(|| failed(Error::Cancelled))?;
        // The dict must hold the object before the proxy drops its handle.
        Ok(ctx.keep(&reference).map_err(failed)?.into())
    }
}

fn no_name() -> Exception {
    let known: Vec<&str> = FACTORIES.iter().map(|(_, path)| *path).collect();
    let known = known.join(", ");
    Exception::TypeError(format!(
        "the first argument must name a generator of the service as module.name, or be null: {known}, or another"
    ))
}

impl fmt::Display for Factory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Factory::Plain(plain) => f.write_str(plain.path()),
            Factory::Generator(module, name) => write!(f, "{module}.{name}"),
        }
    }
}

impl Plain {
    fn path(self) -> &'static str {
        FACTORIES.iter().find(|(factory, _)| *factory == self).map_or("", |(_, path)| path)
    }

    fn make(self) -> Value {
        match self {
            Plain::List => Value::List(Vec::new()),
            Plain::Set => Value::Set(Vec::new()),
            Plain::Tuple => Value::Tuple(Vec::new()),
            Plain::Dict => Value::Map(Vec::new()),
            Plain::Str => Value::Text(String::new()),
            Plain::Bytes => Value::Bytes(Vec::new()),
            Plain::Int => Value::from(0),
            Plain::Float => Value::Float(0.0),
            Plain::Bool => Value::Bool(false),
        }
    }
}

#[remote]
impl DefaultDict {
    /// Makes a dict whose missing values are made by a generator of the service. The first argument is its name; if
    /// that is left out or null, no values are made. The second argument, a map or a list of pairs, and the arguments
    /// by name are the first entries. `TypeError` if the service has no such generator, or it needs arguments.
    #[remote(name = "new")]
    pub async fn from_args(
        ctx: &Context,
        #[remote(args)] args: Vec<Value>,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> Result<Self, Exception> {
        let mut args = args.into_iter();
        let factory = args.next().unwrap_or_default();
        let mut made = Self::with(&factory, args.collect(), kwargs)?;
        if let Some(factory) = made.factory.take() {
            made.factory = Some(factory.check(ctx).await?);
        }
        Ok(made)
    }

    /// Returns the value under `key`. If there is none, the factory makes one, which is kept. `KeyError` if there is no
    /// factory.
    #[remote(name = "__getitem__")]
    pub async fn getitem(&mut self, ctx: &Context, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        match self.table.get(&key) {
            Some(value) => Ok(value.clone()),
            None => self.missing(ctx, key.into_value()).await,
        }
    }

    /// Makes a value for `key` by the factory, and keeps it. `KeyError` if there is no factory, `RuntimeError` if it
    /// fails. Other calls of the dict wait until the factory is done; a factory that uses the dict itself fails, since
    /// it would wait for itself.
    #[remote(name = "__missing__")]
    pub async fn missing(&mut self, ctx: &Context, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        let factory = self.factory.as_ref().ok_or_else(|| Exception::no_key(key.value()))?;
        let value = factory.make(ctx).await?;
        self.table.insert(key, value.clone());
        Ok(value)
    }

    /// Returns the name of the factory, or null if there is none.
    pub fn default_factory(&self) -> Option<String> {
        self.factory.as_ref().map(ToString::to_string)
    }

    /// Sets the factory, or removes it if `factory` is null. `TypeError`, and no change, if the service has no such
    /// generator, or it needs arguments.
    pub async fn set_default_factory(&mut self, ctx: &Context, factory: Option<String>) -> Result<(), Exception> {
        self.factory = match factory {
            Some(name) => Some(Factory::named(&name)?.check(ctx).await?),
            None => None,
        };
        Ok(())
    }

    /// Returns the dict as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

text_of_repr!(looking DefaultDict);
popitem_method!(DefaultDict, DefaultDictProxy);
mapping_methods!(DefaultDict, dict_changed);
dict_methods!(DefaultDict, "collections.defaultdict");
mapping_proxy!(DefaultDictProxy, "collections.defaultdict");

impl DefaultDictProxy {
    /// Makes a dict of `items`, a map or a list of pairs, whose missing values are made by the generator named
    /// `factory`. Without `factory`, no values are made.
    #[allow(clippy::new_ret_no_self, reason = "a proxy is of an object; this is what makes one")]
    pub fn new(
        factory: Option<String>,
        items: impl Into<Arg<Value>>,
    ) -> FunctionCall<DefaultDict, CallError<Exception>> {
        let args = std::iter::once(factory.map_or(Value::Null, Value::from)).chain(items.into().given());
        Self::from_args(args.collect(), Kwargs::new())
    }
}

impl DefaultDict {
    /// As [`from_args`](Self::from_args), without checking that the factory exists.
    pub(super) fn with(factory: &Value, args: Vec<Value>, kwargs: Kwargs) -> Result<Self, Exception> {
        let factory = match &*operand(factory)? {
            Value::Null => None,
            Value::Text(name) => Some(Factory::named(name)?),
            _ => return Err(no_name()),
        };
        Ok(DefaultDict { factory, table: entries_of("dict", args, kwargs)?.into_iter().collect() })
    }

    /// Returns the factory as Python's `repr` shows it: `<class 'list'>`.
    fn factory_text(&self) -> String {
        self.factory.as_ref().map_or("None".to_owned(), |factory| {
            format!("<class '{}'>", factory.to_string().trim_start_matches("builtins."))
        })
    }

    /// Returns the keys and values.
    pub fn table(&self) -> &Table<Value> {
        &self.table
    }

    /// Returns the keys and values, to be changed.
    pub fn table_mut(&mut self) -> &mut Table<Value> {
        &mut self.table
    }

    /// Returns the keys and values.
    pub fn into_table(self) -> Table<Value> {
        self.table
    }
}

impl Holds for DefaultDict {
    fn seen(&self) -> Seen<'_> {
        Seen::Dict(&self.table, Mapping::Default(self.factory_text()))
    }
}

/// Serializes to the contents alone in human-readable formats, and with the factory in others.
impl Serialize for DefaultDict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.table.serialize(serializer)
        } else {
            (&self.factory, &self.table).serialize(serializer)
        }
    }
}

/// What comes from a human-readable format has no factory.
impl<'de> Deserialize<'de> for DefaultDict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Ok(DefaultDict { factory: None, table: Table::deserialize(deserializer)? })
        } else {
            let (factory, table) = Deserialize::deserialize(deserializer)?;
            Ok(DefaultDict { factory, table })
        }
    }
}
