//! What is given to a call of those arguments that there are.

use tarmem_remote::{Registry, Value};

/// The arguments without the nulls at their end that mean nothing: those for what may be left out.
pub(crate) fn given(registry: &Registry, class: &str, method: Option<&str>, mut args: Vec<Value>) -> Vec<Value> {
    let (module, name) = class.split_once('.').expect("a class has a module");
    let params = match method {
        Some(method) => {
            let class = format!("{module}.{}", name.split('.').next().unwrap_or_default());
            registry.class(&class).and_then(|class| class.method(method)).map(|m| m.params)
        }
        None => registry.function(module, name).map(|f| f.params),
    };
    let params = params.unwrap_or_else(|error| panic!("{error}"));
    while args.last() == Some(&Value::Null) && params.get(args.len() - 1).is_some_and(|param| param.optional) {
        args.pop();
    }
    args
}
