//! str and bytes.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use super::service::Service;
use tarmem_modules::Exception;
use tarmem_modules::builtins::{Bytes, Str};
use tarmem_remote::args::{Arg, Args};
use tarmem_remote::value::{from_value, to_value};
use tarmem_remote::{Value, args};

#[test]
fn str() {
    let init = |r: &mut Random| vec![r.text()];
    let operation = |r: &mut Random, _| match r.below(24) {
        0 => op("maketrans", [r.short_text(), r.short_text()]),
        1 if r.one_in(3) => op("maketrans", [r.short_text(), r.optional("a".into()), r.optional("b".into())]),
        1 => op("maketrans", [r.short_text(), r.short_text(), r.text()]),
        4 => op("encode", [r.pick(&["ascii".into(), Value::Null, 5.into()])]),
        5 => op("encode", args![; errors = errors(r), encoding = r.pick(&["ascii", "utf-8"])]),
        2 => op("maketrans", [r.map(Random::scalar)]),
        3 => {
            let other = r.pick(&[Value::from("x"), 120.into(), (1i64 << 40).into(), (-1).into(), 1.5.into()]);
            op("translate", [Value::Map(vec![(97.into(), other), (98.into(), Value::Null)])])
        }
        _ => text_operation(r, Random::text, Random::short_text),
    };
    check(&Subject { class: "builtins.str", kind: "str", init, operation, state: "value", unordered: false });
}

#[test]
fn bytes() {
    let init = |r: &mut Random| vec![r.bytes()];
    let operation = |r: &mut Random, _| match r.below(24) {
        0 => op("hex", hex_arguments(r)),
        1 => match r.below(3) {
            0 => op("decode", [r.pick(&["utf-8".into(), Value::Null, 5.into()])]),
            1 => op("decode", args![; errors = errors(r)]),
            _ => op("decode", [r.pick(&["utf-8", "ascii", "latin-1"]).into()]),
        },
        2 => op("decode", [r.pick(&["ascii", "utf-8"]).into(), errors(r)]),
        4 => op("maketrans", [r.short_bytes(), r.short_bytes()]),
        5 if r.one_in(3) => op("translate", args![Value::Null; delete = r.optional(Value::Bytes(b"a".to_vec()))]),
        5 => op("translate", [Value::Null, if r.one_in(4) { Value::Null } else { r.short_bytes() }]),
        6 => op("translate", [if r.one_in(3) { r.bytes() } else { Value::Bytes((0..=255).rev().collect()) }]),
        7 => op(r.pick(&["__str__", "__bytes__"]), []),
        3 => op("find", [r.pick(&[Value::from(97), 300.into(), 0.into(), (-1).into()])]),
        _ => text_operation(r, Random::bytes, Random::short_bytes),
    };
    check(&Subject { class: "builtins.bytes", kind: "bytes", init, operation, state: "value", unordered: false });
}

