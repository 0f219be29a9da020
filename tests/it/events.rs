//! The security events: each once, as the table of `jam_session::events` has it.

use std::{future::pending, time::Duration};

use http::{HeaderValue, Request, header};
use jam_session::{
    DbStore, MemoryStore, Session, SessionLayer, SignedCookieStore, Signer, SqliteStore, UserSession,
    management::clear_expired_every, sqlx,
};
use tower::ServiceExt as _;

use crate::support::{
    Log, Moment, Op, Probe, TestResult, cookie_of, databases, key_in, page, request, send, site, visitor,
};

const SOURCE: &str = include_str!("../../src/events/mod.rs");
const CODE: &str = concat!(include_str!("../../src/events/rare.rs"), include_str!("../../src/events/told.rs"));
const TESTS: &str = concat!(include_str!("events.rs"), include_str!("management/task.rs"));
const KEY: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// A row of the table.
struct Row {
    levels: Vec<&'static str>,
    fields: Vec<&'static str>,
}

fn table() -> Vec<(&'static str, Row)> {
    let lines = SOURCE.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let rows = lines.filter(|line| !line.starts_with("jam_session_")).map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let fields = cells[2].split(['`', ' ']).filter(|field| !field.is_empty()).collect();
        (cells[0].trim_end_matches('`'), Row { levels: cells[1].split(", ").collect(), fields })
    });
    rows.collect()
}

/// The names of a line's fields but for `message`, and what `name` is.
fn fields(line: &str) -> Vec<(&str, &str)> {
    let words = line.split(' ').filter_map(|word| word.split_once('='));
    words.filter(|(name, _)| *name != "message").collect()
}

/// The lines of one event.
fn heard(log: &Log, event: &str) -> Vec<String> {
    let is_it = |line: &String| fields(line).contains(&("event", event));
    log.take().into_iter().filter(is_it).collect()
}

/// Insists that this event was heard once, at the level of the table and with its fields.
#[track_caller]
pub(crate) fn once(log: &Log, event: &str) -> String {
    let lines = heard(log, event);
    assert_eq!(lines.len(), 1, "{event}: {lines:?}");
    let table = table();
    let (_, row) = table.iter().find(|(name, _)| *name == event).expect("the table has every event");
    let mut expected = vec!["event"];
    expected.extend(&row.fields);
    // The one of this minute.
    if row.levels.len() > 1 {
        expected.push("more_since_the_last_line");
    }
    let has = fields(&lines[0]);
    assert_eq!(has.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expected, "{}", lines[0]);
    assert!(lines[0].starts_with(&format!("{} jam_session: ", row.levels[0])), "{}", lines[0]);
    for (name, value) in has.iter().filter(|(name, _)| name.ends_with("fingerprint")) {
        assert!(value.len() == 8 && value.bytes().all(|b| b.is_ascii_hexdigit()), "{name}: {value}");
    }
    lines[0].clone()
}

#[test]
fn the_table_has_what_the_code_and_the_tests_have() {
    let code: String = CODE.lines().filter(|line| !line.contains("//") && !line.contains("count!(")).collect();
    let said = code.matches("rare!(").count() + code.matches("target: TARGET, event = \"").count();
    let table = table();

    assert!(table.len() >= 12);
    assert_eq!(said, table.len());
    for (event, _) in &table {
        assert_eq!(code.matches(&format!("\"{event}\"")).count(), 1, "{event}");
        assert!(TESTS.contains(&format!("once(&log, \"{event}\")")), "{event} has no test");
    }
}

#[tokio::test]
async fn a_malformed_key() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let (log, _listening) = Log::of_this_thread();

    send(&site, "/count", &format!("sessionid={}", KEY.to_uppercase())).await;

    assert!(once(&log, "malformed_key").contains("bytes=32"));
    Ok(())
}

