//! Whose sessions: listing and ending the sessions of one person, on every database.

use std::sync::{Arc, Mutex};

use http::header;
use jam_session::{
    DbStore, Driver, SessionEvent, SessionHandle, SessionKey, SessionLayer, SessionStore as _, UserSession,
    sqlx::{self, AssertSqlSafe, Pool},
};
use time::Duration;
use tower::{Service as _, ServiceExt as _};

use crate::support::{Moment, TestResult, databases};

type Store<DB> = DbStore<DB, UserSession>;

async fn store<DB: Driver>(pool: &Pool<DB>) -> TestResult<Store<DB>> {
    let store = Store::<DB>::new(pool.clone());
    store.migrate().await?;
    Ok(store)
}

/// Stores a session of `user` and gives its key.
async fn login<DB: Driver>(store: &Store<DB>, moment: &Moment, user: &str) -> TestResult<SessionKey> {
    let layer = SessionLayer::new(store.clone()).clock(moment.clock());
    let session = layer.create().await?;
    session.insert("_auth_user_id", user)?;
    session.save().await?;
    moment.advance(Duration::seconds(1));
    Ok(session.session_key().ok_or("a saved session has a key")?)
}

async fn lives<DB: Driver>(store: &Store<DB>, moment: &Moment, key: &SessionKey) -> TestResult<bool> {
    Ok(store.load(key, moment.now()).await?.is_some())
}

async fn sessions_are_listed_without_their_keys<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (store(pool).await?, Moment::new());
    let began = moment.now();
    let first = login(&store, &moment, "42").await?;
    let second = login(&store, &moment, "42").await?;
    login(&store, &moment, "4").await?;

    let list = store.user("42").list(Some(&first), moment.now()).await?;

    assert_eq!(list.iter().map(|info| info.is_current).collect::<Vec<_>>(), [false, true]);
    assert_eq!((list[1].created, list[1].last_seen), (began, began));
    assert_eq!(list[1].expire_date, began + Duration::days(14));
    assert_ne!(list[0].handle, list[1].handle);
    let told = format!("{list:?} {} {}", list[0].handle, list[1].handle);
    assert!(!told.contains(first.as_str()) && !told.contains(second.as_str()));
    assert_eq!(store.user("42").count(moment.now()).await?, 2);
    assert_eq!(store.user("42").count(moment.now() + Duration::days(14)).await?, 0, "expired sessions do not count");
    Ok(())
}

async fn a_session_is_ended_by_its_handle_and_only_by_its_user<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (store(pool).await?, Moment::new());
    let key = login(&store, &moment, "42").await?;
    let stranger = login(&store, &moment, "43").await?;
    let handle = store.user("42").list(None, moment.now()).await?[0].handle.clone();
    let from_form = SessionHandle::from(handle.to_string().as_str());

    assert!(!store.user("43").revoke(&from_form).await?);
    assert!(!store.user("42").revoke(&SessionHandle::from(key.as_str())).await?, "a key is no handle");
    assert!(lives(&store, &moment, &key).await?);

    assert!(store.user("42").revoke(&from_form).await?);
    assert!(!lives(&store, &moment, &key).await?);
    assert!(lives(&store, &moment, &stranger).await?);
    Ok(())
}

async fn all_others_are_ended_and_the_number_is_capped<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (store(pool).await?, Moment::new());
    let mut keys = Vec::new();
    for _ in 0..6 {
        keys.push(login(&store, &moment, "42").await?);
    }
    let stranger = login(&store, &moment, "43").await?;

    assert_eq!(store.user("42").limit(4, moment.now()).await?, 2);
    assert!(!lives(&store, &moment, &keys[0]).await? && !lives(&store, &moment, &keys[1]).await?, "the oldest go");
    assert_eq!(store.user("42").revoke_others(&keys[3]).await?, 3);
    assert!(lives(&store, &moment, &keys[3]).await?);
    assert_eq!(store.user("42").revoke_all().await?, 1);
    assert_eq!(store.user("42").revoke_all().await?, 0);
    assert!(lives(&store, &moment, &stranger).await?);
    Ok(())
}

