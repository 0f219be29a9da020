//! This crate. Variants: `plain`, `signed` (rows in Django's signed form).

use axum::{
    Router,
    routing::{get, post},
};
use bench_common::{
    AGE, BoxError, COOKIE, PAYLOAD, POOL,
    payload::{COUNTER, THEME},
    run, shown,
};
use jam_session::{
    DbStore, Driver, Error, LazySession, MySqlStore, PostgresStore, Session, SessionLayer, SessionStore, Signer,
    SqliteStore,
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

async fn over<DB: Driver>(store: DbStore<DB>, variant: &str) -> Result<Router, BoxError> {
    let store = match variant {
        "plain" => store,
        "signed" => store.signing(Signer::new("a secret key of fifty characters, as Django has it")),
        _ => return Err(format!("no variant {variant:?}").into()),
    };
    store.migrate().await?;
    Ok(router(store))
}

fn main() -> Result<(), BoxError> {
    run(async |setup| {
        // The pool of the crate's own `connect`, with as many connections as everybody has.
        match setup.database.split(':').next().unwrap_or_default() {
            "sqlite" => {
                over(SqliteStore::new(resized(SqliteStore::connect(&setup.database).await?).await?), &setup.variant)
                    .await
            }
            "mysql" => {
                over(MySqlStore::new(resized(MySqlStore::connect(&setup.database).await?).await?), &setup.variant).await
            }
            _ => {
                over(PostgresStore::new(resized(PostgresStore::connect(&setup.database).await?).await?), &setup.variant)
                    .await
            }
        }
    })
}

async fn resized<DB: Driver>(store: DbStore<DB>) -> Result<jam_session::sqlx::Pool<DB>, BoxError> {
    let pool = store.pool();
    let options = pool.options().clone().max_connections(POOL);
    let connect = pool.connect_options();
    pool.close().await;
    Ok(options.connect_with((*connect).clone()).await?)
}
