//! `django_db_rows.json` and `django_db_boundary.json`: the column `expire_date`, and who is past it.

use jam_session::{Limits, SessionKey, SessionStore as _, Settings, Signer, sqlx};
use serde_json::{Map, Value, json};
use time::Duration;

use super::{ledger::Ledger, name, only, scene::Scene, text, trace};
use crate::support::{Moment, TestResult};

const DB_ROWS: &str = include_str!("../../data/django_db_rows.json");

pub(super) async fn replay_dates() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("db_rows, dates", 18);
    for row in trace(DB_ROWS)? {
        let ours = write(&row).await?;
        ledger.compare(name(&row), &only(&row, &["expire_date_text", "loads_now"]), &ours);
    }
    Ok(ledger)
}

/// What a row says, and, where it is not compressed, how it is written.
pub(super) fn replay_signed_data() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("db_rows, session_data", 18);
    let signer = Signer::new("django-insecure-0123456789abcdefghijklmnopqrstuvwxyz!@#$%");
    let dicts = trace(include_str!("../../data/django_json_dicts.json"))?;
    let shape = |text: &str| if text.starts_with('.') { "compressed".to_owned() } else { text.to_owned() };
    for row in trace(DB_ROWS)? {
        let stored = text(&row, "session_data");
        let dict = dicts.iter().find(|dict| dict["name"] == row["dict"]).ok_or("a dictionary of this name")?;
        let django = json!({ "data": dict["json"], "session_data": shape(stored) });
        let raw = signer.loads(stored, &Limits::default())?;
        let written = signer.dumps(&raw, Moment::new().now());
        let ours = json!({ "data": String::from_utf8(raw)?, "session_data": shape(&written) });
        ledger.compare(name(&row), &django, &ours);
    }
    Ok(ledger)
}

/// The data behind the short name of a row.
fn data(row: &Value) -> Map<String, Value> {
    let data = match text(row, "dict") {
        "ascii" => json!({ "cat": "dog" }),
        "auth" => json!({ "_auth_user_id": "42" }),
        "expiry_int" => json!({ "a": 1, "_session_expiry": 300 }),
        "expiry_zero" => json!({ "a": 1, "_session_expiry": 0 }),
        "expiry_negative" => json!({ "a": 1, "_session_expiry": -10 }),
        "expiry_iso_utc" => json!({ "a": 1, "_session_expiry": "2023-11-15T22:13:20.250000+00:00" }),
        dict => panic!("a dictionary without a replay: {dict}"),
    };
    data.as_object().expect("an object").clone()
}

async fn write(row: &Value) -> TestResult<Value> {
    let scene = Scene::new(Settings::django()).await?;
    let micros = row["now_us"].as_i64().expect("microseconds");
    scene.moment.advance(Duration::microseconds(micros - i64::from(Moment::new().now().microsecond())));
    let store = async |session: jam_session::LazySession| {
        let session = session.load().await?;
        session.update(data(row))?;
        session.save().await?;
        Ok(session.session_key())
    };
    let key = scene.ask(None, store).await?.ok_or("a saved session has a key")?;

    let date = sqlx::query_scalar::<_, String>("SELECT expire_date FROM django_session");
    let date = date.fetch_one(scene.store.pool()).await?;
    let loads = scene.layer.open(&key).await?.session_key().is_some();
    Ok(json!({ "expire_date_text": date, "loads_now": loads }))
}

pub(super) async fn replay_boundary() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("db_boundary", 3);
    for row in trace(include_str!("../../data/django_db_boundary.json"))? {
        let left = match text(&row, "expire_date") {
            "1us_before_now" => Duration::microseconds(-1),
            "exactly_now" => Duration::ZERO,
            "1us_after_now" => Duration::microseconds(1),
            date => panic!("a date without a replay: {date}"),
        };
        let expected = only(&row, &["load", "key_after_load", "exists", "removed_by_clear_expired"]);
        ledger.compare(name(&row), &expected, &look_up(left).await?);
    }
    Ok(ledger)
}

async fn look_up(left: Duration) -> TestResult<Value> {
    let key = SessionKey::parse("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk")?;
    let scene = Scene::new(Settings::django()).await?;
    scene.seed(key.as_str(), r#"{"a":1}"#, left).await?;
    let session = scene.layer.open(&key).await?;
    Ok(json!({
        "load": serde_json::from_str::<Value>(&session.session_data().to_json())?,
        "key_after_load": session.session_key().as_ref().map(SessionKey::as_str),
        "exists": scene.layer.exists(&key).await?,
        "removed_by_clear_expired": scene.store.clear_expired(scene.moment.now()).await? == 1,
    }))
}
