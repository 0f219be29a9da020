//! Replays what a real Django did (`tests/data/`) and compares: a row matches, or is on the list of
//! deliberate deviations. A row of `db_rows` counts twice: for its date, and
//! for its signed data.
//!
//! The figures are printed: `cargo test --all-features --test it oracle -- --nocapture`.

mod cookies;
mod deviations;
mod expiry;
mod flags;
mod ledger;
mod middleware;
mod rows;
mod scene;

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::TestResult;

#[tokio::test]
async fn what_django_did_happens_here_too_or_is_listed_with_the_rule_against_it() -> TestResult {
    let sections = [
        flags::replay().await?,
        expiry::replay_set_expiry().await?,
        expiry::replay_keyword_arguments().await?,
        cookies::replay_cookie_header().await?,
        cookies::replay_vary().await?,
        cookies::replay_set_cookie().await?,
        middleware::replay().await?,
        rows::replay_dates().await?,
        rows::replay_signed_data()?,
        rows::replay_boundary().await?,
    ];
    ledger::report(&sections);
    Ok(())
}

/// The rows of a trace.
fn trace(text: &str) -> TestResult<Vec<Value>> {
    Ok(serde_json::from_str(text)?)
}

fn name(row: &Value) -> &str {
    text(row, "name")
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().expect("a text in every row of this trace")
}

/// The row with nothing but these fields; what an exception prevented is left out.
fn only(row: &Value, fields: &[&str]) -> Value {
    let known = fields.iter().filter_map(|&field| Some((field.to_owned(), row.get(field)?.clone())));
    Value::Object(known.collect())
}

/// An instant as Python writes it; one without an offset is in UTC, as all dates here are.
fn instant(text: &str) -> TestResult<OffsetDateTime> {
    let aware = OffsetDateTime::parse(text, &Rfc3339);
    Ok(aware.or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))?)
}

/// An instant in a form that two sides can be compared in: microseconds.
fn micros(at: OffsetDateTime) -> Value {
    Value::from(i64::try_from(at.unix_timestamp_nanos() / 1000).expect("a date of this millennium"))
}
