//! axum_session. Variants: `store` (without its memory cache), `memory` (with it, which is how it ships).

use std::{fmt::Debug, str::FromStr as _};

use axum::{
    Router,
    routing::{get, post},
};
use axum_session::{DatabasePool, Session, SessionConfig, SessionLayer, SessionMode, SessionStore};
use axum_session_sqlx::{SessionMySqlPool, SessionPgPool, SessionSqlitePool};
use bench_common::{
    AGE, BoxError, COOKIE, PAYLOAD, POOL,
    payload::{COUNTER, THEME},
    run, shown,
};
use sqlx::{
    mysql::MySqlPoolOptions,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use time::Duration;

async fn read<P: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<P>) -> String {
    shown(session.get(COUNTER), session.get::<String>(THEME).as_deref())
}

async fn write<P: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<P>) -> String {
    let visits = session.get::<u64>(COUNTER).unwrap_or(0) + 1;
    session.set(COUNTER, visits);
    visits.to_string()
}

async fn new<P: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<P>) -> &'static str {
    session.set_store(true);
    for (name, value) in PAYLOAD.iter() {
        session.set(name, value);
    }
    "0"
}

async fn login<P: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<P>) -> &'static str {
    session.renew();
    "ok"
}

async fn logout<P: DatabasePool + Clone + Debug + Send + Sync + 'static>(session: Session<P>) -> &'static str {
    session.destroy();
    "ok"
}

async fn router<P>(pool: P, variant: &str) -> Result<Router, BoxError>
where
    P: DatabasePool + Clone + Debug + Send + Sync + 'static,
{
    let age = Duration::try_from(AGE)?;
    // Sessions are stored once the application says so: the mode with which visitors without one cost it least.
    let config = SessionConfig::default().with_mode(SessionMode::OptIn).with_session_name(COOKIE).with_secure(false);
    let config = config.with_prefix_with_host(false).with_ip_and_user_agent(false);
    let config = config.with_lifetime(age).with_max_age(Some(age));
    let config = match variant {
        "store" => config.with_memory_lifetime(Duration::ZERO),
        "memory" => config,
        _ => return Err(format!("no variant {variant:?}").into()),
    };
    let store = SessionStore::new(Some(pool), config).await?;
    let router = Router::new().route("/untouched", get(async || "ok")).route("/read", get(read::<P>));
    let router = router.route("/write", post(write::<P>)).route("/new", post(new::<P>));
    let router = router.route("/login", post(login::<P>)).route("/logout", post(logout::<P>));
    Ok(router.layer(SessionLayer::new(store)))
}

fn main() -> Result<(), BoxError> {
    run(async |setup| match setup.database.split(':').next().unwrap_or_default() {
        "sqlite" => {
            let options = SqliteConnectOptions::from_str(&setup.database)?.create_if_missing(true);
            let options = options.journal_mode(SqliteJournalMode::Wal);
            let pool = SqlitePoolOptions::new().max_connections(POOL).connect_with(options).await?;
            router(SessionSqlitePool::from(pool), &setup.variant).await
        }
        "mysql" => {
            let pool = MySqlPoolOptions::new().max_connections(POOL).connect(&setup.database).await?;
            router(SessionMySqlPool::from(pool), &setup.variant).await
        }
        _ => {
            let pool = PgPoolOptions::new().max_connections(POOL).connect(&setup.database).await?;
            router(SessionPgPool::from(pool), &setup.variant).await
        }
    })
}
