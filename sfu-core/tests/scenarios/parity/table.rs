//! The table in `ARCHITECTURE.md` names tests that there are.
use std::path::Path;

/// Paths in the table begin here.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The lines of one section, without its heading.
fn section<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let mut lines = text.lines().skip_while(|line| *line != heading).skip(1);
    lines.by_ref().take_while(|line| !line.starts_with("## ")).collect()
}

/// What stands in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_table_names_is_there() {
    let text = std::fs::read_to_string(format!("{ROOT}/ARCHITECTURE.md")).unwrap();
    let rows: Vec<Vec<&str>> = section(&text, "## Parity")
        .into_iter()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| theirs "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let mut named = 0;
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}: theirs, ours, and the tests that prove it");
        let mut file = None;
        let before = named;
        for name in quoted(row[2]) {
            if name.ends_with(".rs") {
                let path = Path::new(ROOT).join(name);
                let source = std::fs::read_to_string(&path);
                file = Some(source.unwrap_or_else(|error| panic!("{name}: {error}")));
                continue;
            }
            let source = file.as_deref().unwrap_or_else(|| panic!("{row:?}: `{name}` is in no file"));
            assert!(source.contains(&format!("fn {name}()")), "{row:?}: there is no test `{name}`");
            named += 1;
        }
        assert!(named > before, "{row:?} is proven by no test");
    }
    // Twenty-one of what Janus calls, fourteen of what it offers, and what was asked of mediasoup.
    let with = |owner: &str| rows.iter().filter(|row| row[0].starts_with(owner)).count();
    assert_eq!((with("Janus → "), with("→ Janus ")), (21, 14));
    assert!(with("mediasoup: ") >= 8);
}
