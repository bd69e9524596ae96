//! What `#[remote]` refuses, and the messages. `TRYBUILD=overwrite` writes the messages again.

#[test]
fn refusals_say_what_to_do_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
