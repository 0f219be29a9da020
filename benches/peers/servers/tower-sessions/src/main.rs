//! tower-sessions, the newest version that has a published sqlx store. Variants: `store`, and its caching store with
//! `moka` (in the process) or `redis` before the database.

use std::str::FromStr as _;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use bench_common::{
    AGE, BoxError, CACHED, COOKIE, PAYLOAD, POOL, Setup,
    payload::{COUNTER, THEME},
    run, shown,
};
use sqlx::{
    mysql::MySqlPoolOptions,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use tower_sessions::{
    CachingSessionStore, Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::{SameSite, time::Duration},
    session::Error,
};
use tower_sessions_moka_store::MokaStore;
use tower_sessions_redis_store::{
    RedisStore,
    fred::{
        interfaces::ClientLike as _,
        prelude::{Config, Pool},
    },
};
use tower_sessions_sqlx_store::{MySqlStore, PostgresStore, SqliteStore};

fn failed(_error: Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn read(session: Session) -> Result<String, StatusCode> {
    let visits = session.get(COUNTER).await.map_err(failed)?;
    let theme: Option<String> = session.get(THEME).await.map_err(failed)?;
    Ok(shown(visits, theme.as_deref()))
}

async fn write(session: Session) -> Result<String, StatusCode> {
    let visits = session.get::<u64>(COUNTER).await.map_err(failed)?.unwrap_or(0) + 1;
    session.insert(COUNTER, visits).await.map_err(failed)?;
    Ok(visits.to_string())
}

async fn new(session: Session) -> Result<&'static str, StatusCode> {
    for (name, value) in PAYLOAD.iter() {
        session.insert_value(name, value.clone()).await.map_err(failed)?;
    }
    Ok("0")
}

async fn login(session: Session) -> Result<&'static str, StatusCode> {
    session.cycle_id().await.map_err(failed)?;
    Ok("ok")
}

async fn logout(session: Session) -> Result<&'static str, StatusCode> {
    session.flush().await.map_err(failed)?;
    Ok("ok")
}

fn router(store: impl SessionStore + Clone) -> Router {
    let sessions = SessionManagerLayer::new(store)
        .with_name(COOKIE)
        .with_secure(false)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::seconds(AGE.as_secs() as i64)));
    let router = Router::new().route("/untouched", get(async || "ok")).route("/read", get(read));
    let router = router.route("/write", post(write)).route("/new", post(new));
    router.route("/login", post(login)).route("/logout", post(logout)).layer(sessions)
}

/// The store, or with a cache before it.
async fn over(store: impl SessionStore + Clone, setup: &Setup) -> Result<Router, BoxError> {
    Ok(match setup.variant.as_str() {
        "store" => router(store),
        "moka" => router(CachingSessionStore::new(MokaStore::new(Some(CACHED.into())), store)),
        "redis" => {
            let pool = Pool::new(Config::from_url(&setup.redis)?, None, None, None, POOL as usize)?;
            pool.connect();
            pool.wait_for_connect().await?;
            router(CachingSessionStore::new(RedisStore::new(pool), store))
        }
        variant => return Err(format!("no variant {variant:?}").into()),
    })
}

fn main() -> Result<(), BoxError> {
    run(async |setup| match setup.database.split(':').next().unwrap_or_default() {
        "sqlite" => {
            let options = SqliteConnectOptions::from_str(&setup.database)?.create_if_missing(true);
            let options = options.journal_mode(SqliteJournalMode::Wal);
            let store = SqliteStore::new(SqlitePoolOptions::new().max_connections(POOL).connect_with(options).await?);
            store.migrate().await?;
            over(store, &setup).await
        }
        "mysql" => {
            let store = MySqlStore::new(MySqlPoolOptions::new().max_connections(POOL).connect(&setup.database).await?);
            // Its table is in a schema of its own name unless it is told one, and ours is dropped at the end.
            let schema = setup.database.rsplit('/').next().unwrap_or_default();
            let store = store.with_schema_name(schema)?;
            store.migrate().await?;
            over(store, &setup).await
        }
        _ => {
            let store = PostgresStore::new(PgPoolOptions::new().max_connections(POOL).connect(&setup.database).await?);
            store.migrate().await?;
            over(store, &setup).await
        }
    })
}