async fn a_logout_takes_the_user_off_the_row_and_a_key_renewal_does_not<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (store(pool).await?, Moment::new());
    let key = login(&store, &moment, "42").await?;
    let layer = SessionLayer::new(store.clone()).clock(moment.clock());
    let session = layer.open(&key).await?;
    let before = store.user("42").list(None, moment.now()).await?;

    session.cycle_key()?;
    session.save().await?;
    let after = store.user("42").list(None, moment.now()).await?;
    assert_eq!((&after[0].handle, after[0].created), (&before[0].handle, before[0].created));
    assert_ne!(session.session_key(), Some(key));

    session.remove("_auth_user_id")?;
    session.save().await?;
    assert_eq!(store.user("42").count(moment.now()).await?, 0);
    Ok(())
}

async fn last_seen_moves_as_often_as_the_threshold_allows<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, moment) = (store(pool).await?, Moment::new());
    let key = login(&store, &moment, "42").await?;
    let layer =
        SessionLayer::new(store.clone()).clock(moment.clock()).refresh_threshold(std::time::Duration::from_secs(60));
    let service = tower::service_fn(|request: http::Request<String>| async move {
        jam_session::LazySession::of(request.extensions())?.load().await?;
        Ok::<_, jam_session::Error>(http::Response::new(String::new()))
    });
    let mut service = tower::ServiceBuilder::new().layer(layer).service(service);
    let mut visit = async || -> TestResult<time::OffsetDateTime> {
        let request = http::Request::builder().header(header::COOKIE, format!("sessionid={}", key.as_str()));
        service.ready().await?.call(request.body(String::new())?).await?;
        Ok(store.user("42").list(None, moment.now()).await?[0].last_seen)
    };
    let first = visit().await?;

    moment.advance(Duration::seconds(30));
    assert_eq!(visit().await?, first);

    moment.advance(Duration::seconds(30));
    assert_eq!(visit().await?, moment.now());
    Ok(())
}

async fn the_application_is_told_whose_sessions_begin_and_end<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (moment, told) = (Moment::new(), Arc::new(Mutex::new(Vec::new())));
    let hook = Arc::clone(&told);
    let store = store(pool).await?.on_event(move |event| hook.lock().expect("no panic").push(event));
    let layer = SessionLayer::new(store.clone()).clock(moment.clock());
    let take = || std::mem::take(&mut *told.lock().expect("no panic"));
    let ended = |id: &str| SessionEvent::Ended { user_id: Some(id.to_owned()) };

    let key = login(&store, &moment, "1").await?;
    assert_eq!(take(), [SessionEvent::Created { user_id: None }]);
    layer.delete(&key).await?;
    assert_eq!(take(), [ended("1")]);
    layer.delete(&key).await?;
    assert_eq!(take(), [], "there was nothing to end");

    for user in ["2", "2", "3"] {
        login(&store, &moment, user).await?;
    }
    take();
    store.user("2").revoke_all().await?;
    assert_eq!(take(), [ended("2"), ended("2")]);
    assert_eq!(store.clear_expired(moment.now() + Duration::days(15)).await?, 1);
    assert_eq!(take(), [SessionEvent::Expired { user_id: Some("3".to_owned()) }]);
    Ok(())
}

async fn of_100_sessions_in_a_large_table_99_are_ended_through_the_index<DB: Driver>(
    pool: &Pool<DB>,
    rows: &str,
    explain: impl AsyncFn(&str) -> TestResult<String>,
) -> TestResult {
    let (store, moment) = (store(pool).await?, Moment::new());
    // One statement fills the table: 100,000 sessions of 1,000 users, all live.
    DB::execute(pool, rows.into(), DB::Arguments::default()).await?;
    let mine = SessionKey::parse(&format!("k{:031}", 7))?;

    let plan = explain("DELETE FROM user_session WHERE user_id = '7' AND session_key <> 'x'").await?;
    let ended = store.user("7").revoke_others(&mine).await?;

    println!("sessions: revoke_others removed {ended} of 100 sessions in 100,000 rows; plan: {plan}");
    assert_eq!(ended, 99);
    assert!(lives(&store, &moment, &mine).await?);
    assert!(plan.contains("user_session_user_id"), "{plan}");
    Ok(())
}

const COLUMNS: &str = "session_key, session_data, expire_date, user_id, handle, created, last_seen";

crate::support::databases::on_every_database! {
    sessions_are_listed_without_their_keys
    a_session_is_ended_by_its_handle_and_only_by_its_user
    all_others_are_ended_and_the_number_is_capped
    a_logout_takes_the_user_off_the_row_and_a_key_renewal_does_not
    last_seen_moves_as_often_as_the_threshold_allows
    the_application_is_told_whose_sessions_begin_and_end
}

