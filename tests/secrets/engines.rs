//! All engines live through all of it, while everything that is logged is kept.

use std::{str::FromStr as _, time::Duration};

use jam_session::{
    CacheStore, CachedDbStore, DbStore, FileStore, HashKeys, LocMemCache, MemoryStore, MySqlStore, PickleSerializer,
    PostgresStore, RedisCache, SignedCookieStore, Signer, SqliteStore, UserSession,
    sqlx::{
        self, ConnectOptions as _, SqlitePool,
        mysql::{MySqlConnectOptions, MySqlPoolOptions},
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::SqliteConnectOptions,
    },
};
use time::OffsetDateTime;
use tracing::log::LevelFilter;

use crate::{
    TestResult,
    kept::Kept,
    life::{live, live_under, told},
    over_http,
    redis_server::Server,
    support::{Log, databases},
};

const DAMAGE: &str = "UPDATE django_session SET session_data = 'broken'";
const DROP: &str = "DROP TABLE django_session";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_any_crate_logs_on_any_engine_contains_a_secret() -> TestResult {
    let (log, kept) = (Log::of_all_threads(), Kept::default());

    live(&kept, MemoryStore::new(), async || Ok(()), async || Ok(())).await?;
    sqlite(&kept).await?;
    postgres(&kept).await?;
    mariadb(&kept).await?;
    redis(&kept).await?;
    file(&kept).await?;
    cookies(&kept).await?;
    of_users(&kept).await?;
    over_http::visit(&kept).await?;
    passwords(&kept).await;

    let lines = log.take();
    let found = kept.found_in(&lines);
    println!("secrets: {} lines at TRACE, {} keys, {} found", lines.len(), kept.count(), found.len());
    assert!(found.is_empty(), "{found:#?}");
    assert!(lines.len() > 500 && kept.count() > 300);
    for heard in ["sqlx::query: ", "slow", "TRACE", "table `django_session`", "the cache of sessions fails"] {
        assert!(lines.iter().any(|line| line.contains(heard)), "not heard: {heard}");
    }
    Ok(())
}

#[tokio::test]
async fn the_search_would_find_a_key() -> TestResult {
    let (log, kept) = (Log::of_all_threads(), Kept::default());
    let planted = kept.invented();

    tracing::trace!(target: "somebody", "the key is {planted}");

    assert_eq!(kept.found_in(&log.take()).len(), 1);
    Ok(())
}

/// Every statement counts as slow, so that what is said of slow ones is heard.
async fn slow_sqlite(url: &str) -> TestResult<SqlitePool> {
    let options = SqliteConnectOptions::from_str(url)?.log_slow_statements(LevelFilter::Warn, Duration::ZERO);
    Ok(SqlitePool::connect_with(options).await?)
}

/// Plain rows, signed ones, pickles, behind a cache, on the way to hashed keys, and where all of them are.
async fn sqlite(kept: &Kept) -> TestResult {
    let signer = || Signer::new(kept.invented());
    for engine in ["plain", "signed", "pickled", "cached", "migrating", "hashed"] {
        let Some(scratch) = databases::sqlite().await else { return Ok(()) };
        let pool = slow_sqlite(&scratch.url).await?;
        let store: SqliteStore = DbStore::new(pool.clone());
        store.migrate().await?;
        let damage = async || Ok(sqlx::raw_sql(DAMAGE).execute(&pool).await.map(drop)?);
        let destroy = async || Ok(sqlx::raw_sql(DROP).execute(&pool).await.map(drop)?);
        match engine {
            "signed" => live(kept, store.signing(signer()), damage, destroy).await?,
            "pickled" => {
                live(kept, store.signing(signer()).serializer(PickleSerializer::default()), damage, destroy).await?;
            }
            "migrating" => live_under(HashKeys::Migrating, kept, store, damage, destroy).await?,
            "hashed" => live_under(HashKeys::On, kept, store, damage, destroy).await?,
            "cached" => live(kept, CachedDbStore::new(store, LocMemCache::new()), damage, destroy).await?,
            _ => live(kept, store, damage, destroy).await?,
        }
    }
    Ok(())
}

/// Its connections are broken in the end, not its table alone.
async fn postgres(kept: &Kept) -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let name = scratch.url.rsplit("%3D").next().ok_or("a schema")?;
    let options = PgConnectOptions::from_str(&scratch.url)?.application_name(name);
    let options = options.log_slow_statements(LevelFilter::Warn, Duration::ZERO);
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await?;
    let store: PostgresStore = DbStore::new(pool.clone());
    store.migrate().await?;
    // What the server says of a row that it refuses quotes the row.
    let refuse = "ALTER TABLE django_session ADD CHECK (session_data NOT LIKE '%saved%')";
    sqlx::raw_sql(refuse).execute(&pool).await?;
    let damage = async || Ok(sqlx::raw_sql(DAMAGE).execute(&pool).await.map(drop)?);
    let destroy = async || {
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        sqlx::query(kill).bind(name).execute(&scratch.pool).await?;
        sqlx::raw_sql(DROP).execute(&scratch.pool).await?;
        Ok(())
    };
    live(kept, store, damage, destroy).await
}

