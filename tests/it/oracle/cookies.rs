//! `django_cookie_header.json`, `django_vary.json` and `django_set_cookie.json`: the headers.

use std::time::Duration as StdDuration;

use http::{HeaderMap, HeaderValue, Response, header};
use jam_session::{LazySession, SessionKey, Settings};
use serde_json::{Map, Value, json};
use time::Duration;

use super::{ledger::Ledger, name, only, scene::Scene, text, trace};
use crate::support::TestResult;

const OLD_KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

pub(super) async fn replay_cookie_header() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("cookie_header", 24);
    let scene = Scene::new(Settings::django()).await?;
    for row in trace(include_str!("../../data/django_cookie_header.json"))? {
        let key = scene.ask(Some(text(&row, "header")), async |session| Ok(session.session_key())).await?;
        let ours = json!({ "session_key": key.as_ref().map(SessionKey::as_str) });
        ledger.compare(name(&row), &only(&row, &["session_key"]), &ours);
    }
    Ok(ledger)
}

pub(super) async fn replay_vary() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("vary", 10);
    let scene = Scene::new(Settings::django()).await?;
    for row in trace(include_str!("../../data/django_vary.json"))? {
        let view = async |session: LazySession| {
            session.load().await.expect("there is nothing to load");
            let mut response = Response::new(None::<()>);
            if let Some(before) = row["before"].as_str() {
                let before = HeaderValue::from_str(before).expect("a header of a trace");
                response.headers_mut().insert(header::VARY, before);
            }
            response
        };
        let response = scene.serve(None, view).await?;
        ledger.compare(name(&row), &only(&row, &["after"]), &json!({ "after": vary(response.headers()) }));
    }
    Ok(ledger)
}

/// The `Vary` header, null if there is none.
pub(super) fn vary(headers: &HeaderMap) -> Value {
    let mut lines = headers.get_all(header::VARY).iter().map(|line| line.to_str().expect("ASCII"));
    let first = lines.next();
    assert_eq!(lines.next(), None, "Vary is one line");
    json!(first)
}

pub(super) async fn replay_set_cookie() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("set_cookie", 60);
    for row in trace(include_str!("../../data/django_set_cookie.json"))? {
        let mut expected = only(&row, &["raises", "set_cookie", "vary"]);
        if let Some(lines) = row["set_cookie"].as_array() {
            expected["set_cookie"] =
                lines.iter().map(|line| attributes(line.as_str().expect("a text"), key_or_text)).collect();
        }
        let ours = match settings(&row["settings"]) {
            Ok(settings) => act(text(&row, "action"), settings).await?,
            Err(refused) => json!({ "raises": refused }),
        };
        ledger.compare(name(&row), &expected, &ours);
    }
    Ok(ledger)
}

/// Django's settings as ours, or how the start-up ends.
fn settings(django: &Value) -> Result<Settings, &'static str> {
    let mut settings = Settings::django();
    for (name, value) in django.as_object().expect("settings by name") {
        let word = || value.as_str().expect("a text").to_owned();
        match name.as_str() {
            "SESSION_COOKIE_NAME" => settings.cookie_name = word(),
            "SESSION_COOKIE_AGE" => settings.cookie_age = StdDuration::from_secs(value.as_u64().expect("seconds")),
            "SESSION_COOKIE_DOMAIN" => settings.cookie_domain = Some(word()),
            "SESSION_COOKIE_PATH" => settings.cookie_path = word(),
            "SESSION_COOKIE_SECURE" => settings.cookie_secure = value == true,
            "SESSION_COOKIE_HTTPONLY" => settings.cookie_http_only = value == true,
            "SESSION_COOKIE_SAMESITE" => {
                settings.cookie_same_site = serde_json::from_value(value.clone()).map_err(|_| "ValueError")?;
            }
            "SESSION_EXPIRE_AT_BROWSER_CLOSE" => settings.expire_at_browser_close = value == true,
            name => panic!("a setting without a replay: {name}"),
        }
    }
    settings.validate().map_err(|_| "the settings cannot work")?;
    Ok(settings)
}

async fn act(action: &str, settings: Settings) -> TestResult<Value> {
    let cookie = format!("{}={OLD_KEY}", settings.cookie_name);
    let scene = Scene::new(settings).await?;
    scene.seed(OLD_KEY, r#"{"a":1}"#, Duration::HOUR).await?;
    // Only a client that has a cookie can be told to forget it.
    let cookie = (action == "flush").then_some(cookie.as_str());
    let view = async |session: LazySession| Response::new(Some(change(action, &session).await));
    let response = scene.serve(cookie, view).await?;
    let (head, body) = response.into_parts();
    body.ok_or("the response was replaced")??;
    let set_cookie: Value = lines(&head.headers).map(|line| attributes(line, key_or_text)).collect();
    Ok(json!({ "set_cookie": set_cookie, "vary": vary(&head.headers) }))
}

async fn change(action: &str, session: &LazySession) -> TestResult {
    if action == "flush" {
        return Ok(session.flush().await?);
    }
    let session = session.load().await?;
    session.insert("b", &2)?;
    if let Some(seconds) = action.strip_prefix("write+expiry") {
        session.set_expiry(seconds.parse::<i64>()?)?;
    }
    Ok(())
}

/// Every `Set-Cookie` of a response.
pub(super) fn lines(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().expect("ASCII"))
}

/// A `Set-Cookie` by attribute: neither their order nor the case of their names counts. Keys are drawn at random, so
/// `kind` says what matters of the value.
pub(super) fn attributes<'a>(line: &'a str, kind: impl Fn(&'a str) -> &'a str) -> Value {
    let mut parts = line.split("; ").map(|part| part.split_once('=').unwrap_or((part, "")));
    let (name, value) = parts.next().expect("a cookie has a name");
    let attributes = parts.map(|(name, value)| (name.to_ascii_lowercase(), value.into()));
    let attributes: Map<String, Value> = attributes.collect();
    // An empty value may be quoted.
    json!({ "name": name, "value": kind(value.trim_matches('"')), "attributes": attributes })
}

fn key_or_text(value: &str) -> &str {
    if SessionKey::is_generated(value) { "a key" } else { value }
}
