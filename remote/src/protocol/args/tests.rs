use super::*;
use crate::args;

const fn param(name: &'static str, ty: &'static str, optional: bool) -> Param {
    Param { name, kind: ParamKind::Value, ty, optional, default: None, value: None }
}

const PARAMS: &[Param] = &[param("a", "i64", false), param("b", "Option<i64>", true), param("c", "Arg<Value>", true)];

/// Decodes the arguments as a service does.
fn arrived<'p>(args: &Args, params: &'p [Param]) -> Result<Bound<'p>, String> {
    Args::bind_encoded(&args.encode().expect("flat"), params)
}

fn read(args: impl Into<Args>) -> Result<(i64, Option<i64>, Arg<Value>), String> {
    let args: Args = args.into();
    assert_eq!(Args::decode(&args.encode().expect("flat")), Ok(args.clone()));
    let bound = arrived(&args, PARAMS)?;
    Deserialize::deserialize(bound).map_err(|e: ValueError| e.to_string())
}

#[test]
fn arguments_are_passed_by_position_and_by_name() {
    assert_eq!(read(args![1]), Ok((1, None, Arg::Absent)));
    assert_eq!(read(args![1, 2, 3]), Ok((1, Some(2), Arg::Given(3.into()))));
    assert_eq!(read(args![1; c = 3]), Ok((1, None, Arg::Given(3.into()))));
    assert_eq!(read(args![; c = 3, a = 1]), Ok((1, None, Arg::Given(3.into()))));
}

const fn rest(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, ty: "", optional: true, default: None, value: None }
}

#[test]
fn further_arguments_are_collected_by_position_and_by_name() {
    const PARAMS: &[Param] = &[
        param("a", "i64", false),
        rest("args", ParamKind::Args),
        param("sep", "Option<i64>", true),
        rest("kwargs", ParamKind::Kwargs),
    ];
    type All = (i64, Vec<Value>, Option<i64>, Kwargs);
    let read = |args: Args| -> Result<All, String> {
        let bound = arrived(&args, PARAMS)?;
        Deserialize::deserialize(bound).map_err(|e: ValueError| e.to_string())
    };
    let none = Kwargs::new;
    assert_eq!(read(args![1].into()), Ok((1, vec![], None, none())));
    assert_eq!(read(args![1, 2, 3].into()), Ok((1, vec![2.into(), 3.into()], None, none())));
    let as_many_as_parameters = args![1, 2, 3, 4];
    assert_eq!(read(as_many_as_parameters.into()), Ok((1, vec![2.into(), 3.into(), 4.into()], None, none())));
    assert_eq!(read(args![1, 2; sep = 3]), Ok((1, vec![2.into()], Some(3), none())));
    let named = none().with("x", 5).with("args", 6).with("kwargs", 7);
    assert_eq!(read(args![; x = 5, a = 1, args = 6, kwargs = 7]), Ok((1, vec![], None, named)));
    let refused = |args: Args| read(args).expect_err("it does not fit");
    assert_eq!(refused(args![].into()), "takes at least 1 argument, but 0 were given");
    assert_eq!(refused(args![; x = 1]), "its argument `a` is missing");
    assert_eq!(refused(args![1; a = 1]), "its argument `a` is given twice");
    assert_eq!(refused(args![1; x = 1, x = 2]), "its argument `x` is given twice");
    // A typed caller of another build passes each parameter by name, and these two only if they contain something.
    let signed = |named: Vec<(&str, Value)>| {
        read(Args::by_names(named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
    };
    let all = vec![("a", 1.into()), ("args", vec![2].into()), ("kwargs", none().with("x", 5).into())];
    assert_eq!(signed(all), Ok((1, vec![2.into()], None, none().with("x", 5))));
    assert_eq!(signed(vec![("a", 1.into()), ("gone", Value::Null)]), Ok((1, vec![], None, none())));
    assert!(signed(vec![("a", 1.into()), ("gone", 5.into())]).is_err());
}

#[test]
fn kwargs_take_no_positional_arguments() {
    const PARAMS: &[Param] = &[param("a", "Option<i64>", true), rest("kwargs", ParamKind::Kwargs)];
    let refused = arrived(&args![1, 2].into(), PARAMS).expect_err("two are too many");
    assert_eq!(refused, "takes 0 to 1 arguments, but 2 were given");
}

#[test]
fn null_is_not_absent() {
    assert_eq!(read(args![1, None::<i64>, None::<i64>]), Ok((1, None, Arg::Given(Value::Null))));
    assert_eq!(
        present(&(1, Arg::<u8>::Absent, Arg::Given(None::<u8>))),
        Ok(vec![Some(1.into()), None, Some(Value::Null)])
    );
    assert_eq!(present(&()), Ok(vec![]));
    assert!(present(&5).is_err());
}

#[test]
fn errors_name_the_parameters() {
    let refused = |args: Args| read(args).expect_err("it does not fit");
    assert_eq!(refused(args![].into()), "takes 1 to 3 arguments, but 0 were given");
    assert_eq!(refused(args![1, 2, 3, 4].into()), "takes 1 to 3 arguments, but 4 were given");
    assert_eq!(refused(args![; b = 2]), "its argument `a` is missing");
    assert_eq!(refused(args![1; a = 2]), "its argument `a` is given twice");
    assert_eq!(refused(args![1; b = 2, b = 3]), "its argument `b` is given twice");
    assert_eq!(refused(args![1; d = 2]), "it has no parameter `d`; did you mean a or b or c?");
    assert_eq!(refused(args!["x"].into()), "its argument `a`: expected i64, found text \"x\"");
    assert_eq!(refused(args![1; b = "x"]), "its argument `b`: expected i64, found text \"x\"");
}

#[test]
fn a_removed_parameter_may_only_be_null() {
    let args = |value| Args::by_names(vec![("a".into(), 1.into()), ("gone".into(), value)]);
    assert_eq!(read(args(Value::Null)), Ok((1, None, Arg::Absent)));
    assert!(read(args(5.into())).is_err());
    assert!(read(Args::from(args![1]).named("gone", Value::Null)).is_err());
}
