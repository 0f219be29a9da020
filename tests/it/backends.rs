//! Every store through the published suite, and what is peculiar to one of them.

use std::{collections::BTreeSet, fs, path::Path};

use jam_session::{
    AbstractBaseSession, DbStore, Driver, ErasedStore, MemoryStore, MySqlStore, PostgresStore, SqliteStore,
    session_store_tests,
    sqlx::{Database, Sqlite},
    testing::conformance::{self, Fresh},
};
use models::Visit;

use crate::support::{
    TestResult,
    databases::{self, Scratch},
};

mod connecting;
pub(crate) mod models;
mod sqlite_rows;

session_store_tests!(memory, async { MemoryStore::new() });
session_store_tests!(erased, async { ErasedStore::new(MemoryStore::new()) });
session_store_tests!(sqlite_file, sqlite());
session_store_tests!(sqlite_memory, sqlite_in_memory());
session_store_tests!(custom_model, visits());
session_store_tests!(postgres, postgres_schema());
session_store_tests!(mysql, mysql_database());

async fn sqlite() -> Option<(SqliteStore, Scratch<impl Database>)> {
    let scratch = databases::sqlite().await?;
    Some((migrated(DbStore::new(scratch.pool.clone())).await, scratch))
}

async fn sqlite_in_memory() -> SqliteStore {
    migrated(SqliteStore::connect("sqlite::memory:").await.expect("memory is there")).await
}

async fn visits() -> Option<(SqliteStore<Visit>, Scratch<impl Database>)> {
    let scratch = databases::sqlite().await?;
    Some((migrated(DbStore::new(scratch.pool.clone())).await, scratch))
}

async fn postgres_schema() -> Option<(PostgresStore, Scratch<impl Database>)> {
    let scratch = databases::postgres().await?;
    Some((migrated(DbStore::new(scratch.pool.clone())).await, scratch))
}

async fn mysql_database() -> Option<(MySqlStore, Scratch<impl Database>)> {
    let scratch = databases::mysql().await?;
    Some((migrated(DbStore::new(scratch.pool.clone())).await, scratch))
}

async fn migrated<DB: Driver, M: AbstractBaseSession<DB>>(store: DbStore<DB, M>) -> DbStore<DB, M> {
    store.migrate().await.expect("an empty database");
    store
}

#[test]
fn every_case_of_the_suite_runs_on_every_store() -> TestResult {
    let listed: BTreeSet<_> = conformance::cases().into_iter().map(str::to_owned).collect();
    assert_eq!(listed.len(), conformance::cases().len(), "a case is listed twice");
    assert_eq!(listed, written_cases()?);

    let stores: Vec<_> = include_str!("backends.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("session_store_tests!(")?.split(',').next())
        .collect();
    assert!(stores.len() >= 5, "{stores:?}");
    println!("conformance: {} cases × {}", listed.len(), stores.join(", "));
    Ok(())
}

/// The public functions of the suite that take a store.
fn written_cases() -> TestResult<BTreeSet<String>> {
    let mut cases = BTreeSet::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing/conformance"))? {
        let source = fs::read_to_string(file?.path())?;
        let functions = source.lines().filter_map(|line| line.strip_prefix("pub async fn "));
        cases.extend(functions.filter_map(|line| line.strip_suffix("(store: &ErasedStore) {")).map(str::to_owned));
    }
    Ok(cases)
}

#[tokio::test]
#[should_panic(expected = "no store here keeps this promise")]
async fn a_case_that_fails_fails_its_test() {
    conformance::check(MemoryStore::new(), async |_: &ErasedStore| panic!("no store here keeps this promise")).await;
}

#[tokio::test]
async fn a_case_without_a_store_is_skipped() {
    let nowhere: Option<(MemoryStore, Scratch<Sqlite>)> = None;

    conformance::check(Fresh::from(nowhere), async |_: &ErasedStore| panic!("there is no store")).await;
}
