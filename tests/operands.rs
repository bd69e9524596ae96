//! References as operands: a live object where Python takes an iterable, a mapping, or a value to compare with.

mod support;

#[path = "operands/comparing.rs"]
mod comparing;
#[path = "operands/effort.rs"]
mod effort;
#[path = "operands/iterables.rs"]
mod iterables;
#[path = "operands/nesting.rs"]
mod nesting;
#[path = "operands/waiting.rs"]
mod waiting;

use tarmem::{DynamicProxy, Error, Proxy, Session, Value};

async fn make(session: &Session, key: &str, class: &str, items: impl Into<Value>) -> DynamicProxy {
    let (module, class) = class.split_once('.').expect("a module, and a name in it");
    let module = session.remote_import(module).await.expect("imports");
    session.memoize(key, module.function(class, [items.into()])).await.expect("made");
    held(session, key).await
}

async fn list(session: &Session, key: &str, items: Value) -> DynamicProxy {
    make(session, key, "builtins.list", items).await
}

async fn held(session: &Session, key: &str) -> DynamicProxy {
    session.get_dynamic(key).await.expect("there").hold().await.expect("held")
}

fn reference(proxy: &DynamicProxy) -> Value {
    Value::Ref(proxy.reference().expect("a proxy by id"))
}

/// A reference to an object that the session now holds.
fn lasting(proxy: DynamicProxy) -> Value {
    let reference = reference(&proxy);
    std::mem::forget(proxy);
    reference
}

fn ints(items: impl IntoIterator<Item = i64>) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

/// The message of a Python exception.
fn raised(error: &Error) -> &str {
    let Error::Raised { message, .. } = error else { panic!("{error:?}") };
    message
}
