//! Requests that overlap share statements, and get what they would have got alone.

use std::{future::Future, pin::Pin, task::Poll};

use futures_util::future::join_all;
use jam_session::{
    AbstractBaseSession, DbStore, Draft, Driver, Record, Saved, SessionData, SessionKey, SessionStore as _, StoreError,
    sqlx::{self, Executor, IntoArguments, Pool, Postgres, Sqlite},
};
use time::{Duration, OffsetDateTime};

use crate::{
    databases::{Account, accounts},
    middleware::overload::a_write_that_waits_for_a_connection_is_not_sent_after_its_deadline,
    support::{Log, Moment, TestResult, databases},
};

/// How many requests overlap.
const CROWD: usize = 64;

/// One statement alone, then 48, 12 and 3 rows. On a busy machine some of them lose patience and go ahead.
const FEW: usize = CROWD / 4;

databases::on_every_database! {
    loads_that_overlap_share_statements
    first_writes_that_overlap_share_statements
    a_key_that_is_taken_is_the_trouble_of_its_own_request
    each_of_many_saves_has_its_own_outcome
    of_two_saves_over_one_record_one_is_done
    deletions_that_overlap_share_statements
    columns_of_a_model_are_written_in_company
    who_gives_up_takes_nobody_along
    a_write_that_waits_for_a_connection_is_not_sent_after_its_deadline
    without_batching_each_request_has_its_statement
}

fn key(n: usize) -> SessionKey {
    SessionKey::parse(&format!("{n:032}")).expect("32 digits")
}

fn data(n: usize) -> SessionData {
    format!(r#"{{"n":{n}}}"#).parse().expect("an object")
}

fn draft(n: usize, at: OffsetDateTime) -> Draft {
    Draft::new(data(n), at + Duration::hours(1))
}

/// A store on a table whose name tells its statements from those of other tests.
struct Crowded<DB: Driver> {
    store: DbStore<DB>,
    pool: Pool<DB>,
    log: Log,
    table: String,
    now: OffsetDateTime,
}

impl<DB: Driver> Crowded<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    async fn new(pool: &Pool<DB>, table: &str) -> TestResult<Self> {
        let table = format!("{table}_{}", DB::NAME.to_lowercase().replace(' ', "_"));
        let store = DbStore::with_table(pool.clone(), &table)?;
        store.migrate().await?;
        let (pool, now) = (pool.clone(), Moment::new().now());
        Ok(Self { store, pool, log: Log::of_all_threads(), table, now })
    }

    /// `CROWD` sessions that are stored already.
    async fn stored(&self) -> TestResult<Vec<Record>> {
        let mut records = Vec::new();
        for n in 0..CROWD {
            records.push(self.store.create(&key(n), &draft(n, self.now), self.now).await?);
        }
        Ok(records)
    }

    /// The statements since the last time somebody asked.
    async fn statements(&self) -> TestResult<usize> {
        // A thread of the database answers before it logs; when it answers this, it has logged what came before.
        for _ in 0..self.pool.size() {
            sqlx::raw_sql("SELECT 1").execute(&self.pool).await?;
        }
        let lines = self.log.take();
        let statement = |line: &&String| line.contains(" sqlx::query:") && line.contains(&self.table);
        Ok(lines.iter().filter(statement).count())
    }
}

async fn loads_that_overlap_share_statements<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_load").await?;
    let (store, now) = (&crowded.store, crowded.now);
    crowded.stored().await?;
    let hour = now + Duration::hours(1);
    crowded.statements().await?;

    // Some ask twice for one, some for none, and some at a time when theirs has expired.
    let ask = |n: usize| {
        let (n, at) = if n % 8 == 7 { (n - 1, now) } else { (n, if n % 8 == 3 { hour } else { now }) };
        let n = if n % 8 == 5 { n + CROWD } else { n };
        async move { store.load(&key(n), at).await }
    };
    let found = join_all((0..CROWD).map(ask)).await;
    let statements = crowded.statements().await?;

    for (n, record) in found.into_iter().enumerate() {
        let n = if n % 8 == 7 { n - 1 } else { n };
        let expected = (n % 8 != 3 && n % 8 != 5).then(|| data(n).to_json());
        assert_eq!(record?.map(|record| record.session_data.to_json()), expected, "session {n}");
    }
    assert!((2..=FEW).contains(&statements), "{statements} statements");
    println!("batching: {CROWD} loads, {statements} statements ({})", DB::NAME);
    Ok(())
}