/// An operation that str and bytes share.
pub(super) fn text_operation(
    r: &mut Random,
    text: fn(&mut Random) -> Value,
    short: fn(&mut Random) -> Value,
) -> Operation {
    // Sometimes a value of another type.
    let part = if r.one_in(20) { r.scalar() } else { short(r) };
    let part = if part.is_null() { short(r) } else { part };
    let bound =
        |r: &mut Random| r.pick(&[Value::Null, 0.into(), 2.into(), (-3).into(), 7.into(), 99.into(), "x".into()]);
    match r.below(34) {
        0..=2 => op(
            r.pick(&["find", "rfind", "index", "rindex", "count", "startswith", "endswith"]),
            [part, bound(r), bound(r)],
        ),
        3..=5 => op(r.pick(&["find", "rfind", "index", "rindex", "count", "startswith", "endswith"]), [part]),
        6 => op(r.pick(&["startswith", "endswith"]), [(short(r), short(r)).into()]),
        7 | 8 => op(r.pick(&["split", "rsplit"]), []),
        9 => op(r.pick(&["split", "rsplit"]), [Value::Null, r.optional(3.into())]),
        10 => match r.below(3) {
            0 => op(r.pick(&["split", "rsplit"]), args![; maxsplit = r.optional(1.into())]),
            1 => op(r.pick(&["split", "rsplit"]), args![; maxsplit = r.small(), sep = part]),
            _ => op(r.pick(&["split", "rsplit"]), [part]),
        },
        11 => op(r.pick(&["split", "rsplit"]), [part, r.small().into()]),
        12 => op("splitlines", []),
        13 => match r.below(3) {
            0 => op("splitlines", [r.one_in(2).into()]),
            1 => op("splitlines", [r.optional(2.into())]),
            _ => op("splitlines", args![; keepends = r.optional(true.into())]),
        },
        14 => op(r.pick(&["partition", "rpartition"]), [part]),
        15 => op("replace", [part, text(r)]),
        16 => op("replace", [part, short(r), if r.one_in(6) { Value::Null } else { r.small().into() }]),
        17 => op("join", [if r.one_in(8) { r.value() } else { r.list(text) }]),
        18 => op(r.pick(&["removeprefix", "removesuffix"]), [part]),
        19 | 20 => op(r.pick(&["strip", "lstrip", "rstrip"]), []),
        21 => op(r.pick(&["strip", "lstrip", "rstrip"]), [if r.one_in(6) { Value::Null } else { part }]),
        22 => op(r.pick(&["center", "ljust", "rjust"]), [r.pick(&[0, 5, 8, 9, 12, 13, -3]).into()]),
        23 => {
            let fill = if r.one_in(6) { Value::Null } else { part };
            op(r.pick(&["center", "ljust", "rjust"]), [r.pick(&[5, 10, 11]).into(), fill])
        }
        24 => op("zfill", [r.pick(&[0, 5, 8, 12]).into()]),
        25 => match r.below(4) {
            0 => op("expandtabs", []),
            1 => op("expandtabs", args![; tabsize = r.optional(3.into())]),
            2 => op("expandtabs", [Value::Null]),
            _ => op("expandtabs", [r.small().into()]),
        },
        26 => op(r.pick(&["upper", "lower", "capitalize", "title", "swapcase", "__repr__", "__len__"]), []),
        27 => op(r.pick(&["isalpha", "isdigit", "isalnum", "isspace", "isupper", "islower", "istitle", "isascii"]), []),
        28 => op("__getitem__", [r.index()]),
        29 => op("__getitem__", [r.slice()]),
        30 => op("__contains__", [part]),
        31 => op("__add__", [if r.one_in(5) { r.value() } else { text(r) }]),
        32 => op(
            r.pick(&["__mul__", "__rmul__"]),
            [r.pick(&[Value::from(0), 1.into(), 3.into(), (-1).into(), "a".into(), 1.5.into()])],
        ),
        _ => op(
            r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(5) { r.value() } else { text(r) }],
        ),
    }
}

/// A handler for what cannot be encoded or decoded, or nearly one.
fn errors(r: &mut Random) -> Value {
    r.pick(&[
        "replace".into(),
        "ignore".into(),
        "strict".into(),
        "backslashreplace".into(),
        "xmlcharrefreplace".into(),
        "surrogatepass".into(),
        Value::Null,
        5.into(),
    ])
}

/// A separator and the size of a group, or nearly.
pub(super) fn hex_arguments(r: &mut Random) -> Args {
    let separator = r.pick(&[Value::from(":"), " ".into(), "é".into(), "".into(), "ab".into(), 5.into()]);
    let separator = if r.one_in(4) { r.short_bytes() } else { separator };
    let size = if r.one_in(20) { (1i64 << 40).into() } else { r.optional(2.into()) };
    match r.below(6) {
        0 => args![].into(),
        1 => args![separator].into(),
        2 => args![r.optional(separator), size].into(),
        3 => args![; sep = separator, bytes_per_sep = size],
        4 => args![separator; bytes_per_sep = r.small()],
        _ => args![separator, r.small()].into(),
    }
}

#[test]
fn templates() {
    let init = |r: &mut Random| vec![r.template()];
    let operation = |r: &mut Random, _| match r.below(4) {
        0 => op("__format__", [r.format_spec().into()]),
        _ => op("format_map", [r.fields()]),
    };
    check(&Subject { class: "builtins.str", kind: "str", init, operation, state: "value", unordered: false });
}

