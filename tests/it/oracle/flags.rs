//! `django_flags.json`: one operation on a fresh session, and what it left behind.

use jam_session::{Error, LazySession, Session, SessionKey, SessionStore as _, Settings};
use serde_json::{Map, Value, json};
use time::Duration;

use super::{ledger::Ledger, micros, name, only, scene::Scene, text, trace};
use crate::support::TestResult;

const SHORT_KEY: &str = "short12";
const OLD_KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const OTHER_KEY: &str = "oooooooooooooooooooooooooooooooo";
const DATA: &str = r#"{"a":1,"l":[1],"testcookie":"worked","_session_expiry":300}"#;

/// What a call answered, or Django's name for its error.
type Answer = Result<Value, String>;

/// What the operation was done on, and left its flags on.
enum Subject {
    /// The session of the request.
    Request(LazySession),
    /// A session of its own, which the layer opened.
    Opened(Session),
}

pub(super) async fn replay() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("flags", 292);
    for row in trace(include_str!("../../data/django_flags.json"))? {
        // An asynchronous twin is the same method here, and no other operation begins with an "a".
        let op = text(&row, "op");
        let op = op.strip_prefix('a').unwrap_or(op);
        if matches!(op, "iter" | "len" | "bool") {
            ledger.compare(name(&row), &json!({ "method": op }), &json!({ "method": "none" }));
            continue;
        }
        let scene = Scene::new(Settings::django()).await?;
        let cookie = match text(&row, "start") {
            "no_key" => None,
            "short_key" => Some(SHORT_KEY),
            _ => Some(OLD_KEY),
        };
        if text(&row, "start") == "valid_key" {
            scene.seed(OLD_KEY, DATA, Duration::minutes(5)).await?;
        }
        let cookie = cookie.map(|key| format!("sessionid={key}"));
        let ours = scene.ask(cookie.as_deref(), async |session| perform(op, session, &scene).await).await?;
        ledger.compare(name(&row), &expected(&row, &ours)?, &ours);
    }
    Ok(ledger)
}

/// What Django did, as far as it can be seen here.
fn expected(row: &Value, ours: &Value) -> TestResult<Value> {
    let mut row = row.clone();
    if text(&row, "op").ends_with("get_expiry_date") {
        row["returns"] = micros(super::instant(text(&row, "returns"))?);
    }
    if let Some(exception) = row["raises"].as_str() {
        row["raises"] = exception.rsplit('.').next().into();
    }
    // Data that was not in memory is read from a table where it is no longer.
    if row["cache"].is_null() {
        row["cache"] = "{}".into();
    }
    let seen = ["loaded", "cache"].into_iter().filter(|&field| ours.get(field).is_some());
    let always = ["returns", "raises", "accessed", "modified", "key", "rows", "old_row_exists"];
    Ok(only(&row, &always.into_iter().chain(seen).collect::<Vec<_>>()))
}

async fn perform(op: &str, session: LazySession, scene: &Scene) -> TestResult<Value> {
    let (subject, answer) = call(op, session, scene).await?;
    let mut fields = Map::new();
    match answer {
        Ok(value) => fields.insert("returns".into(), value),
        Err(exception) => fields.insert("raises".into(), exception.into()),
    };
    let (accessed, modified, key) = match &subject {
        Subject::Request(session) => (session.accessed(), session.modified(), session.session_key()),
        Subject::Opened(session) => (session.accessed(), session.modified(), session.session_key()),
    };
    let rows = scene.rows().await?;
    fields.insert("accessed".into(), accessed.into());
    fields.insert("modified".into(), modified.into());
    fields.insert("key".into(), label(key.as_ref()).into());
    fields.insert("rows".into(), rows.len().into());
    fields.insert("old_row_exists".into(), rows.contains_key(OLD_KEY).into());
    match subject {
        Subject::Request(session) => look_into_memory(&mut fields, &session, scene).await?,
        // It is loaded by its very type; Django's `load` keeps nothing of what it answers.
        Subject::Opened(_) if op == "load_direct" => {}
        Subject::Opened(session) => drop(fields.insert("cache".into(), session.session_data().to_json().into())),
    }
    Ok(Value::Object(fields))
}

/// Whether data are in memory shows when they are gone from the table: a session that is loaded still has them, and
/// its key. Without a key nothing tells a loaded session from one that has nothing to load.
async fn look_into_memory(fields: &mut Map<String, Value>, session: &LazySession, scene: &Scene) -> TestResult {
    let key = session.session_key();
    if let Some(key) = &key {
        scene.store.delete(key).await?;
    }
    let loaded = session.load().await?;
    if key.is_some() {
        fields.insert("loaded".into(), loaded.session_key().is_some().into());
    }
    fields.insert("cache".into(), loaded.session_data().to_json().into());
    Ok(())
}

fn label(key: Option<&SessionKey>) -> &'static str {
    match key.map(SessionKey::as_str) {
        None => "none",
        Some(OLD_KEY) => "same",
        Some(_) => "new",
    }
}

