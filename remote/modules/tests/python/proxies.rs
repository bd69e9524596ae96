//! The proxies, with plain Rust values.
#![allow(clippy::unwrap_used)]

use crate::loopback::{api, wait};
use std::collections::HashSet;
use tarmem_modules::Exception;
use tarmem_modules::builtins::{DictProxy, List, ListProxy, SetProxy, StrProxy};
use tarmem_modules::collections::{CounterProxy, DefaultDictProxy, DequeProxy, OrderedDictProxy};
use tarmem_modules::multiprocessing::{SharedArrayProxy, SharedValueProxy};
use tarmem_modules::types::SimpleNamespaceProxy;
use tarmem_remote::{CallError, Error, Proxy, Value, args};

#[test]
fn a_list_takes_and_returns_plain_values() {
    let api = api();
    let list = wait(api.memoize("xs", ListProxy::new(Some([1, 2].into())))).unwrap();
    wait(list.append(3)).unwrap();
    wait(list.extend(["a", "b"])).unwrap();
    wait(list.insert(0, 2.5)).unwrap();
    assert_eq!(wait(list.get::<i64>(-3)).unwrap(), 3);
    assert_eq!(wait(list.pop::<String>()).unwrap(), "b");
    assert_eq!(wait(list.pop_at::<f64>(0)).unwrap(), 2.5);
    wait(list.remove("a")).unwrap();
    assert_eq!(wait(list.to_vec::<i64>()).unwrap(), [1, 2, 3]);
    assert_eq!(wait(list.slice::<i64>(-2..)).unwrap(), [2, 3]);
    wait(list.set_slice(1..2, [7, 8])).unwrap();
    wait(list.sort_descending()).unwrap();
    wait(list.delete_slice(..1)).unwrap();
    assert_eq!(wait(list.to_vec::<i64>()).unwrap(), [7, 3, 1]);
    assert_eq!(wait(list.index(3)).unwrap(), 1);
    assert!(wait(list.contains(3.0)).unwrap());

    let error = wait(list.get::<i64>(9)).unwrap_err();
    assert_eq!(error.method(), Some(&Exception::IndexError("list index out of range".into())));
    assert_eq!(error.to_string(), "IndexError: list index out of range");
    let error = wait(list.pop_at::<String>(0)).unwrap_err();
    let words = "is the int 7, where a String was expected; the call was made, and its result is in this error";
    assert_eq!(error.to_string(), format!("the result of builtins.list.pop {words}"));
    let CallError::Failed(Error::UnexpectedResult { value, undone: false, .. }) = error else { panic!("{error}") };
    assert_eq!(value.as_deref(), Some(&Value::from(7)), "what was taken out is not lost");
}

#[test]
fn a_list_made_by_the_client_moves_to_the_service() {
    let api = api();
    let list = wait(api.update("xs", List::from_iter(["a", "b"]))).unwrap();
    assert_eq!(wait(list.to_vec::<String>()).unwrap(), ["a", "b"]);
    assert_eq!(wait(list.len()).unwrap(), 2);
}

#[test]
fn a_dict_takes_and_returns_plain_values() {
    let api = api();
    let dict = wait(api.memoize("d", DictProxy::new(None))).unwrap();
    wait(dict.set("k", 5)).unwrap();
    wait(dict.update([("a", Value::from("x")), ("b", Value::Null)])).unwrap();
    assert_eq!(wait(dict.get::<i64>("k")).unwrap(), Some(5));
    assert_eq!(wait(dict.get::<i64>("nothing")).unwrap(), None);
    assert_eq!(wait(dict.item::<String>("a")).unwrap(), "x");
    assert_eq!(wait(dict.incr::<i64>("n", 4)).unwrap(), 4);
    assert!(wait(dict.compare_and_set("n", 4, 9)).unwrap());
    assert!(!wait(dict.compare_and_set("n", 4, 10)).unwrap());
    assert_eq!(wait(dict.keys::<String>()).unwrap(), ["k", "a", "b", "n"]);
    assert_eq!(wait(dict.pop::<i64>("n")).unwrap(), Some(9));
    assert_eq!(wait(dict.pop::<i64>("n")).unwrap(), None);
    assert_eq!(wait(dict.setdefault::<i64>("n", 3)).unwrap(), 3);
    assert_eq!(wait(dict.items::<String, Value>()).unwrap()[3], ("n".to_owned(), 3.into()));
    let error = wait(dict.delete("nothing")).unwrap_err();
    assert_eq!(error.method(), Some(&Exception::KeyError("nothing".into())));
    assert_eq!(error.to_string(), "KeyError: 'nothing'");
    let error = wait(dict.item::<i64>(2.5)).unwrap_err();
    assert_eq!(error.method(), Some(&Exception::KeyError(2.5.into())));
}