#[test]
fn templates_with_arguments() {
    let init = |r: &mut Random| vec![r.numbered_template()];
    let operation = |r: &mut Random, _| op("format", r.format_arguments());
    check(&Subject { class: "builtins.str", kind: "str", init, operation, state: "value", unordered: false });
}

/// The messages of CPython 3.11, word for word.
#[test]
fn errors_have_the_words_of_python() {
    let service = Service::new();
    let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
    let list = |item: Value| Value::List(vec![item]);
    let told = |class: &str, init: Value, method: &str, args: &[Value]| {
        let mut object = service.make(class, &[init]).expect("it can be made");
        service.call(&mut *object, method, args).expect_err(method)
    };
    for (method, args, expected) in [
        ("__getitem__", vec!["x".into()], "TypeError: string indices must be integers, not 'str'"),
        ("join", vec![list(1.into())], "TypeError: sequence item 0: expected str instance, int found"),
        ("join", vec![5.into()], "TypeError: can only join an iterable"),
        ("strip", vec![5.into()], "TypeError: strip arg must be None or str"),
        ("rstrip", vec![5.into()], "TypeError: rstrip arg must be None or str"),
        ("split", vec![5.into()], "TypeError: must be str or None, not int"),
        ("split", vec!["".into()], "ValueError: empty separator"),
        ("partition", vec![5.into()], "TypeError: must be str, not int"),
        ("startswith", vec![5.into()], "TypeError: startswith first arg must be str or a tuple of str, not int"),
        ("endswith", vec![list("c".into())], "TypeError: endswith first arg must be str or a tuple of str, not list"),
        ("endswith", vec![(1,).into()], "TypeError: tuple for endswith must only contain str, not int"),
        ("replace", vec!["a".into(), 1.into()], "TypeError: replace() argument 2 must be str, not int"),
        ("removeprefix", vec![1.into()], "TypeError: removeprefix() argument must be str, not int"),
        ("find", vec![1.into()], "TypeError: must be str, not int"),
        ("__contains__", vec![1.into()], "TypeError: 'in <string>' requires string as left operand, not int"),
        ("__add__", vec![1.into()], "TypeError: can only concatenate str (not \"int\") to str"),
        ("center", vec![3.into(), 5.into()], "TypeError: The fill character must be a unicode character, not int"),
        ("center", vec![3.into(), "xx".into()], "TypeError: The fill character must be exactly one character long"),
    ] {
        assert_eq!(told("builtins.str", "abc".into(), method, &args), expected);
    }
    for (method, args, expected) in [
        ("join", vec![list(1.into())], "TypeError: sequence item 0: expected a bytes-like object, int found"),
        ("strip", vec![5.into()], "TypeError: a bytes-like object is required, not 'int'"),
        ("endswith", vec!["x".into()], "TypeError: endswith first arg must be bytes or a tuple of bytes, not str"),
        ("endswith", vec![(1,).into()], "TypeError: a bytes-like object is required, not 'int'"),
        ("find", vec!["x".into()], "TypeError: argument should be integer or bytes-like object, not 'str'"),
        ("__contains__", vec!["x".into()], "TypeError: a bytes-like object is required, not 'str'"),
        ("__add__", vec![1.into()], "TypeError: can't concat int to bytes"),
        (
            "ljust",
            vec![3.into(), "x".into()],
            "TypeError: ljust() argument 2 must be a byte string of length 1, not str",
        ),
    ] {
        assert_eq!(told("builtins.bytes", bytes("abc"), method, &args), expected);
    }
    for (text, encoding, expected) in [
        ("é", "ascii", r"'ascii' codec can't encode character '\xe9' in position 0: ordinal not in range(128)"),
        ("aééb", "us-ascii", "'ascii' codec can't encode characters in position 1-2: ordinal not in range(128)"),
        ("a€", "latin1", r"'latin-1' codec can't encode character '\u20ac' in position 1: ordinal not in range(256)"),
    ] {
        let error = told("builtins.str", text.into(), "encode", &[encoding.into()]);
        assert_eq!(error, format!("UnicodeEncodeError: {expected}"));
    }
    for (bytes, encoding, expected) in [
        (&b"\xff"[..], "utf-8", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"ab\xc3", "utf8", "'utf-8' codec can't decode byte 0xc3 in position 2: unexpected end of data"),
        (b"ab\xe2\x82", "utf8", "'utf-8' codec can't decode bytes in position 2-3: unexpected end of data"),
        (b"ab\xe2\x82x", "utf8", "'utf-8' codec can't decode bytes in position 2-3: invalid continuation byte"),
        (b"a\xff", "ascii", "'ascii' codec can't decode byte 0xff in position 1: ordinal not in range(128)"),
    ] {
        let error = told("builtins.bytes", Value::Bytes(bytes.to_vec()), "decode", &[encoding.into()]);
        assert_eq!(error, format!("UnicodeDecodeError: {expected}"));
    }
    assert_eq!(told("collections.deque", list(1.into()), "remove", &[7.into()]), "ValueError: 7 is not in deque");
    for (class, args, expected) in [
        ("builtins.int", vec![Value::Bytes(b"1\xa0".to_vec())], r"invalid literal for int() with base 10: b'1\xa0'"),
        ("builtins.float", vec![Value::Bytes(b"12\xa0".to_vec())], r"could not convert string to float: b'12\xa0'"),
    ] {
        assert_eq!(service.make(class, &args).err(), Some(format!("ValueError: {expected}")));
    }
}

