//! This crate. Variants: `plain`, `signed` (rows in Django's signed form), and with a cache before the database:
//! `locmem`, `redis`, and `listen`, which is `locmem` that hears of other processes' changes (PostgreSQL).

use axum::{
    Router,
    routing::{get, post},
};
use bench_common::{
    AGE, BoxError, COOKIE, PAYLOAD, POOL, Setup,
    payload::{COUNTER, THEME},
    run, shown,
};
use jam_session::{
    CachedDbStore, DbStore, Driver, Error, LazySession, LocMemCache, MySqlStore, PostgresStore, RedisCache, Session,
    SessionLayer, SessionStore, Signer, SqliteStore,
};

async fn read(session: Session) -> Result<String, Error> {
    let theme: Option<String> = session.get(THEME)?;
    Ok(shown(session.get(COUNTER)?, theme.as_deref()))
}

async fn write(session: Session) -> Result<String, Error> {
    let visits = session.modify(COUNTER, |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(visits.to_string())
}

async fn new(session: Session) -> Result<&'static str, Error> {
    session.update(PAYLOAD.iter().map(|(name, value)| (name, value)))?;
    Ok("0")
}

async fn login(session: Session) -> Result<&'static str, Error> {
    session.cycle_key()?;
    Ok("ok")
}

async fn logout(session: LazySession) -> Result<&'static str, Error> {
    session.flush().await?;
    Ok("ok")
}

fn router(store: impl SessionStore) -> Router {
    let sessions = SessionLayer::new(store).cookie_name(COOKIE).cookie_secure(false).cookie_age(AGE);
    let router = Router::new().route("/untouched", get(async || "ok")).route("/read", get(read));
    let router = router.route("/write", post(write)).route("/new", post(new));
    router.route("/login", post(login)).route("/logout", post(logout)).layer(sessions)
}

fn signer() -> Signer {
    Signer::new("a secret key of fifty characters, as Django has it")
}

/// The variants that any database has.
async fn over<DB: Driver>(store: DbStore<DB>, setup: &Setup) -> Result<Router, BoxError> {
    let store = resized(store).await?;
    store.migrate().await?;
    Ok(match setup.variant.as_str() {
        "plain" => router(store),
        "signed" => router(store.signing(signer())),
        "locmem" => router(CachedDbStore::new(store, LocMemCache::new())),
        "redis" => router(CachedDbStore::new(store, RedisCache::connect(&setup.redis)?)),
        variant => return Err(format!("no variant {variant:?}").into()),
    })
}

/// A cache in each process, which hears from the database what other processes have changed.
async fn listening(store: PostgresStore) -> Result<Router, BoxError> {
    let store = resized(store).await?;
    store.migrate().await?;
    let store = CachedDbStore::new(store, LocMemCache::new());
    // It ends with the process.
    std::mem::forget(store.listen().await?);
    Ok(router(store))
}

/// The pool of the crate's own `connect`, with as many connections as everybody has.
async fn resized<DB: Driver>(store: DbStore<DB>) -> Result<DbStore<DB>, BoxError> {
    let pool = store.pool();
    let options = pool.options().clone().max_connections(POOL);
    let connect = pool.connect_options();
    pool.close().await;
    Ok(DbStore::new(options.connect_with((*connect).clone()).await?))
}

fn main() -> Result<(), BoxError> {
    run(async |setup| match setup.database.split(':').next().unwrap_or_default() {
        "sqlite" => over(SqliteStore::connect(&setup.database).await?, &setup).await,
        "mysql" => over(MySqlStore::connect(&setup.database).await?, &setup).await,
        _ if setup.variant == "listen" => listening(PostgresStore::connect(&setup.database).await?).await,
        _ => over(PostgresStore::connect(&setup.database).await?, &setup).await,
    })
}