#[tokio::test]
async fn two_cookies() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let (log, _listening) = Log::of_this_thread();

    let sent = (0..5).map(|n| format!("sessionid={n:0>32}")).collect::<Vec<_>>().join("; ");
    send(&site, "/count", &sent).await;

    once(&log, "duplicate_cookie");
    Ok(())
}

#[tokio::test]
async fn a_key_of_another_layer() -> TestResult {
    struct Admin;
    let store = MemoryStore::new();
    let cookie = visitor(&site(SessionLayer::new(store.clone()))).await;
    let admins = SessionLayer::new(store).named::<Admin>();
    let (log, _listening) = Log::of_this_thread();

    let session = admins.open(&key_in(&cookie)).await?;

    assert_eq!(session.session_key(), None);
    let fingerprint = key_in(&cookie).fingerprint();
    assert!(once(&log, "other_layer").contains(&format!("fingerprint={fingerprint}")));
    Ok(())
}

#[tokio::test]
async fn a_stale_twin() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let cookie = visitor(&site).await;
    let (log, _listening) = Log::of_this_thread();

    send(&site, "/count", &format!("sessionid={KEY}; {cookie}")).await;

    once(&log, "stale_twin");
    Ok(())
}

#[tokio::test]
async fn more_cookies_than_are_looked_at() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let (log, _listening) = Log::of_this_thread();

    send(&site, "/count", &format!("sessionid={KEY}; other={}", "x".repeat(20_000))).await;

    once(&log, "too_many_cookies");
    Ok(())
}

#[tokio::test]
async fn an_unknown_key() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let cookie = format!("sessionid={KEY}");
    let (log, _listening) = Log::of_this_thread();

    send(&site, "/untouched", &cookie).await;
    assert!(log.take().is_empty(), "nobody asked for the session");
    send(&site, "/count", &cookie).await;

    let fingerprint = key_in(&cookie).fingerprint();
    assert!(once(&log, "unknown_key").contains(&format!("fingerprint={fingerprint}")));
    Ok(())
}

#[tokio::test]
async fn a_cookie_with_a_bad_signature() -> TestResult {
    let site = site(SessionLayer::new(SignedCookieStore::new(Signer::new("secret"))));
    let cookie = visitor(&site).await;
    let (log, _listening) = Log::of_this_thread();

    send(&site, "/read", &format!("{}AA", &cookie[..cookie.len() - 2])).await;

    once(&log, "bad_signature");
    Ok(())
}

#[tokio::test]
async fn a_row_that_does_not_decode() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let site = site(SessionLayer::new(store.clone()));
    let cookie = visitor(&site).await;
    sqlx::raw_sql("UPDATE django_session SET session_data = 'broken'").execute(store.pool()).await?;
    let (log, _listening) = Log::of_this_thread();

    send(&site, "/read", &cookie).await;
    once(&log, "undecodable");

    send(&site, "/read", &cookie).await;
    let lines = log.take();
    assert!(!lines.iter().any(|line| line.contains("unknown_key")), "{lines:?}");
    Ok(())
}

/// Insists that the event tells of both cookies' keys.
#[track_caller]
fn assert_tells_of(line: &str, old: &str, new: &str) {
    let expected = format!(" fingerprint={} old_fingerprint={}", key_in(new).fingerprint(), key_in(old).fingerprint());
    assert!(line.ends_with(&expected), "{line}");
}

#[tokio::test]
async fn a_new_key() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let old = visitor(&site).await;
    let (log, _listening) = Log::of_this_thread();

    let new = cookie_of(&send(&site, "/cycle", &old).await).ok_or("a new key")?;

    assert_tells_of(&once(&log, "cycled"), &old, &new);
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_renewed_because_of_its_age() -> TestResult {
    let moment = Moment::new();
    let layer = SessionLayer::new(MemoryStore::new()).clock(moment.clock()).renew_after(Duration::from_secs(900));
    let site = site(layer);
    let old = visitor(&site).await;
    moment.advance(time::Duration::minutes(16));
    let (log, _listening) = Log::of_this_thread();

    let new = cookie_of(&send(&site, "/read", &old).await).ok_or("a new key")?;

    assert_tells_of(&once(&log, "cycled"), &old, &new);
    Ok(())
}

