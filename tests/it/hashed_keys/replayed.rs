//! What is stored, sent as a cookie.

use http::StatusCode;
use jam_session::{
    Draft, SqliteStore,
    sqlx::{self, Row as _},
};

use super::{spy::Spy, *};
use crate::support::{Moment, send, site, text};

const SESSIONS: usize = 10_000;

/// Every row of a table, in the order of the keys.
async fn rows(store: &SqliteStore) -> TestResult<Vec<[String; 3]>> {
    let sql = "SELECT session_key, session_data, expire_date FROM django_session ORDER BY session_key";
    let rows = sqlx::query(sql).fetch_all(store.pool()).await?;
    Ok(rows.iter().map(|row| [row.get(0), row.get(1), row.get(2)]).collect())
}

#[tokio::test]
async fn nothing_that_is_stored_is_accepted_as_a_cookie() -> TestResult {
    let store: SqliteStore = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let moment = Moment::new();
    let layer = |hash_keys| SessionLayer::new(store.clone()).clock(moment.clock()).hash_keys(hash_keys);
    let draft = Draft::new(r#"{"user":7}"#.parse()?, moment.now() + time::Duration::days(1));
    let on = store_of(&layer(HashKeys::On));
    for number in 0..SESSIONS {
        on.create(&SessionKey::parse(&format!("{number:0>32}"))?, &draft, moment.now()).await?;
    }
    let before = rows(&store).await?;
    assert_eq!(before.len(), SESSIONS);
    assert!(before.iter().all(|[key, ..]| is_hash(key)));

    let mut accepted = 0;
    for hash_keys in [HashKeys::On, HashKeys::Migrating, HashKeys::MigratingBack] {
        let site = site(layer(hash_keys));
        for [stored, ..] in &before {
            let cookie = format!("sessionid={stored}");
            let read = send(&site, "/read", &cookie).await;
            let flushed = send(&site, "/flush-lazily", &cookie).await;
            assert_eq!((read.status(), flushed.status()), (StatusCode::OK, StatusCode::OK));
            accepted += usize::from(text(read).await != "[]");
        }
    }

    let changed = before.iter().zip(rows(&store).await?).filter(|(before, after)| *before != after).count();
    println!("hashed keys: {SESSIONS} stored values replayed, {accepted} accepted, {changed} rows changed");
    assert_eq!((accepted, changed, rows(&store).await?.len()), (0, 0, SESSIONS));
    // The keys themselves do open their sessions.
    let known = send(&site(layer(HashKeys::On)), "/read", &format!("sessionid={:0>32}", 7)).await;
    assert_eq!(text(known).await, r#"["user"]"#);
    Ok(())
}

#[tokio::test]
async fn a_stored_value_is_no_key_for_any_operation_whatever_the_store_accepts() -> TestResult {
    for hash_keys in [HashKeys::On, HashKeys::Migrating, HashKeys::MigratingBack] {
        let (table, moment) = (Spy::default(), Moment::new());
        let layer = SessionLayer::new(table.clone()).clock(moment.clock()).hash_keys(HashKeys::On);
        let key = layer.create().await?.session_key().ok_or("it is stored")?;
        let (layer, stored) = (layer.hash_keys(hash_keys), key.hashed());
        assert!(table.exists(&stored).await?, "under the hash alone");

        assert!(!store_of(&layer).accepts(stored.as_str()) && store_of(&layer).accepts(key.as_str()));
        assert!(store_of(&layer).load(&stored, moment.now()).await?.is_none());
        assert!(layer.open(&stored).await?.session_key().is_none());
        assert!(!layer.exists(&stored).await?);
        layer.delete(&stored).await?;

        assert_eq!(table.take().iter().filter(|asked| *asked == stored.as_str()).count(), 2, "not by these");
        assert!(layer.exists(&key).await? && layer.open(&key).await?.session_key() == Some(key));
    }
    Ok(())
}
