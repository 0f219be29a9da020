//! Django's signed rows: what 5.2.19, 3.2.25 and 3.0.14 wrote is read, and what is written is what they write.
//!
//! The figures are printed: `cargo test --all-features --test it signing -- --nocapture`.

mod decode_cases;
mod forgeries;
mod json;
mod ledger;
mod sessions;
mod stores;

use jam_session::{Legacy, SecretKey, Signer};
use serde_json::Value;

use crate::support::TestResult;

pub(crate) const VERSIONS: [&str; 3] = ["5.2.19", "3.2.25", "3.0.14"];

pub(crate) fn trace(text: &str) -> TestResult<Vec<Value>> {
    Ok(serde_json::from_str(text)?)
}

/// The rows of one Django.
fn rows_of<'a>(rows: &'a [Value], version: &'a str) -> impl Iterator<Item = &'a Value> {
    rows.iter()
        .filter(move |row| row["django"].as_array().is_some_and(|versions| versions.iter().any(|v| v == version)))
}

pub(crate) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().expect("a text in every row of this trace")
}

/// The secret of this name.
pub(crate) fn secret(name: &str) -> TestResult<SecretKey> {
    let secrets = trace(include_str!("../../data/django_secrets.json"))?;
    let secret = secrets.iter().find(|secret| secret["name"] == name).ok_or("a secret of this name")?;
    Ok(match secret["utf8"].as_str() {
        Some(text) => text.into(),
        None => bytes(text(secret, "hex"))?.into(),
    })
}

/// A signer with the secret, fallbacks and class of a row.
pub(crate) fn signer(row: &Value) -> TestResult<Signer> {
    let mut signer = Signer::new(secret(text(row, "secret"))?);
    if let Some(names) = row["fallbacks"].as_array() {
        let names = names.iter().filter_map(Value::as_str);
        signer = signer.fallbacks(names.map(secret).collect::<TestResult<Vec<_>>>()?);
    }
    if let Some(class) = row["qualname"].as_str() {
        signer = signer.key_salt(&format!("django.contrib.sessions.{class}"));
    }
    Ok(signer)
}

/// What a signer does in the place of this Django.
fn legacy(version: &str) -> Legacy {
    match version {
        "3.0.14" => Legacy::Write,
        "3.2.25" => Legacy::Read,
        _ => Legacy::Refuse,
    }
}

/// Bytes from hexadecimal digits.
fn bytes(hex: &str) -> TestResult<Vec<u8>> {
    let digits: Vec<_> = hex.bytes().collect();
    let pairs = digits.chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
    pairs.collect()
}