#[tokio::test]
async fn on_sqlite_the_index_finds_the_sessions_of_a_user() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let rows = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) \
         INSERT INTO user_session ({COLUMNS}) SELECT printf('k%031d', i), '{{}}', '2099-01-01 00:00:00.000000', \
         i % 1000, printf('h%031d', i), '2020-01-01 00:00:00.000000', '2020-01-01 00:00:00.000000' FROM n"
    );
    let explain = async |sql: &str| -> TestResult<String> {
        let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let row: (i64, i64, i64, String) = sqlx::query_as(sql).fetch_one(&scratch.pool).await?;
        Ok(row.3)
    };
    of_100_sessions_in_a_large_table_99_are_ended_through_the_index(&scratch.pool, &rows, explain).await
}

#[tokio::test]
async fn on_postgres_the_index_finds_the_sessions_of_a_user() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let rows = format!(
        "INSERT INTO user_session ({COLUMNS}) SELECT 'k' || lpad(i::text, 31, '0'), '{{}}', '2099-01-01', \
         (i % 1000)::text, 'h' || lpad(i::text, 31, '0'), '2020-01-01', '2020-01-01' FROM generate_series(0, 99999) i"
    );
    let explain = async |sql: &str| -> TestResult<String> {
        sqlx::raw_sql("ANALYZE user_session").execute(&scratch.pool).await?;
        let lines: Vec<(String,)> =
            sqlx::query_as(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(&scratch.pool).await?;
        Ok(lines.into_iter().map(|(line,)| line).collect::<Vec<_>>().join(" / "))
    };
    of_100_sessions_in_a_large_table_99_are_ended_through_the_index(&scratch.pool, &rows, explain).await
}

#[tokio::test]
async fn on_mariadb_the_index_finds_the_sessions_of_a_user() -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    let rows = format!(
        "INSERT INTO user_session ({COLUMNS}) SELECT CONCAT('k', LPAD(seq, 31, '0')), '{{}}', '2099-01-01', \
         seq % 1000, CONCAT('h', LPAD(seq, 31, '0')), '2020-01-01', '2020-01-01' FROM seq_0_to_99999"
    );
    let explain = async |sql: &str| -> TestResult<String> {
        use sqlx::Row as _;
        // As the store writes it: the parameter is cast, never the column.
        let sql = sql.replace("'7'", "CAST('7' AS BINARY)").replace("'x'", "CAST('x' AS BINARY)");
        let row = sqlx::query(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_one(&scratch.pool).await?;
        Ok(format!("key {:?}", row.try_get::<Option<String>, _>("key")?))
    };
    of_100_sessions_in_a_large_table_99_are_ended_through_the_index(&scratch.pool, &rows, explain).await
}

#[tokio::test]
async fn address_and_browser_are_recorded_only_when_that_is_asked_for() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let store = store(&scratch.pool).await?;
    let moment = Moment::new();
    let service = tower::service_fn(|request: http::Request<String>| async move {
        let session = jam_session::LazySession::of(request.extensions())?.load().await?;
        session.insert("_auth_user_id", "42")?;
        Ok::<_, jam_session::Error>(http::Response::new(String::new()))
    });
    let plain = SessionLayer::new(store.clone()).clock(moment.clock());
    let recording = plain.clone().record_user_agent(true).record_ip(|headers, _| {
        headers.get("x-real-ip").and_then(|ip| ip.to_str().ok()).and_then(|ip| ip.parse().ok())
    });

    for layer in [plain, recording] {
        let request = http::Request::builder().header(header::USER_AGENT, "Lynx/2.9").header("x-real-ip", "192.0.2.7");
        tower::ServiceBuilder::new().layer(layer).service(service).oneshot(request.body(String::new())?).await?;
        moment.advance(Duration::seconds(1));
    }

    let list = store.user("42").list(None, moment.now()).await?;
    assert_eq!((list[0].ip.as_deref(), list[0].user_agent.as_deref()), (Some("192.0.2.7"), Some("Lynx/2.9")));
    assert_eq!((list[1].ip.as_deref(), list[1].user_agent.as_deref()), (None, None));
    Ok(())
}
