//! The figures in the README are those of the last run of `benches/peers/run`.

use std::{fs, path::Path};

use crate::support::{TestResult, performance};

#[test]
fn the_table_of_the_readme_is_that_of_the_results() -> TestResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md"))?;
    let results = root.join("docs/performance/results.json");
    if !results.exists() {
        assert!(!readme.contains(performance::BEGIN), "figures without a run");
        return Ok(());
    }

    let results = serde_json::from_str(&fs::read_to_string(results)?)?;

    let replaced = performance::replaced(&readme, &results).expect("the README has a place for the table");
    assert_eq!(readme, replaced, "`benches/peers/run report` writes it");
    Ok(())
}
