//! The table that our migration makes is the one that Django's makes: column by column, index by index.

use std::{path::Path, process::Command};

use jam_session::{
    BaseSession, DbStore, Driver,
    sqlx::{self, Pool, Row as _},
};
use serde_json::Value;

use crate::support::{TestResult, databases, django_databases, python};

async fn ours<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    Ok(DbStore::<DB, BaseSession>::new(pool.clone()).migrate().await?)
}

fn djangos(python: &Path, database: &Value) -> TestResult {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/django/migrate_sessions.py");
    let version = python::run(Command::new(python).arg(script).arg(database.to_string()))?;
    println!("schema: compared with the table of Django {version}");
    assert!(version.starts_with("5.2"), "{version}");
    Ok(())
}

async fn sqlite_table(pool: &Pool<sqlx::Sqlite>) -> TestResult<Vec<String>> {
    let sql = "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || pk || ' ' || coalesce(dflt_value, '-') AS line \
               FROM pragma_table_info('django_session') \
               UNION ALL SELECT l.name || ' ' || l.\"unique\" || ' ' || l.origin || ' ' || i.name \
               FROM pragma_index_list('django_session') l, pragma_index_info(l.name) i ORDER BY 1";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

async fn postgres_table(pool: &Pool<sqlx::Postgres>) -> TestResult<Vec<String>> {
    let sql = "SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, atthasdef, attcollation) \
               FROM pg_attribute WHERE attrelid = 'django_session'::regclass AND attnum > 0 \
               UNION ALL SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes \
               WHERE tablename = 'django_session' AND schemaname = current_schema() \
               UNION ALL SELECT concat_ws(' ', conname, contype) FROM pg_constraint \
               WHERE conrelid = 'django_session'::regclass ORDER BY 1";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

async fn mysql_table(pool: &Pool<sqlx::MySql>) -> TestResult<Vec<String>> {
    let row = sqlx::query("SHOW CREATE TABLE django_session").fetch_one(pool).await?;
    Ok(row.try_get::<String, _>(1)?.lines().map(str::to_owned).collect())
}

#[tokio::test]
async fn on_sqlite_our_table_is_djangos() -> TestResult {
    let (Some(python), Some(ours_at), Some(djangos_at)) =
        (python::with_django("5.2"), databases::sqlite().await, databases::sqlite().await)
    else {
        return Ok(());
    };
    ours(&ours_at.pool).await?;
    djangos(&python, &django_databases::sqlite(&djangos_at.url))?;

    let table = sqlite_table(&ours_at.pool).await?;
    assert_eq!(table, sqlite_table(&djangos_at.pool).await?);
    assert_eq!(table.len(), 5);
    Ok(())
}

#[tokio::test]
async fn on_postgres_our_table_is_djangos() -> TestResult {
    let (Some(python), Some(ours_at), Some(djangos_at)) =
        (python::with_django("5.2"), databases::postgres().await, databases::postgres().await)
    else {
        return Ok(());
    };
    ours(&ours_at.pool).await?;
    djangos(&python, &django_databases::postgres(&djangos_at.url)?)?;

    let table = postgres_table(&ours_at.pool).await?;
    assert_eq!(table, postgres_table(&djangos_at.pool).await?);
    assert_eq!(table.len(), 7);
    Ok(())
}

#[tokio::test]
async fn on_mariadb_our_table_is_djangos() -> TestResult {
    let (Some(python), Some(ours_at), Some(djangos_at)) =
        (python::with_django("5.2"), databases::mysql().await, databases::mysql().await)
    else {
        return Ok(());
    };
    ours(&ours_at.pool).await?;
    djangos(&python, &django_databases::mysql(&djangos_at.url)?)?;

    let table = mysql_table(&ours_at.pool).await?;
    assert_eq!(table, mysql_table(&djangos_at.pool).await?);
    assert!(table.iter().any(|line| line.contains("django_session_expire_date_a5c62663")));
    Ok(())
}
