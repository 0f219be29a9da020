//! `django_decode_cases.json`: odd and forged texts, as three Djangos took them.

use jam_session::{JsonSerializer, Legacy, Limits, Serializer as _, SessionData, SigningError};
use serde_json::Value;

use super::{
    VERSIONS,
    ledger::{Ledger, Listed, every_name_is_needed},
    legacy, rows_of, signer, text, trace,
};
use crate::support::TestResult;

const NEW_FORMAT: &[&str] = &[
    "control_good_sha256/3.0.14",
    "sha1_signature/3.0.14",
    "signed_minus_timestamp/3.0.14",
    "signed_negative_timestamp/3.0.14",
    "signed_ancient_timestamp/3.0.14",
    "signed_future_timestamp/3.0.14",
    "signed_payload_url_alphabet/3.0.14",
    "signed_zlib_good/3.0.14",
    "signed_zlib_level_0/3.0.14",
    "signed_zlib_level_9/3.0.14",
    "signed_zlib_trailing_garbage/3.0.14",
    "signed_json_raw_utf8_is_read_as_latin1/3.0.14",
    "signed_json_raw_latin1_byte_ok/3.0.14",
    "signed_json_whitespace_ok/3.0.14",
    "signed_json_duplicate_keys_last_wins/3.0.14",
    "signed_json_nan_token/3.0.14",
    "signed_json_float_overflow_1e400/3.0.14",
    "signed_json_bigint_40_digits/3.0.14",
    "signed_json_raw_del_char_ok/3.0.14",
    "signed_json_upper_hex_escape/3.0.14",
    "signed_json_lone_high_surrogate/3.0.14",
    "signed_json_lone_low_surrogate/3.0.14",
    "signed_json_escaped_slash/3.0.14",
    "signed_json_exponent_int/3.0.14",
    "signed_json_minus_zero_int/3.0.14",
];

const LISTED: &[Listed] = &[
    Listed {
        names: &[
            "signed_payload_junk_inside/5.2.19",
            "signed_payload_newline_inside/5.2.19",
            "signed_payload_padding_kept/5.2.19",
            "signed_payload_std_alphabet/5.2.19",
            "legacy_newlines_inside/3.2.25",
        ],
        reason: "base64 is strict: Python drops what is none, which only a holder of the secret can write",
    },
    Listed { names: &["signed_zlib_bomb_10MiB/5.2.19"], reason: "there is a limit on what a text inflates to" },
    Listed {
        names: &["signed_json_float_overflow_1e400/5.2.19", "signed_json_minus_zero_int/5.2.19"],
        reason: "a value is kept as it was written; Python writes what it made of it",
    },
    Listed {
        names: &["signed_json_bigint_5000_digits/5.2.19", "signed_json_bigint_5000_digits/3.2.25"],
        reason: "a number of any length is kept; Python has a limit of 4300 digits",
    },
    Listed {
        names: &[
            "signed_json_top_level_list/5.2.19",
            "signed_json_top_level_string/5.2.19",
            "signed_json_top_level_number/5.2.19",
            "signed_json_top_level_null/5.2.19",
        ],
        reason: "a session is an object; Django hands out anything else and fails later",
    },
    Listed {
        names: &["hashing_sha1_setting_reads_sha256/3.2.25"],
        reason: "the format of today is read beside the old one, so that an upgrade logs nobody out",
    },
    Listed { names: NEW_FORMAT, reason: "the format of today is read beside the old one: 3.0 fails on it" },
];

#[test]
fn odd_and_forged_texts_are_taken_as_django_takes_them() -> TestResult {
    let rows = trace(include_str!("../../data/django_decode_cases.json"))?;
    let mut listed = Vec::new();
    for (version, count) in VERSIONS.into_iter().zip([97, 97, 94]) {
        let mut ledger = Ledger::new("decode_cases", version);
        for row in rows_of(&rows, version) {
            ledger.row(text(row, "name"), LISTED, same_outcome(row, version)?);
        }
        listed.extend(ledger.report(count, LISTED));
    }
    every_name_is_needed(LISTED, &listed);
    Ok(())
}

fn same_outcome(row: &Value, version: &str) -> TestResult<Result<(), String>> {
    let sha1_mode = row["settings"]["DEFAULT_HASHING_ALGORITHM"] == "sha1";
    let signer = signer(row)?.legacy(if sha1_mode { Legacy::Write } else { legacy(version) });
    let raw = signer.loads(text(row, "session_data"), &Limits::default());
    // Django 5.2 warns of a wrong signature, and of nothing else.
    if version == "5.2.19" && row["warned"] != (raw == Err(SigningError::BadSignature)) {
        return Ok(Err(format!("Django warned: {}, and here it is {raw:?}", row["warned"])));
    }
    let ours = raw.map_err(|error| error.to_string());
    let ours = ours.and_then(|raw| JsonSerializer::default().loads(&raw).map_err(|error| error.to_string()));
    Ok(compare(&row["outcome"], &ours))
}

/// Django's empty dictionary stands for what it could not read.
fn compare(outcome: &Value, ours: &Result<SessionData, String>) -> Result<(), String> {
    let django = outcome["json"].as_str().filter(|json| *json != "{}");
    let refused = django.is_none() && outcome["json_len"].is_null();
    match (django, ours) {
        (None, Err(_)) if refused => Ok(()),
        (Some(django), Ok(ours)) if same_values(django, &ours.to_json()) => Ok(()),
        _ => Err(format!("expected {outcome}, got {:?}", ours.as_ref().map(SessionData::to_json))),
    }
}

pub(super) fn same_values(one: &str, other: &str) -> bool {
    let values = |json: &str| serde_json::from_str::<Value>(json).ok();
    one == other || (values(one).is_some() && values(one) == values(other))
}
