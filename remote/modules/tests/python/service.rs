//! Makes objects and calls methods by name through the dispatch layer, as a service does.

use std::sync::{Arc, Weak};
use std::task::{Context as TaskContext, Poll};
use tarmem_remote::args::Args;
use tarmem_remote::call::{Caller, OwnerId, Submitted, Terms};
use tarmem_remote::codec;
use tarmem_remote::context::{Host, Owner, SessionEnded, Undo};
use tarmem_remote::describe::{FunctionInvoke, Invoke};
use tarmem_remote::dispatch::{Arguments, Encoding, Output, Produced};
use tarmem_remote::multi_object::{HeldObject, Work};
use tarmem_remote::operation::Reply;
use tarmem_remote::payload::Payload;
use tarmem_remote::value::to_value;
use tarmem_remote::{Context, Error, Object, Registry, Value};
use uuid::Uuid;

/// The minimum number of operations for each type.
pub(super) const OPERATIONS: usize = 20_000;

/// Far more than any result in these tests.
const LIMIT: usize = 1 << 26;

pub(crate) struct Service {
    registry: Registry,
    context: Context,
}

/// A host without a service, since these classes do not ask for one.
struct Nobody;

impl Caller for Nobody {
    fn poll_submit(&self, _: &mut TaskContext<'_>, _: &mut Payload, _: Terms) -> Poll<Submitted> {
        Poll::Ready(Submitted::Answered(Reply::failed(Error::Cancelled)))
    }

    fn poll_reply(&self, _: &mut TaskContext<'_>, _: u64, _: &mut Option<Box<Payload>>) -> Poll<Reply> {
        Poll::Ready(Reply::failed(Error::Cancelled))
    }

    fn settle(&self, _: u64, _: bool) {}

    fn cancel(&self, _: u64) {}

    fn forget(&self, _: u64) {}

    fn release(&self, _: Uuid) {}

    fn send(&self, _: Payload, _: Option<OwnerId>) {}
}

impl Host for Nobody {
    fn watch(&self, _: Weak<dyn SessionEnded>) -> bool {
        false
    }

    fn undo_unless_received(&self, _: u64, _: Undo) {}
}

/// A result, or the message of an error.
pub(crate) type Outcome<T> = Result<T, String>;

impl Service {
    pub(crate) fn new() -> Self {
        let registry = Registry::linked().expect("no names clash");
        let owner = Owner { session: Uuid::nil(), task: 0 };
        Service { registry, context: Context::new(owner, 1, None, Arc::new(Nobody)) }
    }

    /// Makes an object, by the path of its class or of one of the constructors.
    pub(crate) fn make(&self, class: &str, args: &[Value]) -> Outcome<Box<dyn Object>> {
        self.make_with(class, &args.to_vec().into())
    }

    /// As [`make`](Self::make), with arguments by name.
    pub(crate) fn make_with(&self, class: &str, args: &Args) -> Outcome<Box<dyn Object>> {
        let (module, name) = class.split_once('.').expect("a path");
        let function = self.registry.function(module, name).expect("a class with a constructor");
        let bytes = args.encode().expect("the arguments are not deep");
        let mut args = Arguments::new(Encoding::Dynamic, &bytes, function.params).map_err(bad_arguments)?;
        let FunctionInvoke::Sync(invoke) = function.invoke else { panic!("{class} is made at once") };
        match invoke(&self.context, &mut args)
            .map_err(|e| bad_arguments(function.error(e, Encoding::Dynamic).to_string()))?
        {
            Produced::Object(object) => Ok(object),
            Produced::Raised(message, _) => Err(message),
            Produced::Value(_) => panic!("{class} makes an object"),
        }
    }

    /// Calls a function by its module and name. A function that works on objects gets only `object`.
    pub(crate) fn run(&self, function: (&str, &str), object: Option<&mut dyn Object>, args: &Args) -> Outcome<Value> {
        let function = self.registry.function(function.0, function.1).unwrap_or_else(|error| panic!("{error}"));
        let bytes = args.encode().expect("the arguments are not deep");
        let mut args = Arguments::new(Encoding::Dynamic, &bytes, function.params).map_err(bad_arguments)?;
        let bad = |error| bad_arguments(function.error(error, Encoding::Dynamic).to_string());
        let produced = match (function.invoke, object) {
            (FunctionInvoke::Sync(invoke), _) => invoke(&self.context, &mut args).map_err(bad)?,
            (FunctionInvoke::OnObjects(on), Some(object)) => {
                let prepared = (on.prepare)(&mut args).map_err(bad)?;
                let held = match on.params {
                    [param] if param.exclusive => HeldObject::exclusive(object, None),
                    _ => HeldObject::shared(object, None),
                };
                let Work::Sync(work) = prepared.work else { panic!("{} is not async", function.name) };
                work([held].into_iter().collect(), &self.context).map_err(bad)?
            }
            _ => panic!("{} works at once", function.name),
        };
        match produced {
            Produced::Value(value) => to_value(&*value).map_err(|e| e.to_string()),
            Produced::Raised(message, _) => Err(message),
            Produced::Object(_) => panic!("{} gives a value", function.name),
        }
    }

    /// Calls a method by its name.
    pub(crate) fn call(&self, object: &mut dyn Object, method: &str, args: &[Value]) -> Outcome<Value> {
        self.call_with(object, method, &args.to_vec().into())
    }

    /// As [`call`](Self::call), with arguments by name.
    pub(crate) fn call_with(&self, object: &mut dyn Object, method: &str, args: &Args) -> Outcome<Value> {
        let class = self.registry.class(object.class()).expect("its class is registered");
        let method = class.method(method).unwrap_or_else(|error| panic!("{error}"));
        let bytes = args.encode().expect("the arguments are not deep");
        let mut args = Arguments::new(Encoding::Dynamic, &bytes, method.params).map_err(bad_arguments)?;
        let mut body = Vec::new();
        let mut out = Output::new(Encoding::Dynamic, &mut body, LIMIT);
        match method.invoke {
            Invoke::Shared(invoke) => invoke(object, &self.context, &mut args, &mut out),
            Invoke::Exclusive(invoke) => invoke(object, &self.context, &mut args, &mut out),
            _ => panic!("{} is not async", method.name),
        }
        .map_err(|e| bad_arguments(method.error(e, Encoding::Dynamic).to_string()))?;
        match out.into_raised() {
            Some(message) => Err(message),
            None => Ok(codec::decode(&body).expect("a result is a value")),
        }
    }
}

/// Returns the TypeError that Python would raise for arguments that do not fit a signature.
fn bad_arguments(reason: String) -> String {
    format!("TypeError: {reason}")
}
