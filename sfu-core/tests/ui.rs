//! What an author reads who made a likely mistake. Rewrite the texts with `TRYBUILD=overwrite`.

#[test]
fn likely_mistakes_are_compile_errors_that_say_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
