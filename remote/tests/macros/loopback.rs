//! The smallest host that can answer a proxy: objects under keys, in this process, one operation at a time.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context as TaskContext, Poll, Waker};
use tarmem_remote::call::{Caller, OwnerId, Submitted, Terms};
use tarmem_remote::codec;
use tarmem_remote::context::{Host, Owner, SessionEnded, Undo};
use tarmem_remote::describe::{Function, FunctionInvoke, Invoke, Method};
use tarmem_remote::dispatch::{Arguments, DispatchError, Encoding, Output, Produced};
use tarmem_remote::multi_object::{HeldObject, ObjectParam, PreparedCall, Work};
use tarmem_remote::operation::{FunctionRef, MethodRef, Operation, Reply, SourceRef, Target};
use tarmem_remote::payload::Payload;
use tarmem_remote::results::ObjectInfo;
use tarmem_remote::{ClientApi, Context, Error, Object, Registry};
use uuid::Uuid;

/// More than any result of these tests needs.
const LIMIT: usize = 1 << 20;

/// A client with a store of its own.
pub(crate) fn api() -> ClientApi {
    ClientApi::new(loopback())
}

/// The context of a call in a store of its own.
pub(crate) fn context() -> Context {
    loopback().context()
}

fn loopback() -> Arc<Loopback> {
    let registry = Registry::linked().expect("no names clash");
    Arc::new_cyclic(|this| Loopback { this: Weak::clone(this), registry, objects: Mutex::default() })
}

/// Polls the future until it is ready. Nothing in these tests waits for anything outside.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            return output;
        }
    }
    panic!("a future waits for something outside");
}

/// A future that is not ready when it is first polled.
pub(crate) async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

struct Loopback {
    this: Weak<Loopback>,
    registry: Registry,
    objects: Mutex<HashMap<String, Box<dyn Object>>>,
}

impl Caller for Loopback {
    fn poll_submit(&self, _: &mut TaskContext<'_>, operation: &mut Payload, _: Terms) -> Poll<Submitted> {
        let reply = Operation::decode(operation).and_then(|operation| self.run(operation));
        Poll::Ready(Submitted::Answered(reply.into()))
    }

    fn poll_reply(&self, _: &mut TaskContext<'_>, _: u64, _: &mut Option<Box<Payload>>) -> Poll<Reply> {
        Poll::Ready(Reply::failed(Error::Cancelled))
    }

    fn settle(&self, _: u64, _: bool) {}

    fn cancel(&self, _: u64) {}

    fn forget(&self, _: u64) {}

    fn release(&self, _: Uuid) {}

    fn send(&self, operation: Payload, _: Option<OwnerId>) {
        let _ = Operation::decode(&operation).and_then(|operation| self.run(operation));
    }
}

/// No session ends here and every result is received, so there is nothing to watch or undo.
impl Host for Loopback {
    fn watch(&self, _: Weak<dyn SessionEnded>) -> bool {
        true
    }

    fn undo_unless_received(&self, _: u64, _: Undo) {}
}

impl Loopback {
    fn run(&self, operation: Operation<'_>) -> Result<Reply, Error> {
        match operation {
            Operation::Memoize { key, source, expect } | Operation::Update { key, source, expect, .. } => {
                match self.make(source)? {
                    Ok(object) => self.store(key, object, expect),
                    Err(raised) => Ok(raised),
                }
            }
            Operation::Get { key, expect } => {
                let objects = self.objects.lock().expect("no test panics in here");
                let object = objects.get(key).ok_or(Error::NoSuchKey { key: key.to_owned() })?;
                self.info(&**object, expect)
            }
            Operation::Call { target: Target::Key(key), method, encoding, args } => {
                let mut objects = self.objects.lock().expect("no test panics in here");
                let object = objects.get_mut(key).ok_or(Error::NoSuchKey { key: key.to_owned() })?;
                self.call(&mut **object, method, encoding, args)
            }
            Operation::Run { function, encoding, args } => {
                let mut body = Vec::new();
                let mut out = Output::new(encoding, &mut body, LIMIT);
                let written = match self.produce(function, encoding, args)? {
                    Produced::Object(object) => out.returned(&Bare(&*object)),
                    Produced::Value(value) => out.returned(&*value),
                    Produced::Raised(message, error) => out.raised(&message, &*error),
                };
                written.map_err(|error| error.named(String::new, || "the function".to_owned()))?;
                let raised = out.into_raised();
                Ok(reply(raised, body))
            }
            other => panic!("{} is more than these tests need", other.name()),
        }
    }

    fn make(&self, source: SourceRef<'_>) -> Result<Result<Box<dyn Object>, Reply>, Error> {
        match source {
            SourceRef::Value { object, .. } => codec::decode(object).map(Ok).map_err(|e| Error::malformed("value", e)),
            SourceRef::Generator { function, encoding, args } => Ok(match self.produce(function, encoding, args)? {
                Produced::Object(object) => Ok(object),
                Produced::Value(_) => panic!("no generator"),
                Produced::Raised(message, error) => {
                    let body = codec::encode(&*error).expect("an error can be encoded");
                    Err(Reply::raised(message, body.into()))
                }
            }),
            SourceRef::ValueByNames { .. } | SourceRef::Existing(_) => {
                panic!("such sources are more than these tests need")
            }
        }
    }

