//! The README and the pages beside it name what there is, and their links lead somewhere.

use std::{fs, path::Path};

use crate::support::TestResult;

const MANIFEST: &str = include_str!("../../Cargo.toml");
const README: &str = include_str!("../../README.md");
/// What is read on the repository's host.
const PAGES: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "examples/README.md",
    "docs/coming-from-django.md",
    "docs/coming-from-tower-sessions.md",
];

/// The features that an application may name.
fn features() -> impl Iterator<Item = &'static str> {
    let section = MANIFEST.split("\n[").find_map(|section| section.strip_prefix("features]\n")).unwrap_or_default();
    let names = section.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
    names.filter(|name| !name.starts_with(['#', '_']) && *name != "default")
}

/// The targets of `[text](target)` and of `[name]: target` that are files.
fn targets(page: &str) -> Vec<&str> {
    let inline = page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let named = page.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).map(|(_, target)| target);
    let files = inline.chain(named).filter(|target| !target.contains("://") && !target.contains(char::is_whitespace));
    files.map(|target| target.split('#').next().unwrap_or_default()).filter(|target| !target.is_empty()).collect()
}

#[test]
fn every_feature_is_in_the_table_of_features() {
    assert!(features().count() > 10, "{} features are too few", features().count());
    let table = README.split("\n## Features\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();

    let missing: Vec<_> = features().filter(|name| !table.contains(&format!("`{name}`"))).collect();

    assert!(missing.is_empty(), "the README's table does not have {missing:?}");
}

#[test]
fn every_link_to_a_file_leads_somewhere() -> TestResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for page in PAGES {
        let path = root.join(page);
        let text = fs::read_to_string(&path)?;
        for target in targets(&text) {
            assert!(path.with_file_name(target).exists(), "{page} leads to {target}");
            count += 1;
        }
    }

    assert!(count > 25, "{count} links are too few");
    Ok(())
}

#[test]
fn links_are_found_in_both_of_their_forms() {
    let page = "see [a](b.md#c), [d](https://e) and [f]\n\n[f]: g.md\n";

    assert_eq!(targets(page), ["b.md", "g.md"]);
}