/// The messages of CPython 3.11, word for word.
#[test]
fn invalid_templates_have_the_messages_of_python() {
    let service = Service::new();
    let formatted = |template: &str, args: Args| {
        let mut text = service.make("builtins.str", &[template.into()]).expect("a text");
        service.call_with(&mut *text, "format", &args)
    };
    for (template, args, expected) in [
        ("{}", args![].into(), "IndexError: Replacement index 0 out of range for positional args tuple"),
        (
            "{} {0}",
            args![1].into(),
            "ValueError: cannot switch from automatic field numbering to manual field specification",
        ),
        (
            "{0} {}",
            args![1].into(),
            "ValueError: cannot switch from manual field specification to automatic field numbering",
        ),
        ("{a}", args![; b = 1], "KeyError: 'a'"),
        ("{0.foo}", args![5].into(), "AttributeError: 'int' object has no attribute 'foo'"),
        ("{0[x]}", args![vec![5]].into(), "TypeError: list indices must be integers or slices, not str"),
        ("{0[x", args![5].into(), "ValueError: expected '}' before end of string"),
        ("{0]}", args![5].into(), "KeyError: '0]'"),
        ("{:{:{}}}", args![1, 2, 3].into(), "ValueError: Max string recursion exceeded"),
        ("{0!x}", args![5].into(), "ValueError: Unknown conversion specifier x"),
        ("{0:s}", args![5].into(), "ValueError: Unknown format code 's' for object of type 'int'"),
    ] {
        assert_eq!(formatted(template, args), Err(expected.to_owned()), "{template}");
    }
    let error = formatted("{0:99999999}", args!["x"].into()).expect_err("over the limit");
    assert!(error.starts_with("MemoryError"), "{error}");
    let error = formatted(&"{0:9999999}".repeat(9), args!["x"].into()).expect_err("over the limit, all in all");
    assert!(error.starts_with("MemoryError"), "{error}");
    assert_eq!(formatted("{self} {args}", args![; args = 1, self = 2]), Ok("2 1".into()));
}

/// As CPython's, except for the reason where it would make surrogates.
#[test]
fn errors_of_unicode_have_an_encoding_an_object_a_place_and_a_reason() {
    let bytes =
        |bytes: &[u8]| Bytes::new(Value::Bytes(bytes.to_vec()).into(), Arg::Absent, Arg::Absent).expect("bytes");
    let error = bytes(b"ab\xe2\x82x").decode(Arg::Absent, Arg::Absent).expect_err("no text");
    let Exception::UnicodeDecodeError(parts) = &error else { panic!("{error}") };
    assert_eq!((parts.encoding.as_str(), parts.start, parts.end), ("utf-8", 2, 4));
    assert_eq!(
        (parts.reason.as_str(), parts.object.as_bytes()),
        ("invalid continuation byte", Some(&b"ab\xe2\x82x"[..]))
    );
    let sent = to_value(&error).expect("a value");
    let args: Value = ("utf-8", Value::Bytes(b"ab\xe2\x82x".to_vec()), 2, 4, "invalid continuation byte").into();
    assert_eq!(sent.get("args").and_then(Value::as_list), args.as_tuple());
    assert_eq!(from_value::<Exception>(sent), Ok(error));
    let text = Str::new("a€".into(), Arg::Absent, Arg::Absent).expect("a text");
    let error = text.encode("ascii".into(), Arg::Absent).expect_err("it has none");
    let Exception::UnicodeEncodeError(parts) = error else { panic!("{error}") };
    assert_eq!((parts.object, parts.start, parts.end), ("a€".into(), 1, 2));
    let huge = bytes(&vec![0xff; 70_000]).decode(Arg::Absent, Arg::Absent).expect_err("no text");
    let Exception::UnicodeDecodeError(parts) = huge else { panic!("{huge}") };
    assert_eq!(parts.object, Value::Null, "it does not go along");
}

