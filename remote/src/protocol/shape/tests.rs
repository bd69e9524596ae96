#![allow(dead_code, reason = "what is only deserialized is never read")]

use super::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

fn shapes<T: DeserializeOwned>() -> Shapes {
    let mut tracer = Tracer::default();
    let shape = tracer.shape::<T>();
    tracer.finish(vec![(RETURN.to_owned(), shape)])
}

fn fingerprint<T: DeserializeOwned>() -> Option<u64> {
    shapes::<T>().fingerprint()
}

mod one {
    use super::*;

    #[derive(Deserialize)]
    pub(super) struct Point {
        pub(super) _x: i32,
        pub(super) _y: i64,
    }

    #[derive(Deserialize)]
    pub(super) enum Shape {
        _Dot,
        _Circle { r: f64, at: Point },
        _Path(Vec<Point>),
        _Pair(u8, String),
    }
}

mod other {
    use super::*;

    #[derive(Deserialize)]
    pub(super) struct Point {
        pub(super) _y: i64,
        pub(super) _x: i32,
    }

    #[derive(Deserialize)]
    pub(super) enum Shape {
        _Dot,
        _Circle { r: f64, at: Point },
        _Path(Vec<Point>),
        _Pair(u8, String),
    }
}

#[test]
fn the_shape_of_a_type_is_learned_in_depth() {
    let shapes = shapes::<(one::Shape, Option<BTreeMap<String, one::Point>>)>();
    let point = shapes.definitions.iter().find(|definition| definition.name == "Point").expect("learned");
    let fields = |x: Plain, y: Plain| Form::Struct(vec![("_x".into(), x.into()), ("_y".into(), y.into())]);
    assert_eq!(point.form, fields(Plain::I32, Plain::I64));
    let shape = shapes.definitions.iter().find(|definition| definition.name == "Shape").expect("learned");
    let Form::Enum(variants) = &shape.form else { panic!("{shape:?}") };
    let names: Vec<&str> = variants.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["_Dot", "_Circle", "_Path", "_Pair"]);
    assert_eq!(variants[0].1, Form::Unit);
    assert!(matches!(&variants[1].1, Form::Struct(fields) if fields.len() == 2), "{:?}", variants[1]);
    assert!(matches!(&variants[2].1, Form::Newtype(Shape::Seq(_))));
    assert_eq!(variants[3].1, Form::Tuple(vec![Plain::U8.into(), Plain::Str.into()]));
}

#[test]
fn types_with_another_encoding_have_another_fingerprint() {
    let fingerprints: HashSet<_> = [
        fingerprint::<i64>(),
        fingerprint::<u64>(),
        fingerprint::<Option<i64>>(),
        fingerprint::<Vec<i64>>(),
        fingerprint::<(i64,)>(),
        fingerprint::<[i64; 3]>(),
        fingerprint::<[i64; 4]>(),
        fingerprint::<HashMap<String, i64>>(),
        fingerprint::<()>(),
        fingerprint::<String>(),
        fingerprint::<char>(),
        fingerprint::<crate::Value>(),
        fingerprint::<one::Point>(),
        fingerprint::<other::Point>(),
        fingerprint::<one::Shape>(),
        fingerprint::<other::Shape>(),
        fingerprint::<(one::Point, other::Point)>(),
        fingerprint::<(other::Point, one::Point)>(),
        fingerprint::<(one::Point, one::Point)>(),
    ]
    .into_iter()
    .map(|fingerprint| fingerprint.expect("all of it is known"))
    .collect();
    assert_eq!(fingerprints.len(), 19);
}

#[test]
fn a_fingerprint_is_the_same_each_time() {
    assert_eq!(fingerprint::<(one::Shape, other::Shape)>(), fingerprint::<(one::Shape, other::Shape)>());
    // The number is compared between programs: changing it changes the wire.
    assert_eq!(fingerprint::<one::Point>(), Some(5_218_900_454_395_293_052));
}

#[derive(Deserialize)]
enum Expression {
    _Sum(Box<Expression>, Box<Expression>),
    _Call { _name: String, _arguments: Vec<Expression>, _otherwise: Option<Box<Expression>> },
    _Block(Block),
    _Number(f64),
}

#[derive(Deserialize)]
struct Block {
    _inside: HashMap<String, Block>,
    _result: Box<Expression>,
    _last: Option<one::Shape>,
}

#[derive(Deserialize)]
enum Tree {
    _Node(Vec<Tree>),
}

#[derive(Deserialize)]
struct List {
    _next: Option<Box<List>>,
    _kind: other::Shape,
}

#[test]
fn the_shape_of_a_recursive_type_is_finite() {
    for shapes in [shapes::<Expression>(), shapes::<Block>(), shapes::<Tree>(), shapes::<List>()] {
        assert!(shapes.fingerprint().is_some(), "{shapes:?}");
    }
    let block = shapes::<Block>();
    let expression = block.definitions.iter().find(|definition| definition.name == "Expression").expect("learned");
    let Form::Enum(variants) = &expression.form else { panic!("{expression:?}") };
    assert!(matches!(&variants[1].1, Form::Struct(fields) if fields.len() == 3), "{variants:?}");
}

