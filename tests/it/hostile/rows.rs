//! A row is made by a write of the application, and by nothing that a client can send.

use jam_session::{SessionLayer, SqliteStore, sqlx};

use super::ask;
use crate::support::{TestResult, databases, site, visitor};

const REQUESTS: usize = 5_000;

/// The `n`th cookie that is no session's: a key that nobody has, or no key at all.
fn unknown(n: usize) -> Vec<u8> {
    format!("sessionid={n:032}").into_bytes()
}

fn malformed(n: usize) -> Vec<u8> {
    format!("sessionid={n:031}É").into_bytes()
}

#[tokio::test]
async fn no_read_no_logout_and_no_unknown_key_makes_a_row() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let store: SqliteStore = SqliteStore::new(scratch.pool.clone());
    store.migrate().await?;
    let site = site(SessionLayer::new(store));
    visitor(&site).await;
    let rows = || sqlx::query_scalar::<_, i64>("SELECT count(*) FROM django_session").fetch_one(&scratch.pool);
    let before = rows().await?;

    for (what, path, cookie) in [
        ("reads without a cookie", "/read", None),
        ("reads with unknown keys", "/read", Some(unknown as fn(usize) -> Vec<u8>)),
        ("reads with malformed keys", "/read", Some(malformed)),
        ("logouts without a cookie", "/flush", None),
        ("logouts with unknown keys", "/flush", Some(unknown)),
        ("logouts with malformed keys", "/flush", Some(malformed)),
        ("lazy logouts with unknown keys", "/flush-lazily", Some(unknown)),
    ] {
        for n in 0..REQUESTS {
            let fields: Vec<_> = cookie.iter().map(|cookie| cookie(n)).collect();
            assert_eq!(ask(&site, path, &fields).await.status(), 200);
        }
        let added = rows().await? - before;
        println!("hostile: {REQUESTS} {what}, +{added} rows");
        assert_eq!(added, 0, "{what}");
    }
    ask(&site, "/write", &[unknown(0)]).await;
    assert_eq!(rows().await?, before + 1, "a write does make one");
    Ok(())
}

#[tokio::test]
async fn a_row_that_a_write_makes_never_has_the_key_that_the_client_sent() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let store: SqliteStore = SqliteStore::new(scratch.pool.clone());
    store.migrate().await?;
    let site = site(SessionLayer::new(store));

    for n in 0..100 {
        ask(&site, "/write", &[unknown(n)]).await;
        ask(&site, "/cycle-and-write", &[unknown(n)]).await;
    }
    let keys: Vec<String> =
        sqlx::query_scalar("SELECT session_key FROM django_session").fetch_all(&scratch.pool).await?;
    assert_eq!(keys.len(), 200);
    assert!(keys.iter().all(|key| !key.starts_with("0000000000")));
    Ok(())
}
