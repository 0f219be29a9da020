//! Reading traces of Django, and keeping the score.

use jam_session::{Legacy, SecretKey, Signer};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::TestResult;

pub(crate) const VERSIONS: [&str; 3] = ["5.2.19", "3.2.25", "3.0.14"];

pub(crate) fn trace(text: &str) -> TestResult<Vec<Value>> {
    Ok(serde_json::from_str(text)?)
}

/// The rows of one kind that one Django did.
pub(crate) fn rows<'a>(rows: &'a [Value], kind: &'a str, version: &'a str) -> impl Iterator<Item = &'a Value> {
    let of_version = move |row: &&Value| row["django"].as_array().is_some_and(|all| all.iter().any(|v| v == version));
    rows.iter().filter(move |row| row["kind"] == kind).filter(of_version)
}

pub(crate) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().expect("a text in every row of this kind")
}

/// The JSON text of the dictionary that a row names.
pub(crate) fn dictionary(row: &Value) -> TestResult<String> {
    let dicts = trace(include_str!("../data/django_json_dicts.json"))?;
    let dict = dicts.iter().find(|dict| dict["name"] == row["dict"]).ok_or("a dictionary of this name")?;
    Ok(text(dict, "json").to_owned())
}

/// A time of a trace: seconds, with quarters.
pub(crate) fn at(seconds: &Value) -> TestResult<OffsetDateTime> {
    Ok(OffsetDateTime::UNIX_EPOCH + Duration::seconds_f64(seconds.as_f64().ok_or("a time")?))
}

/// What a signer does in the place of this Django.
pub(crate) fn signer(row: &Value, version: &str) -> TestResult<Signer> {
    let fallbacks = row["fallbacks"].as_array().cloned().unwrap_or_default();
    let fallbacks = fallbacks.iter().filter_map(Value::as_str).map(secret).collect::<TestResult<Vec<_>>>()?;
    let legacy = match version {
        "3.0.14" => Legacy::Write,
        "3.2.25" => Legacy::Read,
        _ => Legacy::Refuse,
    };
    Ok(Signer::new(secret(row["secret"].as_str().unwrap_or("ascii"))?).fallbacks(fallbacks).legacy(legacy))
}

fn secret(name: &str) -> TestResult<SecretKey> {
    let secrets = trace(include_str!("../data/django_secrets.json"))?;
    let secret = secrets.iter().find(|secret| secret["name"] == name).ok_or("a secret of this name")?;
    Ok(match secret["utf8"].as_str() {
        Some(text) => text.into(),
        None => bytes(text(secret, "hex"))?.into(),
    })
}

fn bytes(hex: &str) -> TestResult<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&hex[at..at + 2], 16)?)).collect()
}

/// Rows that differ on purpose.
pub(crate) struct Listed {
    pub(crate) names: &'static [&'static str],
    pub(crate) reason: &'static str,
}

/// Compares rows; every one matches, or is listed and does not.
pub(crate) fn score(what: &str, listed: &[Listed], outcomes: &[(String, Result<(), String>)], expected: usize) {
    let (mut matched, mut differing) = (0, 0);
    for (name, outcome) in outcomes {
        let on_list = listed.iter().find(|listed| listed.names.contains(&name.as_str()));
        match (outcome, on_list) {
            (Ok(()), None) => matched += 1,
            (Err(_), Some(_)) => differing += 1,
            (Ok(()), Some(_)) => panic!("{what} {name}: it is on the list, and matches"),
            (Err(problem), None) => panic!("{what} {name}: {problem}"),
        }
    }
    println!("{what} {expected} rows: matched {matched}, listed {differing}");
    for entry in listed {
        let here = outcomes.iter().filter(|(name, _)| entry.names.contains(&name.as_str())).count();
        if here > 0 {
            println!("{what} listed {here}: {}", entry.reason);
        }
    }
    assert_eq!(matched + differing, expected, "{what}: the number of rows");
}