#[test]
fn an_error_of_a_dynamic_call_has_a_class_and_arguments() {
    let api = api();
    let dict = wait(api.memoize("d", DictProxy::new(None))).unwrap();
    let error = wait(dict.dynamic().call("__getitem__", args![7])).unwrap_err();
    assert_eq!(error.raised_class(), Some("KeyError"));
    assert_eq!(error.raised_args(), Some(&[Value::from(7)][..]));
    assert_eq!(error.to_string(), "__getitem__ failed: KeyError: 7");
    let error = wait(dict.dynamic().call("popitem", args![])).unwrap_err();
    assert_eq!(error.raised_args(), Some(&["popitem(): dictionary is empty".into()][..]));
    let error = wait(dict.dynamic().call("update", args![5])).unwrap_err();
    let message = "'int' object is not iterable";
    assert_eq!((error.raised_class(), error.raised_args()), (Some("TypeError"), Some(&[message.into()][..])));
    let long = Value::from("x".repeat(100_000));
    let error = wait(dict.dynamic().call("__getitem__", [long])).unwrap_err();
    let told = error.raised_args().unwrap()[0].as_str().unwrap();
    assert!(told.starts_with("'xxx") && told.len() < 200, "{told}");
}

#[test]
fn a_dynamic_call_fails_with_the_error_type_that_is_asked_for() {
    let api = api();
    let dict = wait(api.memoize("d", DictProxy::new(None))).unwrap();
    let failed = dict.dynamic().call_with::<CallError<Exception>>("__getitem__", &("k",));
    assert_eq!(wait(failed), Err(CallError::Method(Exception::KeyError("k".into()))));
    // With another error type, the error is the original one, and has the message.
    let failed = dict.dynamic().call_with::<CallError<i64>>("__getitem__", &("k",));
    let Err(CallError::Failed(error)) = wait(failed) else { panic!("an exception is no number") };
    assert_eq!((error.raised_class(), error.raised_args()), (Some("KeyError"), Some(&["k".into()][..])));
}

#[test]
fn other_classes_take_and_return_plain_values_too() {
    let api = api();
    let set = wait(api.memoize("set", SetProxy::new(None))).unwrap();
    wait(set.add(1)).unwrap();
    wait(set.update([1, 2])).unwrap();
    assert_eq!(wait(set.to_vec::<i64>()).unwrap(), [1, 2]);
    assert!(wait(set.contains(true)).unwrap());

    let deque = wait(api.memoize("deque", DequeProxy::new(None, Some(2.into())))).unwrap();
    wait(deque.extend([1, 2, 3])).unwrap();
    wait(deque.rotate(1)).unwrap();
    assert_eq!(wait(deque.popleft::<i64>()).unwrap(), 3);

    let counter = wait(api.memoize("counter", CounterProxy::new(Some("abac".into())))).unwrap();
    wait(counter.count(["c", "c"])).unwrap();
    assert_eq!(wait(counter.most_common::<String, u64>(2)).unwrap(), [("c".into(), 3), ("a".into(), 2)]);
    assert_eq!(wait(counter.item::<u64>("z")).unwrap(), 0);
    assert_eq!(wait(counter.total::<u64>()).unwrap(), 6);

    let words = DefaultDictProxy::new(Some("builtins.int".into()), None);
    let words = wait(api.memoize("words", words)).unwrap();
    assert_eq!(wait(words.item::<i64>("a")).unwrap(), 0);
    assert!(wait(words.contains_key("a")).unwrap());

    let number = wait(api.memoize("number", SharedValueProxy::new("i".into(), Some(5.into())))).unwrap();
    assert_eq!(wait(number.add::<i64>(2)).unwrap(), 7);
    assert!(wait(number.compare_and_set(7, 1)).unwrap());
    assert_eq!(wait(number.get::<i64>()).unwrap(), 1);

    let array = wait(api.memoize("array", SharedArrayProxy::new("d".into(), 3.into()))).unwrap();
    assert_eq!(wait(array.add::<f64>(-1, 0.5)).unwrap(), 0.5);
    assert_eq!(wait(array.to_vec::<f64>()).unwrap(), [0.0, 0.0, 0.5]);

    let point = wait(api.memoize("point", SimpleNamespaceProxy::new(None))).unwrap();
    wait(point.set("x", 3)).unwrap();
    assert_eq!(wait(point.get::<i64>("x")).unwrap(), 3);
    let error = wait(point.get::<i64>("y")).unwrap_err();
    assert_eq!(error.to_string(), "AttributeError: 'types.SimpleNamespace' object has no attribute 'y'");
}

