//! `namedtuple`, compared with the results of CPython 3.11.

use super::service::{Outcome, Service};
use tarmem_remote::args::Args;
use tarmem_remote::{Object, Value, args};

fn made(args: impl Into<Args>) -> Outcome<(Service, Box<dyn Object>)> {
    let service = Service::new();
    let object = service.make_with("collections.namedtuple", &args.into())?;
    Ok((service, object))
}

fn shown(args: impl Into<Args>) -> Outcome<String> {
    let (service, mut object) = made(args)?;
    Ok(service.call(&mut *object, "__repr__", &[])?.as_str().expect("a text").to_owned())
}

#[test]
fn elements_are_given_by_position_by_name_and_by_default() {
    assert_eq!(shown(args!["P", "x y", 1, 2]), Ok("P(x=1, y=2)".into()));
    assert_eq!(shown(args!["P", vec!["x", "y"], 1; y = "a"]), Ok("P(x=1, y='a')".into()));
    assert_eq!(shown(args!["P", "x,y"; y = 1, x = 2]), Ok("P(x=2, y=1)".into()));
    assert_eq!(shown(args!["P", "x y", 1; defaults = vec![5]]), Ok("P(x=1, y=5)".into()));
    assert_eq!(
        shown(args!["P", vec!["x", "def", "x", "_y"], 1, 2, 3, 4; rename = true]),
        Ok("P(x=1, _1=2, _2=3, _3=4)".into())
    );
    assert_eq!(shown(args!["P", ""]), Ok("P()".into()));
}

#[test]
fn wrong_arguments_have_the_messages_of_python() {
    for (args, expected) in [
        (args!["P", "x y", 1].into(), "TypeError: P.__new__() missing 1 required positional argument: 'y'"),
        (args!["P", "x y"].into(), "TypeError: P.__new__() missing 2 required positional arguments: 'x' and 'y'"),
        (args!["P", "x y", 1, 2, 3].into(), "TypeError: P.__new__() takes 3 positional arguments but 4 were given"),
        (args!["P", "x y", 1; x = 2], "TypeError: P.__new__() got multiple values for argument 'x'"),
        (args!["P", "x y", 1; z = 2], "TypeError: P.__new__() got an unexpected keyword argument 'z'"),
        (args!["1", "x", 1].into(), "ValueError: Type names and field names must be valid identifiers: '1'"),
        (args![5, "x", 1].into(), "ValueError: Type names and field names must be valid identifiers: '5'"),
        (args!["P", "x x", 1].into(), "ValueError: Encountered duplicate field name: 'x'"),
        (args!["P", "_x", 1].into(), "ValueError: Field names cannot start with an underscore: '_x'"),
        (args!["P", "def", 1].into(), "ValueError: Type names and field names cannot be a keyword: 'def'"),
        (args!["P", 5].into(), "TypeError: 'int' object is not iterable"),
        (args!["P", "x"; defaults = vec![1, 2]], "TypeError: Got more default values than field names"),
    ] {
        let args: Args = args;
        assert_eq!(shown(args), Err(expected.to_owned()));
    }
}

#[test]
fn it_is_a_tuple_whose_elements_have_names() {
    let (service, mut point) = made(args!["P", "x y", 1, 2; defaults = vec![7]]).expect("made");
    let mut call = |method: &str, args: Args| service.call_with(&mut *point, method, &args);
    let pair = |x: i64, y: i64| Value::from((x, y));
    assert_eq!(call("_fields", args![].into()), Ok(Value::from(("x", "y"))));
    assert_eq!(call("_asdict", args![].into()).map(|map| map.to_string()), Ok(r#"{"x":1,"y":2}"#.into()));
    assert_eq!(call("_field_defaults", args![].into()).map(|map| map.to_string()), Ok(r#"{"y":7}"#.into()));
    assert_eq!(call("_replace", args![; y = 5]), Ok(pair(1, 5)));
    assert_eq!(
        call("_replace", args![; z = 1, w = 2]),
        Err("ValueError: Got unexpected field names: ['z', 'w']".into())
    );
    assert_eq!(call("_make", args![vec![3, 4]].into()), Ok(pair(3, 4)));
    assert_eq!(call("_make", args![vec![3]].into()), Err("TypeError: Expected 2 arguments, got 1".into()));
    assert_eq!(call("__getattr__", args!["y"].into()), Ok(2.into()));
    assert_eq!(call("__getattr__", args!["zz"].into()), Err("AttributeError: 'P' object has no attribute 'zz'".into()));
    assert_eq!(call("__getitem__", args![-1].into()), Ok(2.into()));
    assert_eq!(call("__getitem__", args![9].into()), Err("IndexError: tuple index out of range".into()));
    assert_eq!(call("__eq__", args![pair(1, 2)].into()), Ok(true.into()));
    assert_eq!(call("__eq__", args![vec![1, 2]].into()), Ok(false.into()));
    assert_eq!(call("__lt__", args![pair(1, 3)].into()), Ok(true.into()));
    assert_eq!(call("__add__", args![Value::Tuple(vec![3.into()])].into()), Ok(Value::from((1, 2, 3))));
    assert_eq!(call("index", args![2].into()), Ok(1.into()));
    assert_eq!(call("count", args![1].into()), Ok(1.into()));
    assert_eq!(call("__len__", args![].into()), Ok(2.into()));
    assert_eq!(call("value", args![].into()), Ok(pair(1, 2)));
    let items = call("iter_chunk", args![].into()).expect("a chunk");
    assert_eq!(items.get("items"), Some(&Value::from(vec![1, 2])));
}
