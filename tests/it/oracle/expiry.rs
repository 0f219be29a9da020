//! `django_expiry.json`: what `set_expiry` stores, and the ages and dates that follow from it.

use jam_session::{Expiry, LazySession, Session, Settings};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{instant, ledger::Ledger, micros, name, only, scene::Scene, text};
use crate::support::{Moment, TestResult};

/// Where Django keeps the expiry, for values that `set_expiry` does not take here.
const EXPIRY_KEY: &str = "_session_expiry";

fn trace() -> TestResult<Value> {
    let trace: Value = serde_json::from_str(include_str!("../../data/django_expiry.json"))?;
    assert_eq!(instant(text(&trace, "now"))?, Moment::new().now());
    Ok(trace)
}

fn rows<'a>(trace: &'a Value, part: &str) -> &'a [Value] {
    trace[part].as_array().expect("a list of rows")
}

pub(super) async fn replay_set_expiry() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("expiry", 80);
    for row in rows(&trace()?, "set_expiry") {
        let mut settings = Settings::django();
        settings.expire_at_browser_close = row["SESSION_EXPIRE_AT_BROWSER_CLOSE"] == true;
        let scene = match row["USE_TZ"] == true {
            true => Scene::new(settings).await?,
            false => Scene::in_local_time(settings).await?,
        };
        let ours = scene.ask(None, async |session| observe(row, &session.load().await?)).await?;
        ledger.compare(name(row), &expected(row)?, &ours);
    }
    Ok(ledger)
}

fn expected(row: &Value) -> TestResult<Value> {
    let mut expected = only(row, &["stored", "age", "date", "at_browser_close", "modified"]);
    // In Python a bool is a number.
    if expected["age"] == true {
        expected["age"] = 1.into();
    }
    for field in ["age", "date"] {
        if expected[field].get("raises").is_some() {
            expected[field] = "wrong type".into();
        }
    }
    if let Some(date) = expected["date"].as_str().filter(|date| *date != "wrong type") {
        expected["date"] = micros(instant(date)?);
    }
    Ok(expected)
}

fn observe(row: &Value, session: &Session) -> TestResult<Value> {
    set(row, session)?;
    let stored = session.get::<Value>(EXPIRY_KEY)?;
    let wrong_type = |_| Value::from("wrong type");
    Ok(json!({
        "modified": session.modified(),
        "stored": stored,
        "age": session.get_expiry_age().map_or_else(wrong_type, seconds),
        "date": session.get_expiry_date().map_or_else(wrong_type, micros),
        "at_browser_close": session.get_expire_at_browser_close()?,
    }))
}

fn set(row: &Value, session: &Session) -> TestResult {
    let arg = &row["arg"];
    let number = || arg.as_f64().expect("a number");
    match text(row, "arg_kind") {
        "unset" => Ok(()),
        "none" => session.set_expiry(None),
        "int" => session.set_expiry(arg.as_i64().expect("a whole number")),
        "float" => session.set_expiry(Expiry::Idle(Duration::seconds_f64(number()))),
        "timedelta_s" => session.set_expiry(Duration::seconds_f64(number())),
        "dt" if text(row, "arg").contains('+') => session.set_expiry(instant(text(row, "arg"))?),
        // No type of ours becomes these, but a Django next door may have stored them.
        "bool" | "str" | "dt" => session.insert(EXPIRY_KEY, arg),
        kind => panic!("an argument without a replay: {kind}"),
    }?;
    Ok(())
}

fn seconds(age: Duration) -> Value {
    if age.subsec_nanoseconds() == 0 { age.whole_seconds().into() } else { age.as_seconds_f64().into() }
}

pub(super) async fn replay_keyword_arguments() -> TestResult<Ledger> {
    let mut ledger = Ledger::new("expiry, keyword arguments", 8);
    for row in rows(&trace()?, "kwargs") {
        let scene = Scene::new(Settings::django()).await?;
        let now = scene.moment.now();
        let ours = scene.ask(None, async |session| ask_with_arguments(text(row, "case"), &session, now).await).await?;
        let mut expected = only(row, &["age", "date", "accessed"]);
        expected["date"] = micros(instant(text(row, "date"))?);
        ledger.compare(name(row), &expected, &ours);
    }
    Ok(ledger)
}

async fn ask_with_arguments(case: &str, session: &LazySession, now: OffsetDateTime) -> TestResult<Value> {
    let earlier = Some(now - Duration::seconds(30));
    let later = Expiry::from(now + Duration::seconds(60));
    let (modification, expiry) = match case {
        "modification_only" => (earlier, None),
        "expiry_int" => (None, Some(60.into())),
        "expiry_int_mod" => (earlier, Some(60.into())),
        "expiry_none" => (None, Some(Expiry::Default)),
        "expiry_zero" => (None, Some(0.into())),
        "expiry_dt" => (None, Some(later)),
        "expiry_dt_mod" => (earlier, Some(later)),
        "expiry_dt_past_fraction" => (None, Some(Expiry::from(now - Duration::microseconds(1)))),
        case => panic!("a case without a replay: {case}"),
    };
    let (age, date) = match expiry {
        Some(expiry) => {
            (session.get_expiry_age_with(modification, expiry), session.get_expiry_date_with(modification, expiry))
        }
        None => {
            let session = session.load().await?;
            (session.get_expiry_age_with(modification, None)?, session.get_expiry_date_with(modification, None)?)
        }
    };
    Ok(json!({ "age": seconds(age), "date": micros(date), "accessed": session.accessed() }))
}
