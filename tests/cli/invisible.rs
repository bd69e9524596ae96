//! Invisible characters in keys and values are shown escaped.

use super::program::{Client, Serve};

#[test]
fn keys_that_differ_in_invisible_characters_are_printed_differently() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    let invisible = ['\u{200b}', '\u{200d}', '\u{2060}', '\u{ad}', '\u{fe0f}', '\u{3164}', '\u{e0041}'];
    service.run(&["memoize", "key", "builtins.list", "[]"]).succeeded();
    for c in invisible {
        let (key, value) = (format!("ke{c}y"), format!("[\"va{c}lue\"]"));
        let made = service.run(&["memoize", &key, "builtins.list", &value]).succeeded();
        assert!(made.len() == 1 && !made[0].contains(c) && made[0].starts_with("[\"va\\u"), "{made:?}");
    }
    let keys = service.prints("keys");
    assert_eq!(keys.len(), 1 + invisible.len());
    assert!(!keys.iter().any(|key| key.contains(invisible)), "{keys:?}");
    assert!(
        keys.contains(&"\"ke\\u200by\"".to_owned()) && keys.contains(&"\"ke\\udb40\\udc41y\"".to_owned()),
        "{keys:?}"
    );
    // The printed form can be read back.
    let text: String = serde_json::from_str("\"ke\\udb40\\udc41y\"").unwrap();
    assert_eq!(text, "ke\u{e0041}y");
    service.run(&["get", "no\u{3164}ne"]).failed(1, &["no\\u{3164}ne"]);
    service.run(&["get", "no\u{200b}ne"]).failed(1, &["no\\u{200b}ne"]);
}
