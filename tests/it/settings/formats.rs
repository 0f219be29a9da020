//! Settings from a configuration file.

use std::time::Duration;

use http::StatusCode;
use jam_session::{OnInterrupted, SameSite, Settings};
use serde_json::{Value, json};

use crate::support::TestResult;

fn read(value: Value) -> Result<Settings, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Every setting, none at its default.
pub(super) fn everything() -> Value {
    json!({
        "cookie_name": "id",
        "cookie_age": 90,
        "cookie_domain": "example.com",
        "cookie_path": "/app",
        "previous_cookie_domains": ["old.example.com"],
        "previous_cookie_paths": ["/old"],
        "cookie_secure": false,
        "secure_proxy_ssl_header": "X-Forwarded-Proto: https",
        "cookie_http_only": false,
        "cookie_same_site": "Strict",
        "cookie_partitioned": true,
        "expire_at_browser_close": true,
        "save_every_request": true,
        "refresh_threshold": 9,
        "absolute_age": 91,
        "valid_from": "2026-01-31T12:00:00+01:00",
        "renew_after": 61,
        "renewal_grace": 20,
        "hash_keys": "migrating",
        "identity_keys": ["user_id", "tenant"],
        "save_mode": "overwrite",
        "duplicate_cookie": "take_last",
        "deletion_cookie": "when_empty",
        "cookie_format": "django",
        "headers": "vary",
        "clear_site_data": ["cache", "storage"],
        "equal_value_modifies": true,
        "create_empty_rows": true,
        "on_interrupted": "keep_response",
        "store_failure_status": 502,
        "load_deadline": 7,
        "save_deadline": 8,
    })
}

#[test]
fn what_is_left_out_keeps_its_default() -> TestResult {
    assert_eq!(read(json!({}))?, Settings::default());
    let mut hour = Settings::default();
    hour.cookie_age = Duration::from_secs(3600);
    assert_eq!(read(json!({ "cookie_age": 3600 }))?, hour);
    Ok(())
}

#[test]
fn each_name_is_read_and_alone_makes_a_difference() -> TestResult {
    let all = everything();
    let names = all.as_object().ok_or("an object")?;

    assert_eq!(names.len(), 32);
    for (name, value) in names {
        assert_ne!(read(json!({ name: value }))?, Settings::default(), "{name}");
    }
    Ok(())
}

#[test]
fn an_unknown_name_is_an_error_that_names_it() {
    for name in ["cookie_agee", "COOKIE_AGE", "session_cookie_age"] {
        let error = read(json!({ name: 1 })).expect_err(name);
        assert!(error.contains(&format!("unknown field `{name}`")), "{error}");
    }
}

#[test]
fn a_duration_is_a_whole_number_of_seconds() {
    for name in [
        "cookie_age",
        "absolute_age",
        "renew_after",
        "renewal_grace",
        "refresh_threshold",
        "load_deadline",
        "save_deadline",
    ] {
        for wrong in [json!(-1), json!(1.5), json!("60"), json!(18_446_744_073_709_551_616_f64), json!(true)] {
            assert!(read(json!({ name: wrong })).is_err(), "{name}: {wrong}");
        }
    }
    assert!(serde_json::from_str::<Settings>(r#"{"cookie_age": 18446744073709551616}"#).is_err());
    let mut longest = Settings::default();
    longest.cookie_age = Duration::from_secs(u64::MAX);
    assert_eq!(read(json!({ "cookie_age": u64::MAX })), Ok(longest.clone()));
    assert!(longest.validate().is_err());
}

#[test]
fn an_instant_is_a_date_with_an_offset() {
    let read_date = |value: Value| read(json!({ "valid_from": value })).map(|settings| settings.valid_from);

    for text in ["2026-01-31T11:00:00Z", "2026-01-31 12:00:00.000+01:00"] {
        assert_eq!(read_date(json!(text)), Ok(Some(time::macros::datetime!(2026-01-31 11:00 UTC))), "{text}");
    }
    assert_eq!(read_date(Value::Null), Ok(None));
    for wrong in [json!("2026-01-31T11:00:00"), json!("2026-01-31"), json!("yesterday"), json!(1_769_857_200)] {
        assert!(read_date(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn same_site_is_written_as_in_django() {
    let same_site = |value: Value| read(json!({ "cookie_same_site": value })).map(|settings| settings.cookie_same_site);

    for (text, expected) in
        [("Lax", SameSite::Lax), ("strict", SameSite::Strict), ("NONE", SameSite::None), ("False", SameSite::Unset)]
    {
        assert_eq!(same_site(json!(text)), Ok(expected));
    }
    assert_eq!(same_site(json!(false)), Ok(SameSite::Unset));
    for wrong in [json!(true), json!("Laxative"), json!("")] {
        let error = same_site(wrong).expect_err("no such word");
        assert!(error.contains("Strict, Lax, None, False"), "{error}");
    }
}

#[test]
fn an_interruption_is_a_status_or_keep_response() {
    let on = |value: Value| read(json!({ "on_interrupted": value })).map(|settings| settings.on_interrupted);

    assert_eq!(on(json!(409)), Ok(OnInterrupted::Respond(StatusCode::CONFLICT)));
    assert_eq!(on(json!("keep_response")), Ok(OnInterrupted::KeepResponse));
    for wrong in [json!(99), json!(1000), json!("keep"), json!(-1), json!(null)] {
        assert!(on(wrong.clone()).is_err(), "{wrong}");
    }
    assert!(read(json!({ "store_failure_status": 99 })).is_err());
}

#[test]
fn none_can_be_written_down() -> TestResult {
    assert_eq!(
        read(json!({ "cookie_domain": null, "refresh_threshold": null, "absolute_age": null, "renew_after": null }))?,
        Settings::default()
    );
    Ok(())
}