async fn call(op: &str, session: LazySession, scene: &Scene) -> TestResult<(Subject, Answer)> {
    if op == "create" {
        return Ok((Subject::Opened(scene.layer.create().await?), Ok(Value::Null)));
    }
    if op == "load_direct"
        && let Some(key) = session.session_key()
    {
        let opened = scene.layer.open(&key).await?;
        // Asking a copy: to look at the data is to access the session.
        let data = scene.layer.open(&key).await?.session_data();
        return Ok((Subject::Opened(opened), Ok(serde_json::from_str(&data.to_json())?)));
    }
    let answer = match without_loading(op, &session, scene).await? {
        Some(value) => Ok(value),
        None => on_session(op, &session.load().await?).await.map_err(|error| exception(&error)),
    };
    Ok((Subject::Request(session), answer))
}

fn exception(error: &Error) -> String {
    match error {
        Error::MissingKey { .. } => "KeyError".into(),
        Error::SessionInterrupted => "UpdateError".into(),
        error => error.to_string(),
    }
}

/// What needs no loaded session, here or there.
async fn without_loading(op: &str, session: &LazySession, scene: &Scene) -> TestResult<Option<Value>> {
    let other = SessionKey::parse(OTHER_KEY)?;
    Ok(Some(match op {
        "is_empty" => json!(session.is_empty()),
        "session_key" => json!(session.session_key().is_some()),
        "get_expiry_age_given" => json!(session.get_expiry_age_with(None, 5.into()).whole_seconds()),
        "get_session_cookie_age" => json!(session.get_session_cookie_age().whole_seconds()),
        "flush" => json!(session.flush().await?),
        // A client without a key of ours has nothing that could be looked up.
        "load_direct" => json!({}),
        "delete" => match session.session_key() {
            Some(key) => json!(scene.layer.delete(&key).await?),
            None => Value::Null,
        },
        "delete_other" => json!(scene.layer.delete(&other).await?),
        "exists_other" => json!(scene.layer.exists(&other).await?),
        // Django does not say how many it removed.
        "clear_expired" => {
            scene.store.clear_expired(scene.moment.now()).await?;
            Value::Null
        }
        _ => return Ok(None),
    }))
}

async fn on_session(op: &str, session: &Session) -> Result<Value, Error> {
    Ok(match op {
        "clear" => json!(session.clear()?),
        // The key is renewed when the session is saved; Django does it at once.
        "cycle_key" => {
            session.cycle_key()?;
            json!(session.save().await?)
        }
        "save" | "save_must_create" => json!(session.save().await?),
        "set_expiry_0" => json!(session.set_expiry(0)?),
        "set_expiry_10" => json!(session.set_expiry(10)?),
        "set_expiry_none" => json!(session.set_expiry(None)?),
        "get_expiry_age" => json!(session.get_expiry_age()?.whole_seconds()),
        "get_expiry_date" => micros(session.get_expiry_date()?),
        "get_expire_at_browser_close" => json!(session.get_expire_at_browser_close()?),
        "set_test_cookie" => json!(session.set_test_cookie()?),
        "test_cookie_worked" => json!(session.test_cookie_worked()),
        "delete_test_cookie" => there(session.delete_test_cookie()?)?,
        _ => on_dictionary(op, session)?,
    })
}

fn on_dictionary(op: &str, session: &Session) -> Result<Value, Error> {
    Ok(match op {
        "get" => json!(session.get::<Value>("a")?),
        "get_missing" => session.get("missing")?.unwrap_or(json!("dflt")),
        "contains" | "has_key" => json!(session.contains_key("a")),
        "getitem" => session.require("a")?,
        "getitem_missing" => session.require("missing")?,
        "setitem" | "set" => json!(session.insert("n", &1)?),
        "delitem" => there(session.remove("a")?)?,
        "delitem_missing" => there(session.remove("missing")?)?,
        "pop" => found(session.pop("a")?)?,
        "pop_missing" => found(session.pop("missing")?)?,
        "pop_missing_default" => json!(session.pop::<Value>("missing")?),
        "setdefault_existing" => session.setdefault("a", json!(9))?,
        "setdefault_new" => session.setdefault("n", json!(9))?,
        "update_empty" => json!(session.update::<&str, i32>([])?),
        "update" => json!(session.update([("n", 1)])?),
        "keys" => json!(session.keys()),
        "values" => session.values().iter().map(|raw| raw.get::<Value>().expect("JSON")).collect(),
        "items" => session.items().iter().map(|(key, raw)| json!([key, raw.get::<Value>().expect("JSON")])).collect(),
        "nested_mutation" => {
            let mut list: Vec<i32> = session.get("l")?.unwrap_or_default();
            json!(list.push(2))
        }
        _ => panic!("an operation without a replay: {op}"),
    })
}

/// Where Django raises a `KeyError`, the caller here is told.
fn there(was_there: bool) -> Result<Value, Error> {
    if was_there { Ok(Value::Null) } else { found(None) }
}

fn found(value: Option<Value>) -> Result<Value, Error> {
    value.ok_or_else(|| Error::MissingKey { key: "missing".into() })
}
