//! Cookies of Django's `signed_cookies` engine: its traces, and a live one.

use std::process::Command;

use jam_session::{Clock, Draft, Limits, SessionKey, SessionStore as _, SignedCookieStore, Signer, StoreError};
use serde_json::Value;
use time::Duration;

use super::drawn;
use crate::{
    TestResult, python,
    traces::{Listed, VERSIONS, at, dictionary, rows, score, signer, text, trace},
};

const TRACE: &str = include_str!("../../data/django_signed_cookies.json");
/// What the engine signs with.
const SALT: &str = "django.contrib.sessions.backends.signed_cookies";

#[tokio::test]
async fn the_cookies_that_django_wrote_are_read_and_written_as_it_does() -> TestResult {
    let trace = trace(TRACE)?;
    for version in VERSIONS {
        let mut outcomes = Vec::new();
        for row in rows(&trace, "written", version) {
            outcomes.push((text(row, "name").to_owned(), read_and_written(row, version).await?));
        }
        score(&format!("signed_cookies: written {version}"), &[], &outcomes, 33);
    }
    Ok(())
}

async fn read_and_written(row: &Value, version: &str) -> TestResult<Result<(), String>> {
    let (signer, now) = (signer(row, version)?, at(&row["unix_time"])?);
    let store = SignedCookieStore::new(signer.clone());
    let (cookie, json) = (text(row, "cookie_value"), dictionary(row)?);
    let draft = Draft::new(json.parse()?, now + Duration::weeks(2));
    if cookie.len() > 4096 {
        // No browser keeps it. It is read all the same by whoever holds the key, and never written.
        let raw = signer.key_salt(SALT).loads(cookie, &Limits::default()).map_err(|error| error.to_string());
        let refused = matches!(store.create(&drawn(), &draft, now).await, Err(StoreError::TooLarge { .. }));
        return Ok(match raw {
            Ok(raw) if raw == json.as_bytes() && refused => Ok(()),
            raw => Err(format!("{raw:?}, refused: {refused}")),
        });
    }
    if !store.accepts(cookie) {
        return Ok(Err("it is not accepted".to_owned()));
    }
    let loaded = store.load(&SessionKey::parse(cookie)?, now).await?.ok_or("a live session")?;
    if loaded.session_data.to_json() != json {
        return Ok(Err(format!("it reads as {}", loaded.session_data.to_json())));
    }
    let written = store.create(&drawn(), &draft, now).await?;
    let (ours, again) = (written.session_key.as_str(), store.load(&written.session_key, now).await?);
    // Two builds of zlib may compress to different bytes.
    let compressed = cookie.starts_with('.') && ours.starts_with('.');
    let compressed = compressed && again.is_some_and(|again| again.session_data.to_json() == json);
    Ok(if ours == cookie || compressed { Ok(()) } else { Err(format!("it is written as {ours}")) })
}

const LISTED: &[Listed] = &[
    Listed {
        names: &["5.2.19/clock_before_timestamp", "3.0.14/clock_before_timestamp"],
        reason: "a cookie of more than a minute to come is refused; Django takes any",
    },
    Listed {
        names: &["5.2.19/custom_expiry_ignored", "3.0.14/custom_expiry_ignored"],
        reason: "a session's own expiry counts; Django goes by the cookie age alone",
    },
    Listed {
        names: &["5.2.19/signed_list", "3.0.14/signed_list"],
        reason: "a session is an object; Django hands out anything else and fails later",
    },
];

#[tokio::test]
async fn what_django_makes_of_a_cookie_is_made_of_it_here() -> TestResult {
    let trace = trace(TRACE)?;
    for (version, count) in VERSIONS.into_iter().zip([18, 16, 16]) {
        let mut outcomes = Vec::new();
        for row in rows(&trace, "load", version) {
            outcomes.push((text(row, "name").to_owned(), same_outcome(row, version).await?));
        }
        score(&format!("signed_cookies: load {version}"), LISTED, &outcomes, count);
    }
    Ok(())
}

async fn same_outcome(row: &Value, version: &str) -> TestResult<Result<(), String>> {
    let mut store = SignedCookieStore::new(signer(row, version)?);
    if let Some(age) = row["settings"]["SESSION_COOKIE_AGE"].as_u64() {
        store = store.cookie_age(std::time::Duration::from_secs(age));
    }
    let cookie = text(row, "cookie_value");
    // What is not accepted is not looked at.
    let loaded = match SessionKey::parse(cookie).ok().filter(|_| store.accepts(cookie)) {
        Some(key) => store.load(&key, at(&row["unix_time"])?).await,
        None => Ok(None),
    };
    let ours = match &loaded {
        Ok(Some(record)) => record.session_data.to_json(),
        // Django's empty dictionary stands for what it refused, too.
        Ok(None) => "{}".to_owned(),
        Err(error) => return Ok(Err(format!("{error:?}"))),
    };
    let django = text(row, "json");
    Ok(if ours == django { Ok(()) } else { Err(format!("expected {django}, got {ours}")) })
}

/// Django's own engine takes over a session of ours, and we take it back.
#[tokio::test]
async fn a_live_django_takes_our_cookies_and_gives_its_own() -> TestResult {
    let Some(python) = python::with_django("5.2") else { return Ok(()) };
    let store = SignedCookieStore::new(Signer::new("secret"));
    let long = format!(r#"{{"long":"{}"}}"#, "compressible ".repeat(200));
    for json in [r#"{"name":"J\u00fcrgen","n":[1,2]}"#, "{}", long.as_str()] {
        let now = Clock::system().now();
        let created = store.create(&drawn(), &Draft::new(json.parse()?, now + Duration::weeks(2)), now).await?;

        let mut django = Command::new(&python);
        django.args(["tests/django/engines.py", "signed_cookies", "secret", created.session_key.as_str()]);
        let theirs: Value = serde_json::from_str(&python::run(&mut django)?)?;

        assert_eq!(theirs["read"], serde_json::from_str::<Value>(json)?);
        let cookie = SessionKey::parse(text(&theirs, "key"))?;
        let loaded = store.load(&cookie, Clock::system().now()).await?.ok_or("the session")?;
        assert_eq!(loaded.session_data.get::<String>("django").ok().flatten().as_deref(), Some("naïve 名前"));
        assert_eq!(loaded.session_data.len(), created.session_data.len() + 1);
    }
    let version = python::run(Command::new(&python).args(["-m", "django", "--version"]))?;
    println!("signed_cookies: a live Django {version} reads, changes and hands back 3 sessions");
    Ok(())
}