#[test]
fn bytes_that_would_become_surrogates_are_refused() {
    let bytes =
        |bytes: &[u8]| Bytes::new(Value::Bytes(bytes.to_vec()).into(), Arg::Absent, Arg::Absent).expect("bytes");
    let decoded = |encoded: &[u8], encoding: &str, errors: &str| bytes(encoded).decode(encoding.into(), errors.into());
    assert_eq!(decoded("aé".as_bytes(), "utf-8", "surrogateescape"), Ok("aé".to_owned()));
    for (encoded, encoding, errors, told) in [
        (&b"a\xff"[..], "utf-8", "surrogateescape", true),
        (b"a\xff", "ascii", "surrogateescape", true),
        (b"a\xed\xa0\x80", "utf-8", "surrogatepass", true),
        (b"a\xff", "utf-8", "surrogatepass", false),
        (b"a\xff", "ascii", "surrogatepass", false),
        (b"a\xff", "utf-8", "strict", false),
    ] {
        let error = decoded(encoded, encoding, errors).expect_err("no text");
        assert!(matches!(error, Exception::UnicodeDecodeError(_)), "{error}");
        let words = "cannot hold the lone surrogates";
        assert_eq!(error.message().contains(words) && error.message().contains("backslashreplace"), told, "{error}");
    }
    let text = Str::new("é".into(), Arg::Absent, Arg::Absent).expect("a text");
    assert!(text.encode("ascii".into(), "surrogateescape".into()).is_err());
}

#[test]
fn text_and_bytes_are_made_with_only_errors_or_an_encoding() {
    let service = Service::new();
    let made = |class: &str, args: Args| {
        let mut object = service.make_with(class, &args)?;
        service.call(&mut *object, "value", &[])
    };
    let foo = || Value::Bytes(b"foo\xff".to_vec());
    assert_eq!(made("builtins.str", args![foo(); errors = "replace"]), Ok("foo\u{fffd}".into()));
    assert_eq!(made("builtins.str", args![foo()].into()), Ok(r"b'foo\xff'".into()));
    let refused = |class: &str, args: Args| made(class, args).expect_err(class);
    assert_eq!(refused("builtins.str", args!["a"; errors = "strict"]), "TypeError: decoding str is not supported");
    assert_eq!(
        refused("builtins.str", args![; object = 5, errors = "strict"]),
        "TypeError: decoding to str: need a bytes-like object, int found"
    );
    for (args, expected) in [
        (args![; encoding = "utf-8"], "encoding without a string argument"),
        (args![; errors = "strict"], "errors without a string argument"),
        (args![5; errors = "strict"], "errors without a string argument"),
        (args![; source = "a", errors = "strict"], "string argument without an encoding"),
        (args![1.5].into(), "cannot convert 'float' object to bytes"),
    ] {
        assert_eq!(refused("builtins.bytes", args), format!("TypeError: {expected}"));
    }
    assert_eq!(made("builtins.bytes.fromhex", args!["1A\u{b}2B\t"].into()), Ok(Value::Bytes(vec![0x1a, 0x2b])));
    assert!(made("builtins.bytes.fromhex", args!["1A\u{1c}2B"].into()).is_err());
}

