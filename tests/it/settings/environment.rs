//! Settings from environment variables. They belong to the whole process, so each test asks a child process.

use std::{env, process::Command, time::Duration};

use http::StatusCode;
use jam_session::{HashKeys, OnInterrupted, ProxyHeader, SameSite, SaveMode, Settings, SiteData};

use crate::support::TestResult;

const PREFIX: &str = "JAM_TEST_SESSION_";
/// Makes the child print what it reads.
const PRINT: &str = "JAM_TEST_PRINT_SETTINGS";
const CHILD: &str = "settings::environment::without_variables_everything_is_at_its_default";

#[test]
fn without_variables_everything_is_at_its_default() {
    let settings = Settings::from_env(PREFIX);
    if env::var_os(PRINT).is_some() {
        println!("<<{}>>", shown(settings.as_ref().map_err(ToString::to_string)));
        return;
    }
    assert_eq!(settings, Ok(Settings::default()));
}

fn shown(settings: Result<&Settings, String>) -> String {
    settings.map_or_else(|error| format!("error: {error}"), |settings| format!("{settings:?}"))
}

/// What a process with these variables reads, as text.
fn read(variables: &[(&str, &str)]) -> TestResult<String> {
    let mut child = Command::new(env::current_exe()?);
    child.args([CHILD, "--exact", "--nocapture"]).env(PRINT, "1");
    child.envs(variables.iter().map(|(name, value)| (format!("{PREFIX}{name}"), value)));
    let output = String::from_utf8(child.output()?.stdout)?;
    let printed = output.split_once("<<").and_then(|(_, rest)| rest.split_once(">>")).ok_or(output.clone())?;
    Ok(printed.0.to_owned())
}

fn assert_read(variables: &[(&str, &str)], change: impl FnOnce(&mut Settings)) -> TestResult {
    let mut expected = Settings::default();
    change(&mut expected);
    assert_eq!(read(variables)?, shown(Ok(&expected)), "{variables:?}");
    Ok(())
}

fn assert_refused(name: &str, value: &str, reason: &str) -> TestResult {
    assert_eq!(read(&[(name, value)])?, format!("error: {PREFIX}{name}: {reason}"));
    Ok(())
}

#[test]
fn each_variable_is_read() -> TestResult {
    let variables = [
        ("COOKIE_NAME", "id"),
        ("COOKIE_AGE", "90"),
        ("COOKIE_DOMAIN", "example.com"),
        ("COOKIE_PATH", "/app"),
        ("PREVIOUS_COOKIE_DOMAINS", "a.example, b.example"),
        ("PREVIOUS_COOKIE_PATHS", "/"),
        ("COOKIE_SECURE", "true"),
        ("COOKIE_HTTPONLY", "False"),
        ("COOKIE_SAMESITE", "None"),
        ("COOKIE_PARTITIONED", "1"),
        ("CLEAR_SITE_DATA", "cache,cookies , storage"),
        ("EXPIRE_AT_BROWSER_CLOSE", "yes"),
        ("SAVE_EVERY_REQUEST", "on"),
        ("REFRESH_THRESHOLD", " 9 "),
        ("ABSOLUTE_AGE", "91"),
        ("VALID_FROM", "2026-01-31T12:00:00+01:00"),
        ("RENEW_AFTER", "61"),
        ("RENEWAL_GRACE", "20"),
        ("HASH_KEYS", "migrating"),
        ("IDENTITY_KEYS", "user_id , tenant"),
        ("SAVE_MODE", "overwrite"),
        ("ON_INTERRUPTED", "409"),
        ("LOAD_DEADLINE", "7"),
        ("SAVE_DEADLINE", "8"),
    ];

    assert_read(&variables, |settings| {
        settings.cookie_name = "id".into();
        settings.cookie_age = Duration::from_secs(90);
        settings.cookie_domain = Some("example.com".into());
        settings.cookie_path = "/app".into();
        settings.previous_cookie_domains = vec!["a.example".into(), "b.example".into()];
        settings.previous_cookie_paths = vec!["/".into()];
        settings.cookie_http_only = false;
        settings.cookie_same_site = SameSite::None;
        settings.cookie_partitioned = true;
        settings.clear_site_data = vec![SiteData::Cache, SiteData::Cookies, SiteData::Storage];
        settings.expire_at_browser_close = true;
        settings.save_every_request = true;
        settings.refresh_threshold = Some(Duration::from_secs(9));
        settings.absolute_age = Some(Duration::from_secs(91));
        settings.valid_from = Some(time::macros::datetime!(2026-01-31 12:00 +01:00));
        settings.renew_after = Some(Duration::from_secs(61));
        settings.renewal_grace = Duration::from_secs(20);
        settings.hash_keys = HashKeys::Migrating;
        settings.identity_keys = vec!["user_id".into(), "tenant".into()];
        settings.save_mode = SaveMode::Overwrite;
        settings.on_interrupted = OnInterrupted::Respond(StatusCode::CONFLICT);
        settings.load_deadline = Duration::from_secs(7);
        settings.save_deadline = Duration::from_secs(8);
    })
}

