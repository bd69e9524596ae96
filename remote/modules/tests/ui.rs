//! What the proxies of these classes refuse, and with which words. `TRYBUILD=overwrite` writes the words down anew.

#[test]
fn refusals_say_what_to_do_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
