//! `django_json_*.json`: dictionaries as Django writes them, and texts that others wrote.

use jam_session::{JsonSerializer, Serializer as _, SessionData};
use serde_json::Value;

use super::{
    bytes,
    decode_cases::same_values,
    ledger::{Ledger, Listed, every_name_is_needed},
    text, trace,
};
use crate::support::TestResult;

const ALL: &str = "of all versions";

const UNTYPED: &[Listed] = &[
    Listed {
        names: &["lone_surrogate", "big_ints", "nonfinite"],
        reason: "no typed JSON value can hold it; untouched it survives",
    },
    Listed { names: &["floats"], reason: "1e-7 is written as 1e-7, by Python as 1e-07" },
    Listed { names: &["deep_100"], reason: "what is written is nested at most 64 deep; untouched it survives" },
];

#[test]
fn a_dictionary_is_written_as_django_writes_it() -> TestResult {
    let mut ledger = Ledger::new("json dicts", ALL);
    for row in trace(include_str!("../../data/django_json_dicts.json"))? {
        let json = text(&row, "json");
        let untouched: SessionData = json.parse()?;
        assert_eq!(untouched.to_json(), json, "{}", row["name"]);
        ledger.row(text(&row, "name"), UNTYPED, written_anew(json));
    }
    every_name_is_needed(UNTYPED, &ledger.report(45, UNTYPED));
    Ok(())
}

/// Every value taken out, and serialized again.
fn written_anew(json: &str) -> Result<(), String> {
    let values: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut data = SessionData::default();
    for (name, value) in values.as_object().ok_or("no object")? {
        data.insert(name, value).map_err(|error| error.to_string())?;
    }
    if data.to_json() == json { Ok(()) } else { Err(format!("expected {json}, got {}", data.to_json())) }
}

#[test]
fn names_that_python_made_texts_of_are_read_as_python_reads_them() -> TestResult {
    let (mut compared, mut refused_by_python) = (0, 0);
    for row in trace(include_str!("../../data/django_json_coercion.json"))? {
        let Some(json) = row["json"].as_str() else {
            refused_by_python += 1;
            continue;
        };
        let data: SessionData = json.parse()?;
        assert_eq!(data.to_json(), text(&row, "reloads_as"), "{}", row["name"]);
        compared += 1;
    }
    println!("signing: json coercion 12 rows: matched {compared}, listed {refused_by_python} that Python cannot write");
    assert_eq!(compared + refused_by_python, 12);
    assert!(compared > 5);
    Ok(())
}

const FOREIGN: &[Listed] = &[
    Listed {
        names: &["float_overflow_1e400/5.2.19", "minus_zero_int/5.2.19"],
        reason: "a value is kept as it was written; Python writes what it made of it",
    },
    Listed {
        names: &["bigint_5000_digits/5.2.19"],
        reason: "a number of any length is kept; Python has a limit of 4300 digits",
    },
    Listed {
        names: &[
            "top_level_list/5.2.19",
            "top_level_string/5.2.19",
            "top_level_number/5.2.19",
            "top_level_null/5.2.19",
        ],
        reason: "a session is an object; Django hands out anything else and fails later",
    },
];

/// The long ones are in the file with their two ends alone.
fn foreign_text(row: &Value) -> TestResult<Vec<u8>> {
    Ok(match text(row, "name") {
        "bigint_5000_digits/5.2.19" => format!("{{\"a\":{}}}", "9".repeat(5000)).into_bytes(),
        "deep_nesting_5000/5.2.19" => format!("{}{}", "[".repeat(5000), "]".repeat(5000)).into_bytes(),
        "deep_nesting_200000/5.2.19" => format!("{}{}", "[".repeat(200_000), "]".repeat(200_000)).into_bytes(),
        _ => bytes(text(row, "hex"))?,
    })
}

#[test]
fn texts_that_others_wrote_are_read_as_python_reads_them() -> TestResult {
    let mut ledger = Ledger::new("json foreign_texts", ALL);
    for row in trace(include_str!("../../data/django_json_foreign_texts.json"))? {
        let ours = JsonSerializer::default().loads(&foreign_text(&row)?);
        let django = row["outcome"]["json"].as_str();
        let outcome = match (django, ours) {
            (None, Err(_)) => Ok(()),
            (Some(django), Ok(ours)) if same_values(django, &ours.to_json()) => Ok(()),
            (_, ours) => Err(format!("expected {}, got {:?}", row["outcome"], ours.map(|data| data.to_json()))),
        };
        ledger.row(text(&row, "name"), FOREIGN, outcome);
    }
    every_name_is_needed(FOREIGN, &ledger.report(31, FOREIGN));
    Ok(())
}
