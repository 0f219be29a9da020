//! Texts that a database may take for a live key: another case, accents, spaces behind, wide digits. No cookie and no
//! call of the store finds, changes or ends the session by one, nor what a cache has of it.

use std::time::Duration;

use jam_session::{
    CachedDbStore, DbStore, Draft, Driver, LocMemCache, SessionData, SessionKey, SessionLayer, SessionStore,
    sqlx::{self, AssertSqlSafe, Executor, IntoArguments, MySql, Pool},
};
use time::OffsetDateTime;

use super::{ask, recognized};
use crate::support::{TestResult, databases, key_in, site, visitor};

/// What may be taken for `key` by somebody who compares texts as people do.
fn aliases(key: &str) -> Vec<String> {
    let map = |change: &dyn Fn(char) -> char| key.chars().map(change).collect::<String>();
    let first = |letter: char, other: &str| key.replacen(letter, other, 1);
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
    let mut all = vec![
        key.to_uppercase(),
        map(&|c| if c.is_ascii_digit() { wide(c) } else { c }),
        map(&|c| if c.is_ascii_alphabetic() { wide(c) } else { c }),
        // Digits of other scripts, and superscripts.
        map(&|c| c.to_digit(10).and_then(|n| char::from_u32(0x660 + n)).unwrap_or(c)),
        map(&|c| if c == '2' { '²' } else { c }),
    ];
    all.extend("abcdefghijklmnopqrstuvwxyz".chars().flat_map(|c| {
        let wide = wide(c).to_string();
        [c.to_ascii_uppercase().to_string(), wide, format!("{c}\u{301}"), format!("{c}\u{200d}")]
            .map(|to| first(c, &to))
    }));
    all.extend(
        [
            ("a", "á"),
            ("e", "é"),
            ("o", "ö"),
            ("n", "ñ"),
            ("u", "ü"),
            ("i", "ı"),
            ("s", "ſ"),
            ("c", "ç"),
            ("k", "\u{212a}"),
        ]
        .map(|(letter, other)| key.replace(letter, other)),
    );
    all.extend(
        [" ", "  ", "\t", "\u{a0}", "\u{3000}", "\u{200b}", "\u{ad}", "\u{301}"].map(|behind| format!("{key}{behind}")),
    );
    all.extend(["\u{200b}", "\u{feff}", "\u{ad}"].map(|before| format!("{before}{key}")));
    all.retain(|alias| alias != key);
    all
}

/// A store that finds nothing by an alias, in front of which `warm` may have put a cache.
async fn aliases_find_nothing<S: SessionStore + Clone>(place: &str, store: S) -> TestResult {
    let site = site(SessionLayer::new(store.clone()));
    let cookie = visitor(&site).await;
    let key = key_in(&cookie);
    let now = OffsetDateTime::now_utc();
    let mut counted = 0;
    for alias in aliases(key.as_str()) {
        let fields = [format!("sessionid={alias}").into_bytes()];
        // A space behind is no part of a cookie's value.
        if alias.trim_end_matches(' ') != key.as_str() {
            assert!(!recognized(&site, &fields).await, "{place}: {alias:?}");
            for path in ["/count", "/cycle", "/flush", "/flush-lazily"] {
                assert!(ask(&site, path, &fields).await.status().is_success(), "{place}: {alias:?}");
            }
        }
        if let Ok(alias) = SessionKey::parse(&alias) {
            store_finds_nothing(&store, &alias, &key, now).await.map_err(|error| format!("{place}: {error}"))?;
        }
        counted += 1;
    }
    assert!(recognized(&site, &[cookie.into_bytes()]).await, "{place}: the session itself");
    println!("hostile: {counted} aliases of a live key, 0 found it ({place})");
    Ok(())
}

/// Calls of the store with an alias that is a key: it has no session, and takes none along.
async fn store_finds_nothing<S: SessionStore>(
    store: &S,
    alias: &SessionKey,
    live: &SessionKey,
    now: OffsetDateTime,
) -> TestResult {
    assert!(store.load(alias, now).await?.is_none());
    assert!(!store.exists(alias).await?);
    store.delete(alias).await?;
    let mut loaded = store.load(live, now).await?.ok_or("the live session")?;
    let before = loaded.session_data.clone();
    loaded.session_key = alias.clone();
    let draft = Draft::new(SessionData::default(), now + Duration::from_secs(600));
    let _ = store.save(&loaded, &draft, now).await?;
    let _ = store.touch(&loaded, now + Duration::from_secs(900), now).await?;
    let live = store.load(live, now).await?.ok_or("the live session, after the alias was ended")?;
    assert!(live.session_data == before);
    assert!(store.load(alias, now).await?.is_none());
    Ok(())
}

/// The table itself, and the table behind a cache.
async fn on<DB: Driver>(place: &str, pool: &Pool<DB>) -> TestResult {
    let store = DbStore::<DB>::new(pool.clone());
    store.migrate().await?;
    aliases_find_nothing(place, store.clone()).await?;
    aliases_find_nothing(&format!("{place}, cached"), CachedDbStore::new(store, LocMemCache::new())).await
}

/// The same on a table whose keys are compared as `alter` says; `alias` is how somebody who compares as the column
/// does finds a row.
async fn altered<DB: Driver>(place: &str, pool: &Pool<DB>, alter: &str) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    DbStore::<DB>::new(pool.clone()).migrate().await?;
    sqlx::raw_sql(AssertSqlSafe(alter.to_owned())).execute(pool).await?;
    on(place, pool).await
}

#[tokio::test]
async fn no_alias_finds_a_session_on_sqlite() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    on("SQLite", &scratch.pool).await
}

#[tokio::test]
async fn no_alias_finds_a_session_on_sqlite_without_case() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let table = "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY COLLATE NOCASE, \
                 session_data text NOT NULL, expire_date datetime NOT NULL); \
                 CREATE INDEX by_date ON django_session (expire_date)";
    sqlx::raw_sql(table).execute(&scratch.pool).await?;
    on("SQLite NOCASE", &scratch.pool).await
}

#[tokio::test]
async fn no_alias_finds_a_session_on_postgres() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    on("PostgreSQL", &scratch.pool).await
}

async fn on_mariadb(collation: &str, folds: bool) -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    let alter = format!("ALTER TABLE django_session CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}");
    altered(&format!("MariaDB {collation}"), &scratch.pool, &alter).await?;
    assert_eq!(folds_case(&scratch.pool).await?, folds, "what the collation is here for");
    Ok(())
}

/// Whether the column itself finds a key by its capitals and spaces.
async fn folds_case(pool: &Pool<MySql>) -> TestResult<bool> {
    let key: String = sqlx::query_scalar("SELECT session_key FROM django_session LIMIT 1").fetch_one(pool).await?;
    let found = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM django_session WHERE session_key = ?");
    Ok(found.bind(format!("{}  ", key.to_uppercase())).fetch_one(pool).await? == 1)
}

#[tokio::test]
async fn no_alias_finds_a_session_on_mariadb_general_ci() -> TestResult {
    on_mariadb("utf8mb4_general_ci", true).await
}

#[tokio::test]
async fn no_alias_finds_a_session_on_mariadb_unicode_ci() -> TestResult {
    on_mariadb("utf8mb4_unicode_ci", true).await
}

#[tokio::test]
async fn no_alias_finds_a_session_on_mariadb_bin() -> TestResult {
    on_mariadb("utf8mb4_bin", false).await
}
