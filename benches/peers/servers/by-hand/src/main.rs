//! No middleware: what one would write by hand if a session were all there is to do. The cookie, one SELECT by
//! primary key, `serde_json` into a map, one UPDATE or INSERT; sqlx with its defaults.

use std::{
    str::FromStr as _,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bench_common::{
    AGE, BoxError, COOKIE, PAYLOAD, POOL,
    payload::{COUNTER, THEME},
    run, shown,
};
use rand::RngExt as _;
use serde_json::{Map, Value};
use sqlx::{
    mysql::MySqlPoolOptions,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

type Data = Map<String, Value>;

struct Failed;

impl<E: std::error::Error> From<E> for Failed {
    fn from(_error: E) -> Self {
        Self
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

fn expires() -> i64 {
    now() + AGE.as_secs() as i64
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let key = headers.get(header::COOKIE)?.to_str().ok()?.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim() == COOKIE).then(|| value.trim())
    })?;
    let ours = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    ours.then_some(key)
}

fn new_key() -> String {
    let mut random = rand::rng();
    (0..32).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[random.random_range(0..36)])).collect()
}

fn set_cookie(key: &str, age: u64) -> [(header::HeaderName, HeaderValue); 1] {
    let text = format!("{COOKIE}={key}; HttpOnly; SameSite=Lax; Path=/; Max-Age={age}");
    [(header::SET_COOKIE, HeaderValue::try_from(text).expect("visible ASCII"))]
}

/// The handlers, for a database whose statements are these.
macro_rules! server {
    ($name:ident, $pool:ty, $select:literal, $update:literal, $cycle:literal, $insert:literal, $delete:literal) => {
        mod $name {
            use super::*;

            async fn load(pool: &$pool, headers: &HeaderMap) -> Result<Option<(String, Data)>, Failed> {
                let Some(key) = cookie(headers) else { return Ok(None) };
                let found: Option<(String,)> =
                    sqlx::query_as($select).bind(key).bind(now()).fetch_optional(pool).await?;
                let Some((text,)) = found else { return Ok(None) };
                Ok(Some((key.to_owned(), serde_json::from_str(&text)?)))
            }

            async fn read(State(pool): State<$pool>, headers: HeaderMap) -> Result<String, Failed> {
                let Some((_, data)) = load(&pool, &headers).await? else { return Ok(shown(None, None)) };
                let theme = data.get(THEME).and_then(Value::as_str);
                Ok(shown(data.get(COUNTER).and_then(Value::as_u64), theme))
            }

            async fn write(State(pool): State<$pool>, headers: HeaderMap) -> Result<Response, Failed> {
                let Some((key, mut data)) = load(&pool, &headers).await? else { return Err(Failed) };
                let visits = data.get(COUNTER).and_then(Value::as_u64).unwrap_or(0) + 1;
                data.insert(COUNTER.to_owned(), visits.into());
                let text = serde_json::to_string(&data)?;
                sqlx::query($update).bind(text).bind(expires()).bind(&key).execute(&pool).await?;
                Ok((set_cookie(&key, AGE.as_secs()), visits.to_string()).into_response())
            }

            async fn new(State(pool): State<$pool>) -> Result<Response, Failed> {
                let data: Data = PAYLOAD.iter().cloned().collect();
                let key = new_key();
                let text = serde_json::to_string(&data)?;
                sqlx::query($insert).bind(text).bind(expires()).bind(&key).execute(&pool).await?;
                Ok((set_cookie(&key, AGE.as_secs()), "0").into_response())
            }

            async fn login(State(pool): State<$pool>, headers: HeaderMap) -> Result<Response, Failed> {
                let Some((old, data)) = load(&pool, &headers).await? else { return Err(Failed) };
                let key = new_key();
                let text = serde_json::to_string(&data)?;
                sqlx::query($cycle).bind(text).bind(expires()).bind(&key).bind(old).execute(&pool).await?;
                Ok((set_cookie(&key, AGE.as_secs()), "ok").into_response())
            }

            async fn logout(State(pool): State<$pool>, headers: HeaderMap) -> Result<Response, Failed> {
                let Some(key) = cookie(&headers) else { return Err(Failed) };
                sqlx::query($delete).bind(key).execute(&pool).await?;
                Ok((set_cookie("", 0), "ok").into_response())
            }

            pub(super) fn router(pool: $pool) -> Router {
                let router = Router::new().route("/untouched", get(async || "ok")).route("/read", get(read));
                let router = router.route("/write", post(write)).route("/new", post(new));
                router.route("/login", post(login)).route("/logout", post(logout)).with_state(pool)
            }
        }
    };
}

