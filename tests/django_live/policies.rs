//! How long a session lives, and what its cookie says, whoever set its expiry and whoever answers the request.

use std::{collections::BTreeSet, convert::Infallible};

use http::{Request, Response, header};
use jam_session::{Driver, Expiry, LazySession, SessionLayer, Settings};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{
    django::text,
    site::{Site, key_of, micros},
    support::TestResult,
};

/// How long a session lives by default.
const COOKIE_AGE: Duration = Duration::weeks(2);

/// Settings of both sides, and what a request does.
#[derive(Debug, Clone, Copy)]
struct Rule {
    save_every_request: bool,
    expire_at_browser_close: bool,
    view: &'static str,
}

const RULES: [Rule; 5] = [
    Rule { save_every_request: false, expire_at_browser_close: false, view: "write" },
    Rule { save_every_request: true, expire_at_browser_close: false, view: "nothing" },
    Rule { save_every_request: true, expire_at_browser_close: false, view: "read" },
    Rule { save_every_request: false, expire_at_browser_close: true, view: "write" },
    Rule { save_every_request: true, expire_at_browser_close: true, view: "nothing" },
];

pub(crate) async fn of_both_sides<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let start = site.clock.now();
    // Older ones could not store a date in JSON.
    let dates = site.django.version >= (4, 1);
    let until =
        [Duration::seconds(1000), Duration::new(86_400 * 50, 999_999_000)].map(|after| Expiry::At(start + after));
    let numbers = [Expiry::Default, Expiry::AtBrowserClose, Expiry::from(300), Expiry::from(86_400 * 365)];
    let expiries: Vec<_> = numbers.into_iter().chain(until.into_iter().filter(|_| dates)).collect();
    for rule in RULES {
        configure(site, rule).await?;
        for expiry in &expiries {
            for ours in [false, true] {
                let key = make(site, *expiry, ours).await?;
                honoured(site, rule, *expiry, &key)
                    .await
                    .map_err(|error| format!("{}: {rule:?}, {expiry:?}, ours {ours}: {error}", site.name))?;
                site.stop_the_clock(start).await?;
            }
        }
    }
    configure(site, Rule { save_every_request: false, expire_at_browser_close: false, view: "read" }).await?;
    let kinds = if dates { "expiries, also dates," } else { "expiries, no dates," };
    site.report(format!("{} {kinds} under {} settings honoured by both", expiries.len(), RULES.len()));
    Ok(())
}

/// Django without time zones subtracts what clocks show, which is not how long something lasts when they are put back
/// in between. When a session ends is the same for both.
pub(crate) async fn across_the_change_of_clocks<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let winter = site.clock.now() + Duration::days(200);
    for ours in [false, true] {
        let key = make(site, Expiry::At(winter), ours).await?;
        let djangos = site.ask("expiry", json!({ "key": key })).await?;
        let session = site.open_session(&key).await?;
        assert_eq!(djangos["date"], micros(winter));
        assert_eq!(djangos["row"], micros(winter));
        assert_eq!((session.get_expiry_date()?, session.expire_date()), (winter, Some(winter)));
        assert_eq!(djangos["age"], (Duration::days(200) - Duration::HOUR).whole_seconds());
        assert_eq!(session.get_expiry_age()?, Duration::days(200));
    }
    Ok(())
}

async fn configure<DB: Driver>(site: &mut Site<DB>, rule: Rule) -> TestResult {
    let values = json!({
        "SESSION_SAVE_EVERY_REQUEST": rule.save_every_request,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": rule.expire_at_browser_close,
    });
    site.ask("configure", json!({ "values": values })).await?;
    Ok(())
}