async fn first_writes_that_overlap_share_statements<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_create").await?;
    let (store, now) = (&crowded.store, crowded.now);
    crowded.statements().await?;

    let created = join_all((0..CROWD).map(|n| async move { store.create(&key(n), &draft(n, now), now).await })).await;
    let statements = crowded.statements().await?;

    for (n, record) in created.into_iter().enumerate() {
        let loaded = store.load(&key(n), now).await?.ok_or("it was created")?;
        assert_eq!(loaded.stored, record?.stored);
        assert_eq!((loaded.session_data, loaded.expire_date), (data(n), now + Duration::hours(1)));
    }
    assert!((2..=FEW).contains(&statements), "{statements} statements");
    println!("batching: {CROWD} first writes, {statements} statements ({})", DB::NAME);
    Ok(())
}

async fn a_key_that_is_taken_is_the_trouble_of_its_own_request<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_taken").await?;
    let (store, now) = (&crowded.store, crowded.now);
    store.create(&key(30), &draft(1000, now), now).await?;

    let created = join_all((0..CROWD).map(|n| async move { store.create(&key(n), &draft(n, now), now).await })).await;

    for (n, result) in created.into_iter().enumerate() {
        assert_eq!(matches!(result, Err(StoreError::KeyTaken)), n == 30, "session {n}: {result:?}");
        let loaded = store.load(&key(n), now).await?.ok_or("it is there")?;
        assert_eq!(loaded.session_data, data(if n == 30 { 1000 } else { n }));
    }
    assert!(crowded.log.take().iter().all(|line| !line.contains(key(30).as_str())), "a key is in the log");
    Ok(())
}

async fn each_of_many_saves_has_its_own_outcome<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_save").await?;
    let (store, now) = (&crowded.store, crowded.now);
    let records = crowded.stored().await?;
    for n in (3..CROWD).step_by(8) {
        store.delete(&key(n)).await?;
        let theirs = Draft::new(data(5000), now + Duration::hours(1));
        assert!(matches!(store.save(&records[n + 1], &theirs, now).await?, Saved::Done(_)));
    }
    crowded.statements().await?;

    let save = |n: usize| {
        let at = if n % 8 == 6 { now + Duration::hours(1) } else { now };
        let record = &records[n];
        async move { store.save(record, &draft(n + 100, at), at).await }
    };
    let saved = join_all((0..CROWD).map(save)).await;
    let statements = crowded.statements().await?;

    for (n, outcome) in saved.into_iter().enumerate() {
        let expected = match n % 8 {
            3 => matches!(outcome?, Saved::Gone),
            4 => matches!(outcome?, Saved::Conflict(theirs) if theirs.session_data == data(5000)),
            6 => matches!(outcome?, Saved::Gone),
            _ => matches!(outcome?, Saved::Done(ours) if ours.session_data == data(n + 100)),
        };
        assert!(expected, "session {n}");
        let loaded = store.load(&key(n), now).await?.map(|record| record.session_data);
        let there = match n % 8 {
            3 => None,
            4 => Some(data(5000)),
            6 => Some(data(n)),
            _ => Some(data(n + 100)),
        };
        assert_eq!(loaded, there, "session {n}");
    }
    println!("batching: {CROWD} saves, {} of them in vain, {statements} statements ({})", CROWD / 8 * 3, DB::NAME);
    // Those in vain look at what is there: once more a crowd.
    assert!(DB::NAME == "MySQL" || statements <= 2 * FEW, "{statements} statements");
    Ok(())
}

