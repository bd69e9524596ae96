//! Tests of values as JSON.

use super::*;

#[test]
fn integers_in_json_keep_their_digits() {
    let read = |text: &str| Value::parse_json(text).unwrap();
    let far: Integer = "9".repeat(400).parse().unwrap();
    let wide = [i128::MAX, i128::MIN, 1 << 64, -(1 << 63) - 1, i128::from(u64::MAX), i128::from(i64::MIN)];
    for n in wide.into_iter().map(Integer::from).chain([u128::MAX.into(), far.negate(), far]) {
        let value = Value::Int(n.clone());
        assert_eq!(read(&n.to_string()), value);
        assert_eq!(Value::from_json(&value.to_json()), Ok(value.clone()));
        let inside = format!(r#"{{"a": [{n},{{"b\\\"": {n}}}], "{n}": "[{n}]"}}"#);
        let Value::Map(entries) = read(&inside) else { panic!("a map") };
        let inner = Value::Map(vec![("b\\\"".into(), value.clone())]);
        assert_eq!(entries[0].1, Value::List(vec![value, inner]));
        assert_eq!(entries[1], (n.to_string().into(), format!("[{n}]").into()), "text stays as it is");
    }
    assert_eq!(read("[-0, -0.0]"), Value::List(vec![0.into(), (-0.0).into()]));
    assert_eq!(read("1e30"), Value::Float(1e30));
    assert_eq!(read("18446744073709551616.0"), Value::Float(18_446_744_073_709_551_616.0));
    let wide = "9".repeat(30_000);
    for text in [format!("[{wide}]"), format!(r#"{{"$int":"{wide}"}}"#)] {
        let error = Value::parse_json(&text).unwrap_err();
        assert!(error.message().contains("65536 bits (INTEGER_BITS_LIMIT)"), "{error}");
    }
    for text in ["-", "[-]", "00", "--1", "1-1", "\"\\", "[18446744073709551616", "018446744073709551616", "{1:2}"] {
        assert!(Value::parse_json(text).is_err(), "{text}");
    }
}

#[test]
fn a_repeated_key_in_json_is_refused() {
    let error = |text: &str| Value::parse_json(text).expect_err(text).to_string();
    let twice = "the key text \"a\" is repeated; each key may occur once";
    assert_eq!(error(r#"{"a": 1, "b": 2, "a": 3}"#), twice);
    assert_eq!(error(r#"[{"b": {"a": 1, "a": 1}}]"#), twice);
    assert_eq!(error("[\n{\"a\": 1, \"a\": 2}\n]"), format!("line 2: {twice}"));
    // In Python these are one key.
    assert_eq!(error(r#"{"$map": [[1, "x"], [true, "y"]]}"#), "the key bool true is repeated; each key may occur once");
    assert!(Value::parse_json(r#"{"a": {"a": {"a": 1}}, "b": {"a": 1}}"#).is_ok());
    let map = Value::Map(vec![("a".into(), 1.into()), ("a".into(), 2.into())]);
    assert!(Value::from_json(&map.to_json()).is_err(), "one that was made by hand");
    assert_eq!(Value::map([("a", 1), ("b", 2), ("a", 3)]), Value::map([("a", 3), ("b", 2)]));
}

#[test]
fn errors_in_json_end_with_the_message_and_show_the_line() {
    let error = Value::parse_json("[\n5, {\"$int\": \"x\"}]").expect_err("no digits").to_string();
    assert!(error.starts_with("line 2: an object with the key \"$int\"") && error.ends_with("…], …]}"), "{error}");
}

#[test]
fn values_that_json_does_not_have_have_forms_of_their_own() {
    let forms = r#"{"$map":[["$bytes",{"$bytes":"00ff"}],[1,{"$int":"-170141183460469231731687303715884105728"}]]}"#;
    let value = Value::parse_json(forms).unwrap();
    assert_eq!(value.to_json().to_string(), forms);
    assert_eq!(value.as_map().unwrap()[1].1, Value::from(i128::MIN));
    let object = format!(r#"{{"class":"a.B","$ref":"{}"}}"#, Uuid::nil());
    assert!(Value::parse_json(&object).unwrap().as_object().is_some());
    let nan = Value::parse_json(r#"{"$float":"nan"}"#).unwrap();
    assert!(nan.as_f64().unwrap().is_nan());
    assert_eq!(nan.to_json().to_string(), r#"{"$float":"nan"}"#);
    let schema = r#"{"$map":[["$schema",1]]}"#;
    assert_eq!(Value::parse_json(schema).unwrap().to_json().to_string(), schema);
    for bad in [
        r#"{"$schema":1}"#,
        r#"{"$":null}"#,
        r#"{"a":{"x":1,"$b":2}}"#,
        r#"{"$key":5}"#,
        r#"{"$key":"n2","x":1}"#,
        r#"{"x":1,"$key":"n2"}"#,
        r#"{"$key":"n2"}"#,
        r#"{"$too_deep":64}"#,
        r##"{"$ref":"#/definitions/a"}"##,
        r#"{"$bytes":"0"}"#,
        r#"{"$bytes":"+1"}"#,
        r#"{"$bytes":"é0"}"#,
        r#"{"$bytes":[1]}"#,
        r#"{"$int":"1.5"}"#,
        r#"{"$int":"1","a":2}"#,
        r#"{"a":2,"$map":[]}"#,
        r#"{"$map":[],"a":2}"#,
    ] {
        let message = Value::parse_json(bad).unwrap_err().to_string();
        assert!(message.contains("a map with such a key"), "{message}");
        assert!(message.contains(r#"{"$map": [["#), "{message}");
    }
    assert!(Value::parse_json(r#"{"$map":[[1]]}"#).is_err());
    assert!(Value::parse_json(r#"{"$map":[[1,2,3]]}"#).is_err());
    assert!(Value::parse_json("1 2").is_err());
}

#[test]
fn keys_of_json_objects_stay_in_their_order() {
    let text = r#"{"z":1,"a":[{"y":1,"b":2.5}],"m":{"$map":[[{"q":1,"c":2},{"z":1,"a":2}]]}}"#;
    let value = Value::parse_json(text).unwrap();
    assert_eq!(value.to_json().to_string(), text);
    assert_eq!(Value::from_json(&value.to_json()), Ok(value));
}

#[test]
fn json_can_name_objects_by_their_keys() {
    let object = |key: &str| match key {
        "" => Err(ValueError::new("no key is empty")),
        key => Ok(ObjectRef::new(Uuid::nil(), key)),
    };
    let read = |text: &str| Value::parse_json_with(text, &object);
    let found = |key: &str| Value::Ref(ObjectRef::new(Uuid::nil(), key));
    assert_eq!(read(r#"{"$key":"k"}"#), Ok(found("k")));
    let inside = Value::Map(vec![("a".into(), Value::List(vec![found("k"), 1.into()]))]);
    assert_eq!(read(r#"{"a":[{"$key":"k"},1]}"#), Ok(inside));
    let literal = Value::Map(vec![("$key".into(), found("k"))]);
    assert_eq!(read(r#"{"$map":[["$key",{"$key":"k"}]]}"#), Ok(literal));
    assert!(read(r#"{"$key":""}"#).unwrap_err().message().starts_with("no key is empty"));
    for bad in [r#"{"$key":5}"#, r#"{"$key":"k","x":1}"#, r#"{"$key":"a","$key":"b"}"#, r#"{"$key":{"$key":"k"}}"#] {
        let message = read(bad).unwrap_err().to_string();
        assert!(message.contains(r#"exactly {"$key": "<key>"}; write a map"#), "{message}");
    }
}
