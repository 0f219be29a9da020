//! What the tests of this binary share.

pub(crate) mod app;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod random;
pub(crate) mod rows;
pub(crate) mod servers;

use std::time::Duration;

use jam_session::{DbStore, Driver, MySqlStore, PostgresStore, sqlx::Pool};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Tests that measure time do not run beside others.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

pub(crate) async fn migrated<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    Ok(DbStore::<DB>::new(pool.clone()).migrate().await?)
}

/// Makes the table on a private server.
pub(crate) async fn migrate(url: &str) -> TestResult {
    match name(url) {
        "MariaDB" => migrated(MySqlStore::connect(url).await?.pool()).await,
        _ => migrated(PostgresStore::connect(url).await?.pool()).await,
    }
}

/// What a figure calls the database.
pub(crate) fn name(url: &str) -> &'static str {
    match url.split(':').next() {
        Some("sqlite") => "SQLite",
        Some("mysql") => "MariaDB",
        _ => "PostgreSQL",
    }
}

/// Lets `micros` go by, also less than the millisecond that a timer can tell.
pub(crate) async fn spend(micros: u64) {
    let until = Instant::now() + Duration::from_micros(micros);
    while Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// Makes a test of each case on each database; a case is a function of the database's URL.
macro_rules! on_every_database {
    ($($(#[$meta:meta])* $name:ident: $case:ident($($arg:expr),*);)*) => {
        on_every_database!(@each sqlite sqlite $($(#[$meta])* $name: $case($($arg),*);)*);
        on_every_database!(@each postgres postgres $($(#[$meta])* $name: $case($($arg),*);)*);
        on_every_database!(@each mariadb mysql $($(#[$meta])* $name: $case($($arg),*);)*);
    };
    (@each $module:ident $open:ident $($(#[$meta:meta])* $name:ident: $case:ident($($arg:expr),*);)*) => {
        mod $module {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> crate::bench::TestResult {
                let _alone = crate::bench::alone().await;
                let Some(scratch) = crate::databases::$open().await else { return Ok(()) };
                crate::bench::migrated(&scratch.pool).await?;
                super::$case(&scratch.url, $($arg),*).await
            })*
        }
    };
}