server!(
    sqlite,
    sqlx::SqlitePool,
    "SELECT session_data FROM session WHERE session_key = ? AND expire_date > ?",
    "UPDATE session SET session_data = ?, expire_date = ? WHERE session_key = ?",
    "UPDATE session SET session_data = ?, expire_date = ?, session_key = ? WHERE session_key = ?",
    "INSERT INTO session (session_data, expire_date, session_key) VALUES (?, ?, ?)",
    "DELETE FROM session WHERE session_key = ?"
);

server!(
    mysql,
    sqlx::MySqlPool,
    "SELECT session_data FROM session WHERE session_key = ? AND expire_date > ?",
    "UPDATE session SET session_data = ?, expire_date = ? WHERE session_key = ?",
    "UPDATE session SET session_data = ?, expire_date = ?, session_key = ? WHERE session_key = ?",
    "INSERT INTO session (session_data, expire_date, session_key) VALUES (?, ?, ?)",
    "DELETE FROM session WHERE session_key = ?"
);

server!(
    postgres,
    sqlx::PgPool,
    "SELECT session_data FROM session WHERE session_key = $1 AND expire_date > $2",
    "UPDATE session SET session_data = $1, expire_date = $2 WHERE session_key = $3",
    "UPDATE session SET session_data = $1, expire_date = $2, session_key = $3 WHERE session_key = $4",
    "INSERT INTO session (session_data, expire_date, session_key) VALUES ($1, $2, $3)",
    "DELETE FROM session WHERE session_key = $1"
);

/// The columns and the indexes that everybody has.
const TABLE: &str = "CREATE TABLE session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, \
                     expire_date bigint NOT NULL)";
const MYSQL_TABLE: &str = "CREATE TABLE session (session_key varchar(40) NOT NULL PRIMARY KEY, \
                           session_data longtext NOT NULL, expire_date bigint NOT NULL)";
const INDEX: &str = "CREATE INDEX session_expire_date ON session (expire_date)";

fn main() -> Result<(), BoxError> {
    run(async |setup| match setup.database.split(':').next().unwrap_or_default() {
        "sqlite" => {
            let options = SqliteConnectOptions::from_str(&setup.database)?.create_if_missing(true);
            let options = options.journal_mode(SqliteJournalMode::Wal);
            let pool = SqlitePoolOptions::new().max_connections(POOL).connect_with(options).await?;
            sqlx::query(TABLE).execute(&pool).await?;
            sqlx::query(INDEX).execute(&pool).await?;
            Ok(sqlite::router(pool))
        }
        "mysql" => {
            let pool = MySqlPoolOptions::new().max_connections(POOL).connect(&setup.database).await?;
            sqlx::query(MYSQL_TABLE).execute(&pool).await?;
            sqlx::query(INDEX).execute(&pool).await?;
            Ok(mysql::router(pool))
        }
        _ => {
            let pool = PgPoolOptions::new().max_connections(POOL).connect(&setup.database).await?;
            sqlx::query(TABLE).execute(&pool).await?;
            sqlx::query(INDEX).execute(&pool).await?;
            Ok(postgres::router(pool))
        }
    })
}