#[test]
fn tuples_and_sets_are_decoded_as_the_types_of_the_caller() {
    let api = api();
    let set = wait(api.memoize("set", SetProxy::new(Some([1, 2].into())))).unwrap();
    assert_eq!(wait(set.to_set::<i64>()).unwrap(), HashSet::from([1, 2]));
    assert_eq!(wait(set.to_vec::<i64>()).unwrap(), [1, 2]);
    let both = wait(set.or(Value::set([3.into()]).unwrap())).unwrap();
    assert_eq!(both, Value::set([1.into(), 2.into(), 3.into()]).unwrap());

    let dict = wait(api.memoize("d", DictProxy::new(Some(vec![("a", 1), ("b", 2)].into())))).unwrap();
    // What came from the set can be a key, and what came from the dict can be an element.
    wait(dict.set(both.clone(), both.clone())).unwrap();
    assert_eq!(wait(dict.item::<HashSet<i64>>(both)).unwrap(), HashSet::from([1, 2, 3]));
    let (_, _): (Value, Vec<i64>) = wait(dict.popitem()).unwrap();
    let pair = wait(dict.dynamic().call("popitem", args![])).unwrap();
    assert_eq!(pair, ("b", 2).into());
    wait(set.add(pair.clone())).unwrap();
    assert!(wait(set.contains(pair)).unwrap());
    assert_eq!(wait(dict.popitem::<String, i64>()).unwrap(), ("a".to_owned(), 1));
    assert_eq!(wait(dict.popitem::<String, i64>()).unwrap_err().method().map(Exception::kind), Some("KeyError"));

    let ordered = OrderedDictProxy::new(Some(vec![("a", 1), ("b", 2)].into()));
    let ordered = wait(api.memoize("ordered", ordered)).unwrap();
    assert_eq!(wait(ordered.popitem::<String, i64>(false)).unwrap(), ("a".to_owned(), 1));
}

#[test]
fn calls_by_name_need_no_types() {
    let api = api();
    wait(api.memoize("xs", ListProxy::new(None))).unwrap();
    let list = tarmem_remote::Proxy::dynamic(&wait(api.get::<List>("xs")).unwrap());
    wait(list.call("append", args![3])).unwrap();
    wait(list.call("append", args!["a"])).unwrap();
    let error = wait(list.call("sort", args![])).unwrap_err();
    let said = "TypeError: '<' not supported between instances of 'str' and 'int'";
    assert!(error.to_string().ends_with(said), "{error}");
    assert_eq!(wait(list.call("copy", args![])).unwrap(), Value::List(vec![3.into(), "a".into()]));
}

#[test]
fn a_template_takes_arguments_by_position_and_by_name() {
    let api = api();
    let text = wait(api.memoize("t", StrProxy::new(Some("{:>{width}} {0}".into()), None, None))).unwrap();
    let error = wait(text.format(args!["tea"; width = 5])).unwrap_err();
    let words = "cannot switch from automatic field numbering to manual field specification";
    assert_eq!(error.method(), Some(&Exception::ValueError(words.into())));
    let text = wait(api.memoize("u", StrProxy::new(Some("{1:>{width}} {0}".into()), None, None))).unwrap();
    assert_eq!(wait(text.format(args![2, "tea"; width = 5])).unwrap(), "  tea 2");
    assert_eq!(wait(text.dynamic().call("format", args![2, "tea"; width = 5])), Ok("  tea 2".into()));
}