#[test]
fn words_have_few_spellings() -> TestResult {
    for off in ["false", "0", "no", "OFF"] {
        assert_read(&[("COOKIE_SECURE", off)], |settings| settings.cookie_secure = false)?;
    }
    assert_read(&[("COOKIE_DOMAIN", "")], |_| ())?;
    assert_read(&[("COOKIE_SAMESITE", "False")], |settings| settings.cookie_same_site = SameSite::Unset)?;
    for (word, hash_keys) in [("off", HashKeys::Off), ("migrating_back", HashKeys::MigratingBack), ("on", HashKeys::On)]
    {
        assert_read(&[("HASH_KEYS", word)], |settings| settings.hash_keys = hash_keys)?;
    }
    assert_read(&[("SAVE_MODE", "merge")], |_| ())?;
    assert_read(&[("CLEAR_SITE_DATA", "")], |_| ())?;
    // Apart from the rest: what needs a cookie that is always Secure cannot go with it.
    assert_read(&[("SECURE_PROXY_SSL_HEADER", "X-Forwarded-Proto: https")], |settings| {
        settings.secure_proxy_ssl_header = Some(ProxyHeader::new("X-Forwarded-Proto", "https"));
    })?;
    assert_read(&[("ON_INTERRUPTED", "keep_response")], |settings| {
        settings.on_interrupted = OnInterrupted::KeepResponse;
    })?;
    assert_read(&[("COOKIE_AGEE", "1"), ("ENGINE", "db")], |_| ())
}

#[test]
fn a_value_that_does_not_parse_is_an_error_that_names_its_variable() -> TestResult {
    let seconds = "the value is not a whole number of seconds, 0 or more";
    for wrong in ["-1", "1.5", "an hour", "", "18446744073709551616"] {
        assert_refused("COOKIE_AGE", wrong, seconds)?;
    }
    for name in ["REFRESH_THRESHOLD", "ABSOLUTE_AGE", "RENEW_AFTER", "RENEWAL_GRACE", "LOAD_DEADLINE", "SAVE_DEADLINE"]
    {
        for wrong in ["-1", "8h", "18446744073709551616"] {
            assert_refused(name, wrong, seconds)?;
        }
    }
    for wrong in ["2026-01-31", "2026-01-31T12:00:00", "now", ""] {
        assert_refused("VALID_FROM", wrong, "the value is not a date with an offset, like 2026-01-31T12:00:00Z")?;
    }
    assert_refused("COOKIE_SECURE", "maybe", "the value is not true or false")?;
    assert_refused("COOKIE_SAMESITE", "Laxative", "SameSite is not one of Strict, Lax, None, False")?;
    assert_refused("HASH_KEYS", "true", "the value is not off, migrating_back, migrating or on")?;
    assert_refused("SAVE_MODE", "Merge", "the value is not merge or overwrite")?;
    assert_refused("CLEAR_SITE_DATA", "cache,all", "the value is not a list of cache, cookies and storage")?;
    let header = "the value is not a header like X-Forwarded-Proto: https";
    assert_refused("SECURE_PROXY_SSL_HEADER", "https", header)?;
    assert_refused("ON_INTERRUPTED", "keep", "the value is not a status or keep_response")?;
    assert_refused("ON_INTERRUPTED", "99", "the value is not a status or keep_response")
}

#[test]
fn what_cannot_work_is_refused_as_everywhere() -> TestResult {
    let read = read(&[("COOKIE_SECURE", "off"), ("COOKIE_SAMESITE", "none")])?;

    assert_eq!(read, "error: SameSite=None needs cookie_secure: browsers drop the cookie otherwise");
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_text_is_an_error() -> TestResult {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let mut child = Command::new(env::current_exe()?);
    child.args([CHILD, "--exact", "--nocapture"]).env(PRINT, "1");
    child.env(format!("{PREFIX}COOKIE_NAME"), OsStr::from_bytes(b"\xff"));
    let output = String::from_utf8(child.output()?.stdout)?;

    assert!(output.contains("error: JAM_TEST_SESSION_COOKIE_NAME: the value is not Unicode"), "{output}");
    Ok(())
}
