//! `django_middleware.json`: one request, by cookie, view, status and `save_every_request`.

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use jam_session::{LazySession, SessionKey, Settings};
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration;

use super::{
    cookies::{attributes, lines, vary},
    ledger::Ledger,
    name, only,
    scene::Scene,
    text, trace,
};
use crate::support::TestResult;

/// Two weeks: long enough for a session that is not to expire.
const ALIVE: Duration = Duration::weeks(2);
/// What stands in a row that was tampered with; Django reads it as no data.
const TAMPERED: &str = "tampered";

pub(super) async fn replay() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("middleware", 272);
    for row in trace(include_str!("../../data/django_middleware.json"))? {
        ledger.compare(name(&row), &expected(&row)?, &replay_row(&row).await?);
    }
    Ok(ledger)
}

fn expected(row: &Value) -> TestResult<Value> {
    let table: BTreeMap<String, Value> = serde_json::from_value(row["rows_after"].clone())?;
    let table = table.into_iter().map(|(key, data)| (key, text(&data, "json").to_owned())).collect();
    if row.get("raises").is_some() {
        // The exception leaves the middleware and becomes a response without any header of a session.
        return Ok(json!({ "status": 400, "set_cookie": [], "rows_after": by_kind(row, &table) }));
    }
    let mut expected = only(row, &["status", "vary"]);
    let lines: Vec<&str> = Deserialize::deserialize(&row["set_cookie"])?;
    expected["set_cookie"] = lines.into_iter().map(|line| attributes(line, |key| kind(row, &table, key))).collect();
    expected["rows_after"] = by_kind(row, &table);
    Ok(expected)
}

/// The table with `same` for the key of the request and `new` for any other.
fn by_kind(row: &Value, table: &BTreeMap<String, String>) -> Value {
    let data = |data: &str| if data == TAMPERED { "{}".into() } else { data.into() };
    Value::Object(table.iter().map(|(key, text)| (kind(row, table, key).to_owned(), data(text))).collect())
}

/// What a cookie's value is to this request.
fn kind<'a>(row: &'a Value, table: &BTreeMap<String, String>, value: &'a str) -> &'a str {
    match value {
        "" => "nothing",
        key if row["request_cookie"] == key => "same",
        key if table.contains_key(key) => "new",
        key => key,
    }
}

async fn replay_row(row: &Value) -> TestResult<Value> {
    let mut settings = Settings::django();
    settings.save_every_request = row["save_every_request"] == true;
    let scene = Scene::new(settings).await?;
    let key = row["request_cookie"].as_str();
    seed(text(row, "cookie"), key.unwrap_or_default(), &scene).await?;

    let status = StatusCode::from_u16(u16::try_from(row["status"].as_u64().expect("a status"))?)?;
    let view = async |session: LazySession| {
        let mut response = Response::new(Some(act(text(row, "view"), &session, key, &scene).await));
        *response.status_mut() = status;
        response
    };
    let cookie = key.map(|key| format!("sessionid={key}"));
    let (head, body) = scene.serve(cookie.as_deref(), view).await?.into_parts();
    body.transpose()?;

    let table = scene.rows().await?;
    let set_cookie = lines(&head.headers).map(|line| attributes(line, |key| kind(row, &table, key)));
    let mut ours = json!({
        "status": head.status.as_u16(),
        "set_cookie": set_cookie.collect::<Value>(),
        "rows_after": by_kind(row, &table),
    });
    if head.status != StatusCode::BAD_REQUEST {
        ours["vary"] = vary(&head.headers);
    }
    // Whatever else differs: what cannot be decoded is deleted on demand, but never written over.
    if let (Some("tampered_row"), Some(data)) = (row["cookie"].as_str(), key.and_then(|key| table.get(key))) {
        assert_eq!(data, TAMPERED, "{}", name(row));
    }
    Ok(ours)
}

async fn seed(cookie: &str, key: &str, scene: &Scene) -> TestResult {
    match cookie {
        "valid" => scene.seed(key, r#"{"a":1}"#, ALIVE).await,
        "expired" => scene.seed(key, r#"{"a":1,"_session_expiry":-10}"#, Duration::seconds(-10)).await,
        "tampered_row" => {
            scene.seed(key, r#"{"a":1}"#, ALIVE).await?;
            scene.tamper(TAMPERED).await
        }
        _ => Ok(()),
    }
}

async fn act(view: &str, lazy: &LazySession, sent: Option<&str>, scene: &Scene) -> TestResult {
    match view {
        "nothing" => {}
        "is_empty" => drop(lazy.is_empty()),
        "set_modified" => lazy.set_modified()?,
        "row_delete" => {
            if let Some(key) = lazy.session_key() {
                scene.layer.delete(&key).await?;
            }
        }
        "flush" => lazy.flush().await?,
        "flush_write" => {
            lazy.flush().await?;
            lazy.load().await?.insert("n", &1)?;
        }
        "read" => drop(lazy.load().await?.get::<Value>("a")?),
        "write" => lazy.load().await?.insert("b", &2)?,
        "write_then_pop_all" => {
            let session = lazy.load().await?;
            session.insert("b", &2)?;
            for key in session.keys() {
                session.pop::<Value>(&key)?;
            }
        }
        "clear" => lazy.load().await?.clear()?,
        "cycle_key" => lazy.load().await?.cycle_key()?,
        "write_row_deleted_elsewhere" => {
            let session = lazy.load().await?;
            if let Some(key) = sent {
                scene.layer.delete(&SessionKey::parse(key)?).await?;
            }
            session.insert("b", &2)?;
        }
        view => panic!("a view without a replay: {view}"),
    }
    Ok(())
}