#[tokio::test]
async fn a_logout() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    for path in ["/flush", "/flush-lazily"] {
        let cookie = visitor(&site).await;
        let (log, _listening) = Log::of_this_thread();

        send(&site, path, &cookie).await;
        let line = once(&log, "flushed");
        assert!(line.ends_with(&key_in(&cookie).fingerprint().to_string()), "{path}: {line}");

        send(&site, path, "").await;
        assert!(heard(&log, "flushed").is_empty(), "there was nothing to end");
    }
    Ok(())
}

#[tokio::test]
async fn sessions_that_are_ended_from_elsewhere() -> TestResult {
    let scratch = databases::sqlite().await.ok_or("SQLite is always there")?;
    let store: SqliteStore<UserSession> = DbStore::new(scratch.pool.clone());
    store.migrate().await?;
    let layer = SessionLayer::new(store.clone());
    for _ in 0..3 {
        let session = layer.create().await?;
        session.insert("_auth_user_id", "7")?;
        session.save().await?;
    }
    let key = layer.create().await?.session_key().ok_or("it is saved")?;
    let (log, _listening) = Log::of_this_thread();

    assert_eq!(store.user("7").revoke_all().await?, 3);
    assert!(once(&log, "revoked").ends_with("sessions=3"));
    assert_eq!(store.user("7").revoke_all().await?, 0);
    assert!(heard(&log, "revoked").is_empty());
    layer.delete(&key).await?;
    assert!(once(&log, "revoked").ends_with("sessions=1"));
    Ok(())
}

#[tokio::test]
async fn a_save_that_comes_too_late() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());
    let site = site(layer.clone());
    let cookie = visitor(&site).await;
    let session = layer.open(&key_in(&cookie)).await?;
    session.insert("late", &true)?;
    layer.delete(&key_in(&cookie)).await?;
    let (log, _listening) = Log::of_this_thread();

    assert!(session.save().await.is_err());

    assert!(once(&log, "interrupted").ends_with(&key_in(&cookie).fingerprint().to_string()));
    Ok(())
}

