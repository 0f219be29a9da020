//! Clearing expired sessions: what it removes, what it spares, and how it gets along with others.

mod batches;
mod one_of_many;
mod race;
mod task;

use std::ops::Range;

use jam_session::{DbStore, Driver, SessionKey};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::support::{TestResult, databases::Scratch};

/// Each test on each database, as a test of its own.
macro_rules! on_each_database {
    ($($name:ident => $test:ident;)*) => {
        mod on_sqlite { $( #[tokio::test(flavor = "multi_thread")] async fn $name() -> crate::support::TestResult {
            let Some(scratch) = crate::support::databases::sqlite().await else { return Ok(()) };
            super::$test(super::store(&scratch).await?).await
        } )* }
        mod on_postgres { $( #[tokio::test(flavor = "multi_thread")] async fn $name() -> crate::support::TestResult {
            let Some(scratch) = crate::support::databases::postgres().await else { return Ok(()) };
            super::$test(super::store(&scratch).await?).await
        } )* }
        mod on_mysql { $( #[tokio::test(flavor = "multi_thread")] async fn $name() -> crate::support::TestResult {
            let Some(scratch) = crate::support::databases::mysql().await else { return Ok(()) };
            super::$test(super::store(&scratch).await?).await
        } )* }
    };
}
use on_each_database;

const NOW: OffsetDateTime = datetime!(2023-11-14 22:13:20 UTC);
const DATA: &str = r#"{"n":1}"#;

async fn store<DB: Driver>(scratch: &Scratch<DB>) -> TestResult<DbStore<DB>> {
    let store = DbStore::new(scratch.pool.clone());
    store.migrate().await?;
    Ok(store)
}

fn key(number: u64) -> SessionKey {
    SessionKey::parse(&format!("{number:032}")).expect("32 digits")
}

/// Sessions of these numbers; each expires a microsecond after the one before it.
async fn insert<DB: Driver>(store: &DbStore<DB>, numbers: Range<u64>, first_expires: OffsetDateTime) -> TestResult {
    let mut expires = first_expires;
    let row = |number: u64| {
        let (date, (h, m, s, micro)) = (expires.date(), expires.to_hms_micro());
        expires += Duration::MICROSECOND;
        format!("('{}', '{DATA}', '{date} {h:02}:{m:02}:{s:02}.{micro:06}')", key(number).as_str())
    };
    let rows: Vec<_> = numbers.map(row).collect();
    for rows in rows.chunks(1000) {
        let columns = "session_key, session_data, expire_date";
        let sql = format!("INSERT INTO django_session ({columns}) VALUES {}", rows.join(", "));
        DB::execute_raw(store.pool(), sql).await?;
    }
    Ok(())
}

/// The keys that are in the table.
async fn keys<DB: Driver>(store: &DbStore<DB>) -> TestResult<Vec<String>> {
    let sql = "SELECT session_key FROM django_session ORDER BY session_key";
    let rows = DB::fetch_all(store.pool(), sql.into(), DB::Arguments::default()).await?;
    let keys = rows.iter().map(|row| DB::read_texts(row).map(|[key]| key.unwrap_or_default()));
    Ok(keys.collect::<Result<_, _>>()?)
}