    fn produce(&self, function: FunctionRef<'_>, encoding: Encoding, args: &[u8]) -> Result<Produced, Error> {
        let function: &Function = match function {
            FunctionRef::Id(id) => self.registry.function_by_id(id).expect("a typed caller knows the function"),
            FunctionRef::Name { module, name } => self.registry.function(module, name)?,
        };
        let refuse = |reason| Error::BadArguments { signature: function.called_as(encoding), reason };
        let mut args = Arguments::new(encoding, args, function.params).map_err(refuse)?;
        let produced = match function.invoke {
            FunctionInvoke::Sync(invoke) => invoke(&self.context(), &mut args),
            FunctionInvoke::Async(invoke) => invoke(self.context(), &mut args).map(wait),
            FunctionInvoke::OnObjects(on) => (on.prepare)(&mut args).and_then(|call| self.on_objects(on.params, call)),
        };
        produced.map_err(|error| function.error(error, encoding))
    }

    /// Takes the objects without waiting, because there are no other callers, and never restores them.
    fn on_objects(&self, params: &[ObjectParam], call: PreparedCall) -> Result<Produced, DispatchError> {
        let mut objects = self.objects.lock().expect("no test panics in here");
        let keys = call.objects.iter().map(|object| match object.target() {
            Target::Key(key) => key,
            Target::Id(id) => panic!("{id} is more than these tests need"),
        });
        let keys: Vec<&str> = keys.collect();
        let mut taken: Vec<Box<dyn Object>> = Vec::new();
        for key in &keys {
            taken.push(objects.remove(*key).ok_or(Error::NoSuchKey { key: (*key).to_owned() })?);
        }
        drop(objects);
        let held = params.iter().zip(&mut taken).map(|(param, object)| {
            let views = self.registry.class(object.class()).expect("it is known").views(param.class);
            if param.exclusive {
                HeldObject::exclusive(&mut **object, views)
            } else {
                HeldObject::shared(&**object, views)
            }
        });
        let produced = match call.work {
            Work::Sync(work) => work(held.collect(), &self.context()),
            Work::Async(work) => wait(work(held.collect(), &self.context())),
        };
        let back = keys.into_iter().map(str::to_owned).zip(taken);
        self.objects.lock().expect("no test panics in here").extend(back);
        produced
    }

    fn call(
        &self,
        object: &mut dyn Object,
        method: MethodRef<'_>,
        encoding: Encoding,
        args: &[u8],
    ) -> Result<Reply, Error> {
        let class = self.registry.class(object.class())?;
        let method: &Method = match method {
            MethodRef::Id(id) => class.method_by_id(id).ok_or_else(|| Error::WrongClass {
                target: "the object".to_owned(),
                expected: self.registry.method_scope(id).expect("a typed caller knows the method").to_owned(),
                found: object.class().to_owned(),
            })?,
            MethodRef::Name(name) => class.method(name)?,
        };
        let refuse = |reason| Error::BadArguments { signature: method.called_as(encoding), reason };
        let mut args = Arguments::new(encoding, args, method.params).map_err(refuse)?;
        let mut body = Vec::new();
        let mut out = Output::new(encoding, &mut body, LIMIT);
        let ctx = self.context();
        let done = match method.invoke {
            Invoke::Shared(invoke) => invoke(object, &ctx, &mut args, &mut out),
            Invoke::Exclusive(invoke) => invoke(object, &ctx, &mut args, &mut out),
            Invoke::SharedAsync(invoke) => invoke(object, &ctx, &mut args).and_then(|work| wait(work)(&mut out)),
            Invoke::ExclusiveAsync(invoke) => invoke(object, &ctx, &mut args).and_then(|work| wait(work)(&mut out)),
        };
        done.map_err(|error| method.error(error, encoding))?;
        let raised = out.into_raised();
        Ok(reply(raised, body))
    }

    fn store(&self, key: &str, object: Box<dyn Object>, expect: &str) -> Result<Reply, Error> {
        let info = self.info(&*object, expect)?;
        self.objects.lock().expect("no test panics in here").insert(key.to_owned(), object);
        Ok(info)
    }

    fn info(&self, object: &dyn Object, expect: &str) -> Result<Reply, Error> {
        let class = object.class();
        if !self.registry.class(class)?.fits(expect) {
            let (expected, found) = (expect.to_owned(), class.to_owned());
            return Err(Error::WrongClass { target: "the object".to_owned(), expected, found });
        }
        Ok(Reply::done(&ObjectInfo::new(Uuid::nil(), class, 1, false).made(true)))
    }

    fn context(&self) -> Context {
        let owner = Owner { session: Uuid::nil(), task: 1 };
        let host = self.this.upgrade().expect("a call is running");
        Context::new(owner, 1, None, host)
    }
}

fn reply(raised: Option<String>, body: Vec<u8>) -> Reply {
    match raised {
        Some(message) => Reply::raised(message, body.into()),
        None => Reply::Done(body.into()),
    }
}

/// An object encoded without its tag, which is what the typed caller of a generator decodes.
struct Bare<'a>(&'a dyn Object);

impl serde::Serialize for Bare<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        erased_serde::serialize(self.0, serializer)
    }
}