#[tokio::test]
async fn a_store_that_fails() -> TestResult {
    let store = Probe::new();
    let site = site(SessionLayer::new(store.clone()));
    for (op, path) in [
        (Op::Load, "/read"),
        (Op::Create, "/count"),
        (Op::Save, "/count"),
        (Op::Cycle, "/cycle"),
        (Op::Delete, "/flush"),
    ] {
        let cookie = if op == Op::Create { String::new() } else { visitor(&site).await };
        store.fail(&[op]);
        let (log, _listening) = Log::of_this_thread();

        assert_eq!(send(&site, path, &cookie).await.status(), 503, "{path}");

        let line = once(&log, "store_failure");
        assert!(line.contains(" error=the session store failed: the backend failed"), "{line}");
        store.heal();
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_clean_up() {
    let (log, _listening) = Log::of_this_thread();
    let period = Duration::from_secs(300);

    // It comes within the first minute, and not again within four.
    let never = tokio::time::timeout(period / 2, clear_expired_every(MemoryStore::new(), period, pending()));

    assert!(never.await.is_err());
    assert!(once(&log, "clean_up").ends_with("removed=0"));
}

#[tokio::test]
async fn what_anybody_can_cause_is_one_loud_line_a_minute() -> TestResult {
    let moment = Moment::new();
    let site = site(SessionLayer::new(MemoryStore::new()).clock(moment.clock()));
    let causes = [
        ("malformed_key", "sessionid=x".to_owned()),
        ("duplicate_cookie", (0..5).map(|n| format!("sessionid={n:0>32}")).collect::<Vec<_>>().join("; ")),
        ("unknown_key", format!("sessionid={KEY}")),
    ];
    for (event, cookie) in causes {
        let (log, _listening) = Log::of_this_thread();
        for _ in 0..100 {
            send(&site, "/read", &cookie).await;
        }
        let lines = heard(&log, event);
        assert_eq!(lines.len(), 100, "each request once");
        assert!(lines[1..].iter().all(|line| line.starts_with("DEBUG ")) && !lines[0].starts_with("DEBUG "), "{event}");

        moment.advance(time::Duration::MINUTE);
        send(&site, "/read", &cookie).await;
        assert!(heard(&log, event)[0].ends_with("more_since_the_last_line=99"), "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_too_large_and_a_store_that_refuses() -> TestResult {
    let large = page(SessionLayer::new(MemoryStore::new()), |session: Session| async move {
        session.insert("large", &"x".repeat(2 << 20))
    });
    let (log, _listening) = Log::of_this_thread();
    assert_eq!(send(&large, "/", "").await.status(), 500);
    let line = once(&log, "too_large");
    assert!(line.contains("error=the session is too large: the number of bytes of the session is 2097164"), "{line}");

    let site = site(SessionLayer::new(SqliteStore::connect("sqlite::memory:").await?));
    assert_eq!(send(&site, "/write", "").await.status(), 500);
    let line = once(&log, "refused");
    assert!(line.contains("error=the session store refused: the backend refused: there is no table"), "{line}");
    Ok(())
}

#[tokio::test]
async fn what_trying_again_does_not_cure_is_one_loud_line_a_minute() -> TestResult {
    let large = page(SessionLayer::new(MemoryStore::new()), |session: Session| async move {
        session.insert("large", &"x".repeat(2 << 20))
    });
    let no_table =
        page(SessionLayer::new(SqliteStore::connect("sqlite::memory:").await?), |session: Session| async move {
            session.insert("n", &1)
        });
    for (event, app) in [("too_large", large), ("refused", no_table)] {
        let (log, _listening) = Log::of_this_thread();
        for _ in 0..50 {
            assert_eq!(send(&app, "/", "").await.status(), 500, "{event}");
        }
        let lines = heard(&log, event);
        assert_eq!(lines.len(), 50, "{event}: each request once");
        let loud = lines.iter().filter(|line| !line.starts_with("DEBUG ")).count();
        assert_eq!((loud, lines[0].starts_with("ERROR ")), (1, true), "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_writes_nothing_into_the_log() -> TestResult {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let (log, _listening) = Log::of_this_thread();
    let mut sent = 0;
    for odd in [
        &b"one%0d%0aERROR forged line"[..],
        b"two\tERROR forged line",
        b"three\x9b31mERROR forged line",
        b"four\xc2\x85ERROR forged line",
        b"five\xe2\x80\xa8ERROR forged line",
        b"six\xff\xfe{}%s$(x)ERROR forged line",
    ] {
        let mut asked = request("/read", "");
        let cookie = [b"sessionid=", odd].concat();
        asked.headers_mut().insert(header::COOKIE, HeaderValue::from_bytes(&cookie)?);
        let asked: Request<_> = asked;
        let Ok(_) = site.clone().oneshot(asked).await;
        sent += 1;
    }

    let lines: Vec<_> = log.take().into_iter().filter(|line| line.contains("jam_session")).collect();
    println!("secrets: {sent} cookies that would write a line, {} lines, 0 of theirs", lines.len());
    assert_eq!(lines.len(), sent);
    assert!(lines.iter().all(|line| line.is_ascii() && !line.contains(char::is_control) && !line.contains("forged")));
    // What ends a line, or speaks to a terminal, does not get this far.
    for refused in ["a\r\nb", "a\nb", "a\x1b[31m", "a\0b", "a\x7fb"] {
        assert!(HeaderValue::from_str(refused).is_err() && jam_session::SessionKey::parse(refused).is_err());
    }
    Ok(())
}