async fn mariadb(kept: &Kept) -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    let options = MySqlConnectOptions::from_str(&scratch.url)?.log_slow_statements(LevelFilter::Warn, Duration::ZERO);
    let pool = MySqlPoolOptions::new().max_connections(4).connect_with(options).await?;
    let store: MySqlStore = DbStore::new(pool.clone());
    store.migrate().await?;
    let damage = async || Ok(sqlx::raw_sql(DAMAGE).execute(&pool).await.map(drop)?);
    let destroy = async || Ok(sqlx::raw_sql(DROP).execute(&pool).await.map(drop)?);
    live(kept, store, damage, destroy).await
}

/// In Redis alone, and in a table before which it stands: until it is killed.
async fn redis(kept: &Kept) -> TestResult {
    for cached in [false, true] {
        let Some(mut server) = Server::start(&[])? else { return Ok(()) };
        let cache = RedisCache::connect(&server.url())?;
        if cached {
            let Some(scratch) = databases::sqlite().await else { return Ok(()) };
            let table: SqliteStore = DbStore::new(slow_sqlite(&scratch.url).await?);
            table.migrate().await?;
            let destroy = async || {
                server.kill();
                Ok(())
            };
            live(kept, CachedDbStore::new(table, cache), async || Ok(()), destroy).await?;
        } else {
            let port = server.port;
            let spoil = || -> TestResult {
                for key in crate::redis_server::cli(port, &["keys", "*"])?.lines() {
                    crate::redis_server::cli(port, &["set", key, "broken"])?;
                }
                Ok(())
            };
            let destroy = async || {
                server.kill();
                Ok(())
            };
            live(kept, CacheStore::new(cache), async || spoil(), destroy).await?;
        }
    }
    Ok(())
}

async fn file(kept: &Kept) -> TestResult {
    let parent = tempfile::tempdir()?;
    let directory = parent.path().join("sessions");
    let damage = async || {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_file() {
                std::fs::write(path, "broken")?;
            }
        }
        Ok(())
    };
    let destroy = async || Ok(std::fs::remove_dir_all(&directory)?);
    live(kept, FileStore::new(&directory)?, damage, destroy).await
}

async fn cookies(kept: &Kept) -> TestResult {
    let signer = || Signer::new(kept.invented()).fallbacks([kept.invented()]);
    for store in [SignedCookieStore::new(signer()), SignedCookieStore::encrypted(signer())] {
        live(kept, store, async || Ok(()), async || Ok(())).await?;
    }
    Ok(())
}

/// Sessions that are ended from elsewhere.
async fn of_users(kept: &Kept) -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let store: SqliteStore<UserSession> = DbStore::new(slow_sqlite(&scratch.url).await?);
    store.migrate().await?;
    let layer = jam_session::SessionLayer::new(store.clone());
    let now = OffsetDateTime::now_utc();
    for _ in 0..3 {
        let session = layer.create().await?;
        session.insert("_auth_user_id", "7")?;
        session.insert("password", &kept.invented())?;
        session.save().await?;
        kept.note(session.session_key().ok_or("a key")?.as_str());
    }
    let user = store.user("7");
    let list = user.list(None, now).await?;
    tracing::debug!(?list, ?user, "an application prints it");
    assert!(user.revoke(&list[0].handle).await?);
    assert_eq!((user.limit(1, now).await?, user.revoke_all().await?), (1, 1));
    Ok(())
}

/// What stands in a URL.
async fn passwords(kept: &Kept) {
    let password = kept.invented();
    told(PostgresStore::connect(&format!("postgres://nobody:{password}@127.0.0.1:5432/nowhere")).await);
    told(MySqlStore::connect(&format!("mysql://nobody:{password}@127.0.0.1:3306/nowhere")).await);
    for url in ["redis://nobody:{}@127.0.0.1:1/0", "mongodb://nobody:{}@localhost", "{}"] {
        if let Some(store) = told(jam_session::connect(&url.replace("{}", &password)).await) {
            let layer = jam_session::SessionLayer::new(store);
            tracing::debug!(?layer, session = ?told(layer.create().await), "an application prints it");
        }
    }
}