/// A session with this expiry: its key.
async fn make<DB: Driver>(site: &mut Site<DB>, expiry: Expiry, ours: bool) -> TestResult<String> {
    if ours {
        let session = site.layer()?.create().await?;
        session.insert("a", &1)?;
        session.set_expiry(expiry)?;
        session.save().await?;
        return Ok(key_of(&session));
    }
    let key = text(&site.ask("create", json!({ "text": r#"{"a":1}"# })).await?).to_owned();
    let (seconds, at) = match expiry {
        Expiry::AtBrowserClose => (Some(0), None),
        Expiry::Idle(idle) => (Some(idle.whole_seconds()), None),
        Expiry::At(at) => (None, Some(micros(at))),
        _ => (None, None),
    };
    site.ask("set_expiry", json!({ "key": key, "seconds": seconds, "at": at })).await?;
    Ok(key)
}

async fn honoured<DB: Driver>(site: &mut Site<DB>, rule: Rule, expiry: Expiry, key: &str) -> TestResult {
    let mut settings = Settings::django();
    settings.save_every_request = rule.save_every_request;
    settings.expire_at_browser_close = rule.expire_at_browser_close;
    let start = site.clock.now();
    both_say(site, &settings, expiry, key, start).await?;

    let later = start + Duration::seconds(100);
    site.stop_the_clock(later).await?;
    let theirs = visit_django(site, key, rule).await?;
    both_say(site, &settings, expiry, key, later).await?;

    let later = later + Duration::seconds(100);
    site.stop_the_clock(later).await?;
    let ours = visit_us(&site.layer_with(settings.clone())?, key, rule).await?;
    both_say(site, &settings, expiry, key, later).await?;
    let again = visit_django(site, key, rule).await?;
    both_say(site, &settings, expiry, key, later).await?;

    let ours = ours.ok_or("our response sets no cookie")?;
    assert_eq!(attributes(&ours), attributes(&again), "{rule:?}, {expiry:?}: Set-Cookie");
    let at_browser_close = match expiry {
        Expiry::Default => rule.expire_at_browser_close,
        expiry => expiry == Expiry::AtBrowserClose,
    };
    for cookie in [theirs, ours] {
        assert_eq!(!cookie.contains("Max-Age"), at_browser_close, "{cookie}");
    }
    Ok(())
}

/// Age, date and cookie as both sides see them, and the row as it was saved at `saved`.
async fn both_say<DB: Driver>(
    site: &mut Site<DB>,
    settings: &Settings,
    expiry: Expiry,
    key: &str,
    saved: OffsetDateTime,
) -> TestResult {
    let djangos = site.ask("expiry", json!({ "key": key })).await?;
    let session = site.layer_with(settings.clone())?.open(&jam_session::SessionKey::parse(key)?).await?;
    let ours = json!({
        "age": session.get_expiry_age()?.whole_seconds(),
        "date": micros(session.get_expiry_date()?),
        "browser_close": session.get_expire_at_browser_close()?,
        "row": session.expire_date().map(micros),
    });
    assert_eq!(djangos, ours, "Django's view, and ours");
    assert_eq!(ours["row"], micros(expiry.date(saved, COOKIE_AGE)), "{expiry:?}: the row");
    Ok(())
}

/// The parts of a `Set-Cookie`, whose order and case mean nothing behind the first.
fn attributes(cookie: &str) -> BTreeSet<String> {
    cookie
        .split("; ")
        .map(|part| {
            part.split_once('=')
                .map_or_else(|| part.to_lowercase(), |(name, value)| format!("{}={value}", name.to_lowercase()))
        })
        .collect()
}

async fn visit_django<DB: Driver>(site: &mut Site<DB>, key: &str, rule: Rule) -> TestResult<String> {
    let cookies: Value = site.ask("visit", json!({ "key": key, "view": rule.view })).await?;
    assert_eq!(cookies.as_array().map(Vec::len), Some(1), "Django sets one cookie");
    Ok(text(&cookies[0]).to_owned())
}

/// A request to our side: its `Set-Cookie`.
async fn visit_us(layer: &SessionLayer, key: &str, rule: Rule) -> TestResult<Option<String>> {
    let service = service_fn(async |request: Request<()>| {
        let session = LazySession::of(request.extensions()).expect("the layer saw the request");
        match rule.view {
            "read" => drop(session.load().await.expect("the store works").get::<u8>("a")),
            "write" => session.load().await.expect("the store works").insert("a", &1).expect("it is not too late"),
            _ => {}
        }
        Ok::<_, Infallible>(Response::new(()))
    });
    let request = Request::builder().header(header::COOKIE, format!("sessionid={key}")).body(())?;
    let Ok(response) = layer.layer(service).oneshot(request).await;
    let cookie = response.headers().get(header::SET_COOKIE);
    Ok(cookie.map(|cookie| cookie.to_str().map(str::to_owned)).transpose()?)
}