async fn of_two_saves_over_one_record_one_is_done<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_twice").await?;
    let (store, now) = (&crowded.store, crowded.now);
    let records = crowded.stored().await?;

    let save = |n: usize| {
        let record = &records[n / 2];
        async move { store.save(record, &draft(n + 100, now), now).await }
    };
    let saved = join_all((0..CROWD).map(save)).await;

    let done: Vec<bool> =
        saved.into_iter().map(|outcome| Ok(matches!(outcome?, Saved::Done(_)))).collect::<TestResult<_>>()?;
    for (n, pair) in done.chunks(2).enumerate() {
        assert!(pair[0] != pair[1], "session {n}: {pair:?}");
        let winner = 2 * n + usize::from(pair[1]) + 100;
        let loaded = store.load(&key(n), now).await?.ok_or("it is there")?;
        assert_eq!(loaded.session_data, data(winner));
    }
    Ok(())
}

async fn deletions_that_overlap_share_statements<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_delete").await?;
    let (store, now) = (&crowded.store, crowded.now);
    crowded.stored().await?;
    crowded.statements().await?;

    // The last one stays; one that is not there is deleted in its place.
    let deleted = join_all((1..=CROWD).map(|n| async move { store.delete(&key(n)).await })).await;
    let statements = crowded.statements().await?;

    deleted.into_iter().collect::<Result<Vec<()>, _>>()?;
    for n in 0..CROWD {
        assert_eq!(store.load(&key(n), now).await?.is_some(), n == 0, "session {n}");
    }
    assert!((2..=FEW).contains(&statements), "{statements} statements");
    println!("batching: {CROWD} deletions, {statements} statements ({})", DB::NAME);
    Ok(())
}

async fn columns_of_a_model_are_written_in_company<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    Account: AbstractBaseSession<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let store = accounts(pool).await?;
    let now = Moment::new().now();
    let of = |n: usize, account: usize| {
        Draft::new(
            format!(r#"{{"n":{n},"account_id":{account}}}"#).parse().expect("an object"),
            now + Duration::hours(1),
        )
    };

    let create = |n: usize| {
        let (store, draft) = (&store, of(n, n + 1000));
        async move { store.create(&key(n), &draft, now).await }
    };
    let records = join_all((0..CROWD).map(create)).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let save = |n: usize| {
        let (store, record, draft) = (&store, &records[n], of(n, n + 2000));
        async move { store.save(record, &draft, now + Duration::minutes(1)).await }
    };
    let saved = join_all((0..CROWD).map(save)).await;

    for (n, outcome) in saved.into_iter().enumerate() {
        assert!(matches!(outcome?, Saved::Done(_)), "session {n}");
    }
    for n in 0..CROWD {
        let row = store.get(&key(n)).await?.ok_or("it is there")?;
        let seen = (now + Duration::minutes(1)).unix_timestamp();
        assert_eq!(row.columns(), (Some(n as i64 + 2000), now.unix_timestamp(), seen), "session {n}");
    }
    Ok(())
}

/// Starts a future without waiting for it.
async fn started<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let polled = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending()));
    assert!(polled.await);
    future
}

async fn who_gives_up_takes_nobody_along<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_gone").await?;
    let (store, now) = (&crowded.store, crowded.now);
    let mut under_way = Vec::new();
    for n in 0..20 {
        under_way.push(started(async move { store.create(&key(n), &draft(n, now), now).await }).await);
    }

    // The first, whose statement is under way, and every third of those who wait.
    let staying: Vec<_> = under_way.into_iter().enumerate().filter(|(n, _)| n % 3 != 0).collect();
    let created = join_all(staying.into_iter().map(|(n, create)| async move { (n, create.await) })).await;

    for (n, record) in created {
        let loaded = store.load(&key(n), now).await?.ok_or("it was created")?;
        assert_eq!(loaded.stored, record?.stored, "session {n}");
    }
    // The lane is free again: what comes now does not wait.
    store.create(&key(100), &draft(100, now), now).await?;
    Ok(())
}