#[test]
fn types_that_check_their_content_get_samples_that_they_accept() {
    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Name(#[allow(dead_code)] String);

    impl TryFrom<String> for Name {
        type Error = String;

        fn try_from(name: String) -> Result<Self, String> {
            if name.is_empty() { Err("empty".to_owned()) } else { Ok(Name(name)) }
        }
    }

    /// The type refuses its content only after all of it has been read.
    #[derive(Deserialize)]
    #[serde(try_from = "(u8, bool, u8)")]
    struct Even;

    impl TryFrom<(u8, bool, u8)> for Even {
        type Error = String;

        fn try_from((first, ..): (u8, bool, u8)) -> Result<Self, String> {
            if first == 2 { Ok(Even) } else { Err("not 2".to_owned()) }
        }
    }

    for fingerprint in [
        fingerprint::<(Even, NonZeroU32, Even, Name)>(),
        fingerprint::<NonZeroU32>(),
        fingerprint::<Uuid>(),
        fingerprint::<(core::net::IpAddr, core::net::SocketAddr)>(),
        fingerprint::<(Duration, SystemTime)>(),
        fingerprint::<(Name, NonZeroU32, Option<Name>)>(),
        fingerprint::<(std::path::PathBuf, std::ops::Range<u8>)>(),
    ] {
        assert!(fingerprint.is_some());
    }
}

#[test]
fn types_that_cannot_be_learned_have_no_fingerprint() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        _One(u8),
        _Two(String),
    }

    #[derive(Deserialize)]
    struct Flat {
        _a: u8,
        #[serde(flatten)]
        _rest: one::Point,
    }

    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Never;

    impl TryFrom<String> for Never {
        type Error = String;

        fn try_from(_: String) -> Result<Self, String> {
            Err("never".to_owned())
        }
    }

    assert_eq!(fingerprint::<Untagged>(), None);
    assert_eq!(fingerprint::<Flat>(), None);
    assert_eq!(fingerprint::<(u8, Never)>(), None);
}

#[test]
fn differences_name_their_place() {
    let one = shapes::<(Vec<one::Shape>, u8)>();
    let other = shapes::<(Vec<other::Shape>, u16)>();
    assert_eq!(one.differences(&one), [""; 0]);
    let differences = one.differences(&other);
    assert_eq!(
        differences,
        [
            "the fields of Point are (_x, _y) at the client, (_y, _x) at the service",
            "`.1` of the result is u8 at the client, u16 at the service",
        ]
    );
    let param = |shapes: Shapes| {
        let roots = shapes.roots.iter().map(|(_, shape)| ("p".to_owned(), shape.clone())).collect();
        Shapes { roots, ..shapes }
    };
    let differ = |one: Shapes, other: Shapes| param(one).differences(&param(other));
    assert_eq!(
        differ(shapes::<(String, u32)>(), shapes::<(u32, String)>()),
        ["`p.0` is String at the client, u32 at the service", "`p.1` is u32 at the client, String at the service"]
    );
    assert_eq!(
        differ(shapes::<HashMap<u8, (u8, u8)>>(), shapes::<HashMap<u16, (u8, Vec<u8>)>>()),
        [
            "a key of `p` is u8 at the client, u16 at the service",
            "`.1` of a value of `p` is u8 at the client, Vec<u8> at the service"
        ]
    );
    assert_eq!(
        differ(shapes::<Vec<u8>>(), shapes::<Vec<u16>>()),
        ["an element of `p` is u8 at the client, u16 at the service"]
    );
}

#[test]
fn comparing_a_type_that_wraps_itself_ends_and_it_may_fit_anything() {
    #[derive(Deserialize)]
    struct Wrapped(Option<Box<Wrapped>>);
    let (wrapped, number) = (shapes::<Wrapped>(), shapes::<i64>());
    assert!(number.result_may_fit(&wrapped) && wrapped.result_may_fit(&number));
    assert!(!wrapped.differences(&number).is_empty());
    // No `Deserialize` has this shape, but a service might send it.
    let cycle = Shapes {
        roots: vec![(RETURN.to_owned(), Shape::Named(0))],
        definitions: vec![Definition { name: "Cycle".into(), form: Form::Newtype(Shape::Named(0)) }],
    };
    assert!(number.result_may_fit(&cycle) && cycle.result_may_fit(&number));
    assert!(cycle.differences(&cycle).is_empty());
}

#[test]
fn only_results_that_can_never_fit_are_refused_beforehand() {
    fn fits<Client: DeserializeOwned, Service: DeserializeOwned>() -> bool {
        shapes::<Client>().result_may_fit(&shapes::<Service>())
    }
    assert!(fits::<u64, i64>() && fits::<Option<u8>, i64>() && fits::<u8, Option<i64>>() && fits::<f64, u8>());
    assert!(fits::<(), String>() && fits::<one::Point, other::Point>() && fits::<HashMap<String, i64>, one::Point>());
    assert!(fits::<Vec<u8>, (u8, u8)>() && fits::<crate::Value, i64>() && fits::<String, one::Shape>());
    assert!(!fits::<i64, String>() && !fits::<String, i64>() && !fits::<i64, f64>() && !fits::<i64, ()>());
    assert!(!fits::<Vec<i64>, Vec<String>>() && !fits::<one::Point, i64>() && !fits::<bool, u8>());
}
