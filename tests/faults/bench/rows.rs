//! The table itself, past the store.

use jam_session::{
    SessionData,
    sqlx::{self, Connection as _, MySqlConnection, PgConnection, SqliteConnection},
};

use super::TestResult;

/// Key and data of every row; a row that does not decode is an error.
pub(crate) async fn rows(url: &str) -> TestResult<Vec<(String, SessionData)>> {
    let sql = "SELECT session_key, session_data FROM django_session";
    let rows: Vec<(String, String)> = match super::name(url) {
        "SQLite" => sqlx::query_as(sql).fetch_all(&mut SqliteConnection::connect(url).await?).await?,
        "MariaDB" => sqlx::query_as(sql).fetch_all(&mut MySqlConnection::connect(url).await?).await?,
        _ => sqlx::query_as(sql).fetch_all(&mut PgConnection::connect(url).await?).await?,
    };
    rows.into_iter().map(|(key, data)| Ok((key, data.parse()?))).collect()
}

/// The number that a dictionary has under `name`.
pub(crate) fn number(data: &SessionData, name: &str) -> TestResult<i64> {
    Ok(data.raw(name).ok_or_else(|| format!("no `{name}`"))?.as_str().parse()?)
}
