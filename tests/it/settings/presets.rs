//! The table of the presets in the documentation says what the code says.

use std::fs;

use jam_session::Settings;

use crate::support::TestResult;

/// Names and values of the fields, as `Debug` prints them.
fn fields(settings: &Settings) -> Vec<(String, String)> {
    let shown = format!("{settings:?}");
    let inside = shown.trim_start_matches("Settings {").trim_end_matches('}');
    let mut depth = 0;
    let split = inside.split(|c: char| {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        c == ',' && depth == 0
    });
    split.filter_map(|field| field.trim().split_once(": ")).map(|(name, value)| (name.into(), value.into())).collect()
}

/// The rows as they have to begin; what a field answers is written by hand.
fn expected() -> Vec<String> {
    let (default, django, hardened) =
        (fields(&Settings::default()), fields(&Settings::django()), fields(&Settings::hardened()));
    let presets = default.into_iter().zip(django).zip(hardened);
    let row = |(((name, default), (_, django)), (_, hardened))| {
        format!("| `{name}` | `{default}` | `{django}` | `{hardened}` | ")
    };
    presets.map(row).collect()
}

#[test]
fn the_table_of_the_presets_is_that_of_the_code() -> TestResult {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md"))?;
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();

    let expected = expected();
    assert_eq!(rows.len(), expected.len(), "a row a field:\n{}", expected.join("\n"));
    for (row, expected) in rows.into_iter().zip(&expected) {
        let answers = row.strip_prefix(expected.as_str()).ok_or_else(|| format!("{row}\nis not\n{expected}"))?;
        assert!(answers.trim_end_matches(" |").len() > 1, "what does it answer? {row}");
    }
    println!("presets: {} fields in the table", expected.len());
    Ok(())
}

#[test]
fn the_hardened_settings_can_work() {
    assert_eq!(Settings::hardened().validate(), Ok(()));
}
