//! What does not compile with the proxies of these classes, and the messages. `TRYBUILD=overwrite` records the messages
//! anew.

#[test]
fn refusals_say_what_to_do_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
