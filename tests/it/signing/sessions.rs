//! `django_sessions.json`: what Django stored, read and written again; and the primitives that are public.

use jam_session::{JsonSerializer, Legacy, Limits, PickleSerializer, Serializer as _, Signer};
use serde_json::Value;
use time::OffsetDateTime;

use super::{VERSIONS, ledger::Ledger, legacy, rows_of, secret, signer, text, trace};
use crate::support::TestResult;

#[test]
fn what_django_stored_is_read_and_written_again_byte_for_byte() -> TestResult {
    let rows = trace(include_str!("../../data/django_sessions.json"))?;
    let dicts = trace(include_str!("../../data/django_json_dicts.json"))?;
    for (version, count) in VERSIONS.into_iter().zip([85, 99, 92]) {
        let mut ledger = Ledger::new("sessions", version);
        for row in rows_of(&rows, version) {
            let dict = dicts.iter().find(|dict| dict["name"] == row["dict"]).ok_or("a dictionary of this name")?;
            let json = text(dict, "json");
            let outcome = match row["serializer"] == "pickle" {
                true => pickled_there_and_back(row, json, version)?,
                false => there_and_back(row, json, version)?,
            };
            ledger.row(text(row, "name"), &[], outcome);
        }
        ledger.report(count, &[]);
    }
    Ok(())
}

fn there_and_back(row: &Value, json: &str, version: &str) -> TestResult<Result<(), String>> {
    let stored = text(row, "session_data");
    let is_legacy = row["format"] == "legacy";
    let reader = signer(row)?.legacy(legacy(version));
    let raw = reader.loads(stored, &Limits::default())?;
    if raw != json.as_bytes() {
        return Ok(Err("it reads as something else".to_owned()));
    }
    if is_legacy && signer(row)?.loads(stored, &Limits::default()).is_ok() {
        return Ok(Err("the old format is read by a signer that was not asked to".to_owned()));
    }
    // Big integers, NaN and lone surrogates among them.
    let data = JsonSerializer::default().loads(&raw)?;
    if data.to_json() != json {
        return Ok(Err("the data does not survive".to_owned()));
    }
    let writer = signer(row)?.legacy(if is_legacy { Legacy::Write } else { Legacy::Refuse });
    let now = OffsetDateTime::from_unix_timestamp(row["unix_time"].as_i64().ok_or("a time")?)?;
    let ours = writer.dumps(json.as_bytes(), now);
    // Two builds of zlib may compress to different bytes.
    let compressed = row["compressed"] == true;
    let same = if compressed {
        ours.starts_with('.') && reader.loads(&ours, &Limits::default())? == raw
    } else {
        ours == stored
    };
    Ok(if same { Ok(()) } else { Err(format!("it is written as {ours}")) })
}

/// Ours is shorter than Python's pickle where nothing is remembered, so it is compared by what it says.
fn pickled_there_and_back(row: &Value, json: &str, version: &str) -> TestResult<Result<(), String>> {
    let reader = signer(row)?.legacy(legacy(version));
    let raw = reader.loads(text(row, "session_data"), &Limits::default())?;
    let data = PickleSerializer::default().loads(&raw)?;
    if data.to_json() != json || !data.is_json() {
        return Ok(Err("it reads as something else".to_owned()));
    }
    let now = OffsetDateTime::from_unix_timestamp(row["unix_time"].as_i64().ok_or("a time")?)?;
    let ours = reader.dumps(&PickleSerializer::default().dumps(&data)?, now);
    let again = PickleSerializer::default().loads(&reader.loads(&ours, &Limits::default())?)?;
    Ok(if again == data { Ok(()) } else { Err("it is written as something else".to_owned()) })
}

#[test]
fn a_text_is_signed_as_django_signs_it() -> TestResult {
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000)?;
    let (mut sha256, mut sha1) = (0, 0);
    for row in trace(include_str!("../../data/django_signing_primitives.json"))? {
        if row["kind"] != "signer" {
            continue;
        }
        let signer = Signer::new(secret(text(&row, "secret"))?).key_salt(text(&row, "salt"));
        let signed = text(&row, "signed");
        if row["algorithm"] == "sha256" {
            assert_eq!(signer.dumps(b"{}", now), signed);
            sha256 += 1;
        } else {
            // What Django 3.1 and 3.2 write in their SHA-1 mode is read, and never written.
            assert!(signer.loads(signed, &Limits::default()).is_err(), "not without being asked to");
            assert_eq!(signer.clone().legacy(Legacy::Read).loads(signed, &Limits::default())?, b"{}");
            sha1 += 1;
        }
    }
    println!("signing: primitives signer: matched {}", sha256 + sha1);
    assert_eq!((sha256, sha1), (3, 3));
    Ok(())
}

/// What base64 makes of these bytes is only seen through a payload.
#[test]
fn bytes_become_the_base64_that_django_writes() -> TestResult {
    let (signer, mut compared) = (Signer::new("x"), 0);
    for row in trace(include_str!("../../data/django_signing_primitives.json"))? {
        if row["kind"] != "b64" {
            continue;
        }
        let raw = super::bytes(text(&row, "hex"))?;
        let signed = signer.dumps(&raw, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(signed.split(':').next(), Some(text(&row, "text")));
        assert_eq!(signer.loads(&signed, &Limits::default())?, raw);
        compared += 1;
    }
    println!("signing: primitives b64: matched {compared}");
    assert_eq!(compared, 6);
    Ok(())
}