/// The results of CPython 3.11 for a null where an argument can be left out, word for word.
#[test]
fn a_null_argument_differs_from_one_that_is_left_out() {
    let service = Service::new();
    let text = |class: &str| if class == "builtins.bytes" { Value::Bytes(b"a".to_vec()) } else { "a".into() };
    let no_integer = "'NoneType' object cannot be interpreted as an integer";
    for (class, method, args, expected) in [
        ("builtins.bytes", "hex", args![(); bytes_per_sep = 0], "object of type 'NoneType' has no len()"),
        ("builtins.bytes", "decode", args![()].into(), "decode() argument 'encoding' must be str, not None"),
        ("builtins.bytes", "translate", args![(); delete = ()], "a bytes-like object is required, not 'NoneType'"),
        (
            "builtins.bytes",
            "ljust",
            args![3, ()].into(),
            "ljust() argument 2 must be a byte string of length 1, not None",
        ),
        ("builtins.str", "encode", args![; errors = ()], "encode() argument 'errors' must be str, not None"),
        ("builtins.str", "maketrans", args!["a", ()].into(), "maketrans() argument 2 must be str, not None"),
        ("builtins.str", "split", args![; maxsplit = ()], no_integer),
        ("builtins.str", "splitlines", args![; keepends = ()], no_integer),
        ("builtins.str", "expandtabs", args![; tabsize = ()], no_integer),
        ("builtins.str", "replace", args!["a", "b", ()].into(), no_integer),
        ("builtins.str", "center", args![3, ()].into(), "The fill character must be a unicode character, not NoneType"),
        ("builtins.list", "pop", args![()].into(), no_integer),
        ("builtins.list", "sort", args![; reverse = ()], no_integer),
        ("builtins.list", "index", args!["a", ()].into(), "slice indices must be integers or have an __index__ method"),
        (
            "builtins.tuple",
            "index",
            args!["a", ()].into(),
            "slice indices must be integers or have an __index__ method",
        ),
        ("collections.deque", "rotate", args![()].into(), no_integer),
    ] {
        let mut object = service.make(class, &[text(class)]).expect("it can be made");
        let error = service.call_with(&mut *object, method, &args).expect_err(method);
        assert_eq!(error, format!("TypeError: {expected}"), "{class}.{method}");
    }
    let not_iterable = "'NoneType' object is not iterable";
    for (class, args, expected) in [
        ("builtins.list", args![()].into(), not_iterable),
        ("builtins.tuple", args![()].into(), not_iterable),
        ("builtins.set", args![()].into(), not_iterable),
        ("builtins.dict", args![()].into(), not_iterable),
        ("collections.OrderedDict", args![()].into(), not_iterable),
        ("collections.deque", args![; iterable = ()], not_iterable),
        ("builtins.bytes", args![()].into(), "cannot convert 'NoneType' object to bytes"),
        ("builtins.bytes", args!["a"; encoding = ()], "bytes() argument 'encoding' must be str, not None"),
        (
            "builtins.str",
            args![text("builtins.bytes"), "utf8", ()].into(),
            "str() argument 'errors' must be str, not None",
        ),
        ("builtins.int", args!["7"; base = ()], no_integer),
        ("builtins.int", args![; base = 10], "int() missing string argument"),
        (
            "builtins.int",
            args![()].into(),
            "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'",
        ),
        ("builtins.float", args![()].into(), "float() argument must be a string or a real number, not 'NoneType'"),
    ] {
        assert_eq!(service.make_with(class, &args).err(), Some(format!("TypeError: {expected}")), "{class}");
    }
    let mut none = service.make("builtins.str", &[Value::Null]).expect("it is `str(None)`");
    assert_eq!(service.call(&mut *none, "value", &[]), Ok("None".into()));
    let mut counter = service.make("collections.Counter", &[Value::Null]).expect("CPython takes it");
    assert_eq!(service.call(&mut *counter, "update", &[Value::Null]), Ok(Value::Null));
    let mut dict = service.make("builtins.dict", &[]).expect("it can be made");
    assert_eq!(service.call(&mut *dict, "pop", args!["k", ()].as_slice()), Ok(Value::Null));
    assert_eq!(service.call(&mut *dict, "pop", &["k".into()]), Err("KeyError: 'k'".into()));
    assert_eq!(service.call(&mut *dict, "update", &[Value::Null]), Err(format!("TypeError: {not_iterable}")));
}