async fn without_batching_each_request_has_its_statement<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    let crowded = Crowded::new(pool, "batch_off").await?;
    let (store, now) = (&crowded.store.clone().batching(false), crowded.now);
    crowded.stored().await?;
    crowded.statements().await?;

    let found = join_all((0..CROWD).map(|n| async move { store.load(&key(n), now).await })).await;

    assert_eq!(crowded.statements().await?, CROWD);
    assert!(found.into_iter().all(|record| matches!(record, Ok(Some(_)))));
    Ok(())
}

#[tokio::test]
async fn rows_that_others_wrote_into_sqlite_are_the_same_in_company() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    let crowded: Crowded<Sqlite> = Crowded::new(&scratch.pool, "batch_foreign").await?;
    let (store, now) = (&crowded.store, crowded.now);
    let rows = [
        (r#"'{"a":"é, 1,2,3,🎷"}'"#, "'2100-01-01 00:00:00'"),
        (r#"'{"a":"' || char(0) || '"}'"#, "'2100-01-01 00:00:00.000001'"),
        ("'not JSON'", "'2100-01-01 00:00:00'"),
        ("''", "'2100-01-01 00:00:00'"),
        ("'{}'", "'no date, at all'"),
        ("'{}'", "'2100-01-01T00:00:00+05:30'"),
        ("x'7b7d'", "'2100-01-01 00:00:00'"),
        ("'{\"b\":2}'", "'2001-01-01 00:00:00'"),
    ];
    for (n, (data, expires)) in rows.iter().enumerate() {
        let insert = format!("INSERT INTO {} VALUES ('{}', {data}, {expires})", crowded.table, key(n).as_str());
        sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&scratch.pool).await?;
    }
    let outcome = |loaded: Result<Option<Record>, StoreError>| match loaded {
        Ok(record) => format!("{:?}", record.map(|record| (record.session_data.to_json(), record.expire_date))),
        Err(error) => error.to_string(),
    };

    let load = |n: usize| async move { outcome(store.load(&key(n), now).await) };
    let together = join_all((0..rows.len()).map(load)).await;
    let apart = store.clone().batching(false);
    for (n, together) in together.into_iter().enumerate() {
        assert_eq!(together, outcome(apart.load(&key(n), now).await), "{:?}", rows[n]);
    }
    Ok(())
}

/// More than this nobody waits for a row that is none of theirs.
const BOUND: std::time::Duration = std::time::Duration::from_secs(1);

#[tokio::test]
async fn a_row_that_somebody_has_locked_holds_up_its_own_session_alone() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let crowded: Crowded<Postgres> = Crowded::new(&scratch.pool, "batch_locked").await?;
    let (store, now) = (&crowded.store, crowded.now);
    let records = crowded.stored().await?;
    let mut theirs = scratch.pool.begin().await?;
    let lock = format!("SELECT 1 FROM {} WHERE session_key = '{}' FOR UPDATE", crowded.table, key(5).as_str());
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut *theirs).await?;

    let held_up = started(async { store.save(&records[5], &draft(105, now), now).await }).await;
    let save = |n: usize| {
        let record = &records[n];
        async move { store.save(record, &draft(n + 100, now), now).await }
    };
    let others = (0..CROWD).filter(|n| *n != 5).map(save);
    let others = tokio::time::timeout(BOUND, join_all(others)).await?;

    assert!(others.into_iter().all(|outcome| matches!(outcome, Ok(Saved::Done(_)))));
    theirs.rollback().await?;
    assert!(matches!(held_up.await?, Saved::Done(_)));
    Ok(())
}
