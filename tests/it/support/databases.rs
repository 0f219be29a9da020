//! One scratch database per test: a file for SQLite, a schema for PostgreSQL, a database for MariaDB. They are
//! gone when the test is over, however it ends.
//!
//! `JAM_TEST_POSTGRES_URL` and `JAM_TEST_MYSQL_URL` name the servers; without them the local ones are tried. A test
//! whose server is missing says so and passes, unless `JAM_REQUIRE_SERVICES` is set.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use jam_session::SqliteStore;
use jam_session::sqlx::{
    self, AssertSqlSafe, Connection as _, Database, MySql, MySqlConnection, PgConnection, Pool, Postgres, Sqlite,
    mysql::MySqlPoolOptions, postgres::PgPoolOptions,
};
use tempfile::TempDir;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A pool on a database of its own.
pub(crate) struct Scratch<DB: Database> {
    pub(crate) pool: Pool<DB>,
    /// How another process reaches the same database.
    pub(crate) url: String,
    remains: Remains,
}

/// What is to be removed when the test is over.
enum Remains {
    Directory(#[expect(dead_code, reason = "removes itself")] TempDir),
    Postgres { server: String, schema: String },
    MySql { server: String, database: String },
}

pub(crate) async fn sqlite() -> Option<Scratch<Sqlite>> {
    let directory = TempDir::new().expect("a temporary directory");
    let url = format!("sqlite:{}", directory.path().join("sessions.db").display());
    let store: SqliteStore = SqliteStore::connect(&url).await.expect("a new file");
    Some(Scratch { pool: store.pool().clone(), url, remains: Remains::Directory(directory) })
}

pub(crate) async fn postgres() -> Option<Scratch<Postgres>> {
    let server = server("JAM_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres");
    let mut connection = reached("PostgreSQL", PgConnection::connect(&server)).await?;
    let schema = name();
    run(sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await);
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
    let pool = PgPoolOptions::new().test_before_acquire(false).max_connections(8).connect(&url).await;
    Some(Scratch { pool: pool.expect("the server was there"), url, remains: Remains::Postgres { server, schema } })
}

pub(crate) async fn mysql() -> Option<Scratch<MySql>> {
    let server = server("JAM_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306");
    let mut connection = reached("MariaDB", MySqlConnection::connect(&server)).await?;
    let database = name();
    run(sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {database}"))).execute(&mut connection).await);
    let url = match server.rsplit_once("3306") {
        Some((server, rest)) if rest.is_empty() || rest.starts_with('/') => format!("{server}3306/{database}"),
        _ => format!("{}/{database}", server.trim_end_matches('/')),
    };
    let pool = MySqlPoolOptions::new().test_before_acquire(false).max_connections(8).connect(&url).await;
    Some(Scratch { pool: pool.expect("the server was there"), url, remains: Remains::MySql { server, database } })
}

fn server(variable: &str, local: &str) -> String {
    env::var(variable).unwrap_or_else(|_| local.to_owned())
}

fn name() -> String {
    format!("jam_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn run<T, E: std::fmt::Debug>(result: Result<T, E>) {
    result.expect("the server does as it is told");
}

async fn reached<C>(what: &str, connecting: impl Future<Output = sqlx::Result<C>>) -> Option<C> {
    let result = tokio::time::timeout(Duration::from_secs(5), connecting).await;
    if let Ok(Ok(connection)) = result {
        return Some(connection);
    }
    assert!(env::var_os("JAM_REQUIRE_SERVICES").is_none(), "{what} cannot be reached, and JAM_REQUIRE_SERVICES is set");
    println!("SKIPPED: {what} cannot be reached; this test has checked nothing");
    eprintln!("SKIPPED: {what} cannot be reached; this test has checked nothing");
    None
}

impl<DB: Database> Drop for Scratch<DB> {
    fn drop(&mut self) {
        // The test's runtime is about to end, and a panic may be under way: a thread of its own tidies up.
        let tidy = match &self.remains {
            Remains::Directory(_) => return,
            Remains::Postgres { server, schema } => {
                (server.clone(), format!("DROP SCHEMA IF EXISTS {schema} CASCADE"), true)
            }
            Remains::MySql { server, database } => {
                (server.clone(), format!("DROP DATABASE IF EXISTS {database}"), false)
            }
        };
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(execute(tidy)))
        })
        .join();
    }
}

async fn execute((server, sql, postgres): (String, String, bool)) -> sqlx::Result<()> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql));
    if postgres {
        sql.execute(&mut PgConnection::connect(&server).await?).await?;
    } else {
        sql.execute(&mut MySqlConnection::connect(&server).await?).await?;
    }
    Ok(())
}

/// Makes a test of each case on each database; a case is a function of a pool.
macro_rules! on_every_database {
    ($($case:ident)*) => {
        /// The cases of this file, which are the same on each database.
        pub(crate) const CASES: &[&str] = &[$(stringify!($case)),*];
        mod sqlite {
            $(#[tokio::test] async fn $case() -> crate::support::TestResult {
                let Some(scratch) = crate::support::databases::sqlite().await else { return Ok(()) };
                super::$case(&scratch.pool).await
            })*
        }
        mod postgres {
            $(#[tokio::test] async fn $case() -> crate::support::TestResult {
                let Some(scratch) = crate::support::databases::postgres().await else { return Ok(()) };
                super::$case(&scratch.pool).await
            })*
        }
        mod mariadb {
            $(#[tokio::test] async fn $case() -> crate::support::TestResult {
                let Some(scratch) = crate::support::databases::mysql().await else { return Ok(()) };
                super::$case(&scratch.pool).await
            })*
        }
    };
}
pub(crate) use on_every_database;
