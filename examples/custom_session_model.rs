//! A session model with a column of its own: whose account a session belongs to.
//!
//! Run it with `cargo run --example custom_session_model --features sqlite`, log in with
//! `curl -c jar -X POST 127.0.0.1:3000/login/7`, and see the account's sessions at `/accounts/7`.

use std::env;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use jam_session::{
    AbstractBaseSession, BaseSession, BoxError, Column, Error, Session, SessionData, SessionLayer, SqliteStore,
    sqlx::{self, Arguments as _, Row as _, Sqlite, SqlitePool, sqlite::SqliteArguments, sqlite::SqliteRow},
};
use time::OffsetDateTime;
use tokio::net::TcpListener;

/// A row of the table `account_session`.
#[derive(Debug)]
pub struct AccountSession {
    base: BaseSession,
    account_id: Option<i64>,
}

impl AbstractBaseSession<Sqlite> for AccountSession {
    const DB_TABLE: &'static str = "account_session";
    const EXTRA_COLUMNS: &'static [Column] = &[Column::new("account_id")];
    const MIGRATION: Option<&'static str> = Some(
        "CREATE TABLE IF NOT EXISTS account_session (session_key varchar(40) NOT NULL PRIMARY KEY, \
         session_data text NOT NULL, expire_date datetime NOT NULL, account_id integer NULL);
         CREATE INDEX IF NOT EXISTS account_session_expire_date ON account_session (expire_date);
         CREATE INDEX IF NOT EXISTS account_session_account_id ON account_session (account_id);",
    );

    // Called whenever the session is written: the column follows the dictionary.
    fn create_model_instance(base: BaseSession, data: &SessionData, _now: OffsetDateTime) -> Self {
        Self { base, account_id: data.get("account_id").ok().flatten() }
    }

    fn from_row(base: BaseSession, row: &SqliteRow) -> Result<Self, BoxError> {
        Ok(Self { base, account_id: row.try_get("account_id")? })
    }

    fn base(&self) -> &BaseSession {
        &self.base
    }

    fn bind_extra(&self, _column: &str, args: &mut SqliteArguments) -> Result<(), BoxError> {
        args.add(self.account_id)
    }
}

async fn login(session: Session, Path(account): Path<i64>) -> Result<String, Error> {
    session.cycle_key()?;
    session.insert("account_id", &account)?;
    Ok(format!("logged in as {account}\n"))
}

// The column is yours: ask it with a query of yours.
async fn count(State(pool): State<SqlitePool>, Path(account): Path<i64>) -> Result<String, StatusCode> {
    let count: (i64,) = sqlx::query_as("SELECT count(*) FROM account_session WHERE account_id = ?")
        .bind(account)
        .fetch_one(&pool)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(format!("account {account} has {} sessions\n", count.0))
}

/// The application, over its own pool.
pub fn app(store: SqliteStore<AccountSession>) -> Router {
    let pool = store.pool().clone();
    // Clients send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    Router::new()
        .route("/login/{account}", post(login))
        .route("/accounts/{account}", get(count))
        .with_state(pool)
        .layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:accounts.db".to_owned());

    let pool = SqliteStore::connect(&database).await?.pool().clone();
    let store: SqliteStore<AccountSession> = SqliteStore::new(pool);
    store.migrate().await?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, sessions in {database}", listener.local_addr()?);
    axum::serve(listener, app(store)).await?;
    Ok(())
}
