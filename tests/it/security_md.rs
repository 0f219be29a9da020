//! SECURITY.md names tests that exist, and says of every requirement what shows it.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::TestResult;

const SECURITY: &str = include_str!("../../SECURITY.md");

/// `file::test`, wherever it stands between backticks.
fn named_tests() -> BTreeSet<(&'static str, &'static str)> {
    let quoted = SECURITY.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.split_once(".rs::")).collect()
}

/// Whether the file has a test of this name: a function behind an attribute that makes it one, a case of the suite for
/// stores, or a row of a macro that makes tests (`name => …`, or the name alone for one on every database).
fn has_test(source: &str, file: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let function = line.contains(&format!("fn {name}(")) || line.contains(&format!("fn {name}<"));
        let mut above = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        let marked = above.any(|line| line.contains("test")) || line.starts_with("#[tokio::test");
        (function && (marked || file.contains("/conformance/")))
            || line.starts_with(&format!("{name} =>"))
            || *line == name
    })
}

#[test]
fn every_test_that_is_named_exists() -> TestResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = named_tests();
    assert!(tests.len() > 60, "{} tests are too few", tests.len());

    let mut missing = Vec::new();
    for (file, name) in tests {
        let source = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
        if !has_test(&source, file, name) {
            missing.push(format!("{file}.rs::{name}"));
        }
    }

    assert!(missing.is_empty(), "no such test: {missing:#?}");
    Ok(())
}

#[test]
fn every_row_is_shown_by_a_test_or_says_why_not() {
    let rows: Vec<Vec<&str>> = SECURITY
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect()))
        .filter(|cells: &Vec<&str>| cells.last() != Some(&"shown by"))
        .collect();
    assert!(rows.len() > 80, "{} rows are too few", rows.len());

    let reasons = ["open: ", "by construction", "no test: ", "the application's"];
    let unexplained = |cells: &&Vec<&str>| {
        let shown = cells.last().copied().unwrap_or_default();
        cells.len() != 3 || !(shown.contains(".rs::") || reasons.iter().any(|reason| shown.starts_with(reason)))
    };
    let bare: Vec<_> = rows.iter().filter(unexplained).collect();

    assert!(bare.is_empty(), "{bare:#?}");
}

#[test]
fn the_check_finds_a_test_that_is_gone() {
    let source = "#[tokio::test(flavor = \"multi_thread\")]\nasync fn here() {}\n\nfn a_helper() {}\n";

    assert!(has_test(source, "tests/it/x", "here"));
    assert!(!has_test(source, "tests/it/x", "gone") && !has_test(source, "tests/it/x", "a_helper"));
    assert!(has_test("    in_a_macro => run;", "tests/it/x", "in_a_macro"));
    assert!(has_test("on_every_database! {\n    on_each\n}\n", "tests/it/x", "on_each"));
}
