//! What SQLite, PostgreSQL and MariaDB have to do alike: dates, schema, session models.

use jam_session::{
    AbstractBaseSession, BaseSession, BoxError, Column, DbStore, Draft, Driver, Error, ErrorKind, LazySession, Saved,
    SessionData, SessionKey, SessionLayer, SessionStore as _, StoreError,
    sqlx::{self, Arguments as _, AssertSqlSafe, ColumnIndex, Database, Decode, Encode, Pool, Row as _, Type},
};
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;

use crate::{
    local_time::{
        in_local_time_sessions_live_as_long_as_elsewhere,
        in_local_time_the_date_that_a_session_has_as_its_expiry_carries_no_offset,
    },
    support::{Moment, TestResult, databases},
};

/// A model that was written once, for every database.
#[derive(Debug)]
pub(crate) struct Account {
    base: BaseSession,
    account_id: Option<i64>,
    created: i64,
    last_seen: i64,
}

impl Account {
    /// Whose it is, and the seconds at which it was made and last written.
    pub(crate) fn columns(&self) -> (Option<i64>, i64, i64) {
        (self.account_id, self.created, self.last_seen)
    }
}

impl<DB: Database> AbstractBaseSession<DB> for Account
where
    for<'q> Option<i64>: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    for<'r> &'r str: ColumnIndex<DB::Row>,
{
    const DB_TABLE: &'static str = "account_session";
    const EXTRA_COLUMNS: &'static [Column] =
        &[Column::new("account_id"), Column::insert_only("created"), Column::touch("last_seen")];
    const MIGRATION: Option<&'static str> = Some(
        "CREATE TABLE IF NOT EXISTS account_session (session_key varchar(40) NOT NULL PRIMARY KEY, \
         session_data text NOT NULL, expire_date varchar(40) NOT NULL, account_id bigint UNIQUE, \
         created bigint NOT NULL, last_seen bigint NOT NULL);",
    );

    fn create_model_instance(base: BaseSession, data: &SessionData, now: OffsetDateTime) -> Self {
        let now = now.unix_timestamp();
        Self { base, account_id: data.get("account_id").ok().flatten(), created: now, last_seen: now }
    }

    fn from_row(base: BaseSession, row: &DB::Row) -> Result<Self, BoxError> {
        let number = |name: &str| Ok::<_, BoxError>(row.try_get::<Option<i64>, _>(name)?);
        Ok(Self {
            base,
            account_id: number("account_id")?,
            created: number("created")?.ok_or("created")?,
            last_seen: number("last_seen")?.ok_or("last_seen")?,
        })
    }

    fn base(&self) -> &BaseSession {
        &self.base
    }

    fn bind_extra(&self, column: &str, args: &mut DB::Arguments) -> Result<(), BoxError> {
        args.add(match column {
            "account_id" => self.account_id,
            "created" => Some(self.created),
            _ => Some(self.last_seen),
        })
    }
}

fn key(last: char) -> TestResult<SessionKey> {
    Ok(SessionKey::parse(&format!("{}{last}", "k".repeat(31)))?)
}

fn draft(json: &str, expire_date: OffsetDateTime) -> TestResult<Draft> {
    Ok(Draft::new(json.parse()?, expire_date))
}

async fn run<DB: Driver>(pool: &Pool<DB>, sql: &str) -> TestResult {
    DB::execute_raw(pool, sql.to_owned()).await?;
    Ok(())
}

/// The table of `Account`, with the date column that the database wants.
pub(crate) async fn accounts<DB: Driver>(pool: &Pool<DB>) -> TestResult<DbStore<DB, Account>>
where
    Account: AbstractBaseSession<DB>,
{
    let date = DB::DATE_TYPES.first().copied().unwrap_or("datetime");
    let store = DbStore::<DB, Account>::new(pool.clone());
    run(pool, &store.schema_sql().replace("expire_date varchar(40)", &format!("expire_date {date}"))).await?;
    Ok(store)
}

async fn extra_columns_are_written_when_their_kind_says_so<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    Account: AbstractBaseSession<DB>,
{
    let (store, moment) = (accounts(pool).await?, Moment::new());
    let (start, expires) = (moment.now().unix_timestamp(), moment.now() + Duration::hours(1));
    let created = store.create(&key('a')?, &draft(r#"{"account_id":7}"#, expires)?, moment.now()).await?;
    let columns = async || -> TestResult<(Option<i64>, i64, i64)> {
        let model = store.get(&key('a')?).await?.ok_or("the row")?;
        Ok((model.account_id, model.created - start, model.last_seen - start))
    };
    assert_eq!(columns().await?, (Some(7), 0, 0));

    moment.advance(Duration::seconds(10));
    let Saved::Done(saved) = store.save(&created, &draft(r#"{"x":1}"#, expires)?, moment.now()).await? else {
        panic!("nobody else wrote");
    };
    assert_eq!(columns().await?, (None, 0, 10));

    moment.advance(Duration::seconds(10));
    let later = expires + Duration::hours(1);
    assert!(matches!(store.touch(&saved, later, moment.now()).await?, Saved::Done(_)));
    assert_eq!(columns().await?, (None, 0, 20));
    let model = store.get(&key('a')?).await?.ok_or("the row")?;
    assert_eq!((model.base.expire_date, store.get_decoded(&model)?.to_json()), (later, r#"{"x":1}"#.to_owned()));
    Ok(())
}

async fn a_unique_column_of_ones_own_is_no_taken_key<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    Account: AbstractBaseSession<DB>,
{
    let (store, now) = (accounts(pool).await?, Moment::new().now());
    let same = draft(r#"{"account_id":7}"#, now + Duration::hours(1))?;
    store.create(&key('a')?, &same, now).await?;

    assert!(matches!(store.create(&key('a')?, &same, now).await, Err(StoreError::KeyTaken)));
    assert!(matches!(store.create(&key('b')?, &same, now).await, Err(StoreError::Refused(_))));
    assert!(!store.exists(&key('b')?).await?);
    Ok(())
}

/// Nothing of it is cured by trying again, and a proxy that is told 503 takes the site down.
async fn what_the_database_refuses_is_no_503<DB: Driver>(pool: &Pool<DB>) -> TestResult
where
    Account: AbstractBaseSession<DB>,
{
    let (store, now) = (DbStore::<DB>::new(pool.clone()), Moment::new().now());
    let session = draft(r#"{"a":1}"#, now + Duration::hours(1))?;
    let mut refused = vec![
        ("no table: load", store.load(&key('a')?, now).await.map(drop)),
        ("no table: create", store.create(&key('a')?, &session, now).await.map(drop)),
        ("no table: delete", store.delete(&key('a')?).await),
        ("no table: exists", store.exists(&key('a')?).await.map(drop)),
        ("no table: clear_expired", store.clear_expired(now).await.map(drop)),
    ];

    let date = DB::DATE_TYPES.first().copied().unwrap_or("datetime");
    let table = |rest: &str| format!("CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, {rest})");
    run(pool, &table("session_data text NOT NULL")).await?;
    refused.push(("no column: load", store.load(&key('b')?, now).await.map(drop)));
    refused.push(("no column: create", store.create(&key('b')?, &session, now).await.map(drop)));

    let checked = format!("session_data varchar(200) CHECK (length(session_data) < 20), expire_date {date}, x int");
    run(pool, "DROP TABLE django_session").await?;
    run(pool, &table(&checked)).await?;
    let created = store.create(&key('c')?, &session, now).await?;
    let long = draft(r#"{"a":"a value that is a secret"}"#, now + Duration::hours(1))?;
    refused.push(("a violated check: create", store.create(&key('d')?, &long, now).await.map(drop)));
    refused.push(("a violated check: save", store.save(&created, &long, now).await.map(drop)));

    run(pool, "DROP TABLE django_session").await?;
    run(pool, &table(&format!("session_data text, expire_date {date}, x int NOT NULL"))).await?;
    refused.push(("a column of somebody else's", store.create(&key('e')?, &session, now).await.map(drop)));

    for (what, result) in refused {
        let error = result.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Refused, "{what}: {error:?}");
        assert!(!format!("{error:?}").contains("a secret"), "{what}: {error:?}");
    }
    Ok(())
}

async fn rows_are_administered_as_djangos_manager_does<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, now) = (DbStore::<DB>::new(pool.clone()), Moment::new().now());
    store.migrate().await?;
    let data: SessionData = r#"{"a":1}"#.parse()?;
    let expires = now + Duration::hours(1);

    store.objects().save(&key('a')?, data.clone(), expires, now).await?;
    store.objects().save(&key('a')?, r#"{"a":2}"#.parse()?, expires, now).await?;
    let row = store.objects().get(&key('a')?).await?.ok_or("the row")?;
    assert_eq!((store.get_decoded(&row)?.to_json(), row.expire_date), (r#"{"a":2}"#.to_owned(), expires));
    assert_eq!(&*store.objects().encode(&data, now)?.0, r#"{"a":1}"#);

    store.objects().save(&key('a')?, SessionData::default(), expires, now).await?;
    assert!(store.get(&key('a')?).await?.is_none(), "an empty dictionary deletes");
    Ok(())
}

async fn sixteen_migrations_at_once_all_succeed<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    for round in 0..5 {
        let name = format!("session_{round}");
        let runs = (0..16).map(|_| {
            let store = DbStore::<DB>::with_table(pool.clone(), &name);
            tokio::spawn(async move { store.expect("a plain name").migrate().await })
        });
        for run in runs.collect::<Vec<_>>() {
            run.await??;
        }
        assert_eq!(DbStore::<DB>::with_table(pool.clone(), &name)?.check_schema().await?, []);
    }
    Ok(())
}

async fn problems_of_the_table_are_told_in_sentences<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let store = DbStore::<DB>::new(pool.clone());
    let problems = async || -> TestResult<Vec<String>> {
        Ok(store.check_schema().await?.iter().map(ToString::to_string).collect())
    };
    let missing = problems().await?;
    assert_eq!(missing.len(), 1);
    assert!(missing[0].contains("there is no table `django_session`") && missing[0].contains("migrate()"));
    let error = store.load(&key('a')?, Moment::new().now()).await.expect_err("no table");
    let cause = std::error::Error::source(&error).ok_or("a cause")?.to_string();
    assert!(cause.contains("django_session") && cause.contains("store.migrate().await"), "{cause}");

    run(pool, "CREATE TABLE django_session (session_key varchar(32) NOT NULL, session_data varchar(200))").await?;
    let problems = problems().await?.join("\n");
    assert!(
        problems.contains("`session_key` is varchar(32)") || problems.contains("character varying(32)"),
        "{problems}"
    );
    assert!(problems.contains("has no column `expire_date`"), "{problems}");
    assert!(problems.contains("nothing makes `session_key` unique"), "{problems}");
    assert!(problems.contains("no index of the table `django_session` begins with `expire_date`"), "{problems}");
    assert_eq!(problems.contains("`session_data` is"), !DB::DATA_TYPES.is_empty(), "{problems}");
    Ok(())
}

async fn django_is_told_that_its_migration_has_run<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let (store, now) = (DbStore::<DB>::new(pool.clone()), Moment::new().now());
    assert!(!store.record_in_django_migrations(now).await?, "there is nobody to tell");

    let date = DB::DATE_TYPES.first().copied().unwrap_or("datetime");
    run(pool, &format!("CREATE TABLE django_migrations (app varchar(255), name varchar(255), applied {date})")).await?;

    assert!(store.record_in_django_migrations(now).await?);
    assert!(!store.record_in_django_migrations(now).await?, "once is enough");
    Ok(())
}

async fn fifty_requests_at_once_keep_fifty_names<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let store = DbStore::<DB>::new(pool.clone());
    store.migrate().await?;
    let layer = SessionLayer::new(store);
    let session = layer.create().await?;
    let cookie = format!("sessionid={}", session.session_key().ok_or("a key")?.as_str());
    let service = tower::service_fn(|request: http::Request<String>| async move {
        let session = LazySession::of(request.extensions())?.load().await?;
        session.insert(request.uri().path(), &true)?;
        Ok::<_, Error>(http::Response::new(String::new()))
    });
    let service = tower::ServiceBuilder::new().layer(layer).service(service);

    let mut requests = tokio::task::JoinSet::new();
    for i in 0..50 {
        let request = http::Request::builder().uri(format!("/{i}")).header(http::header::COOKIE, &cookie);
        requests.spawn(service.clone().oneshot(request.body(String::new())?));
    }
    for response in requests.join_all().await {
        assert!(response?.status().is_success());
    }

    session.reload().await?;
    assert_eq!(session.keys().len(), 50);
    Ok(())
}

/// Writes and reads through `odd`, a pool whose connections have another time zone than UTC.
async fn an_odd_time_zone_changes_nothing<DB: Driver>(pool: &Pool<DB>, odd: &Pool<DB>) -> TestResult {
    let (utc, odd) = (DbStore::<DB>::new(pool.clone()), DbStore::<DB>::new(odd.clone()));
    utc.migrate().await?;
    let now = Moment::new().now() + Duration::microseconds(123_457);
    let expires = now + Duration::seconds(60);
    odd.create(&key('a')?, &draft("{}", expires)?, now).await?;
    utc.create(&key('b')?, &draft("{}", expires)?, now).await?;
    let micro = Duration::microseconds(1);

    for (store, key) in [(&utc, key('a')?), (&odd, key('b')?)] {
        assert_eq!(store.load(&key, expires - micro).await?.ok_or("alive")?.expire_date, expires);
        assert!(store.load(&key, expires).await?.is_none());
    }
    assert_eq!(odd.clear_expired(expires).await?, 0);
    assert_eq!(odd.clear_expired(expires + micro).await?, 2);
    Ok(())
}

crate::support::databases::on_every_database! {
    extra_columns_are_written_when_their_kind_says_so
    a_unique_column_of_ones_own_is_no_taken_key
    what_the_database_refuses_is_no_503
    rows_are_administered_as_djangos_manager_does
    sixteen_migrations_at_once_all_succeed
    problems_of_the_table_are_told_in_sentences
    django_is_told_that_its_migration_has_run
    fifty_requests_at_once_keep_fifty_names
    in_local_time_sessions_live_as_long_as_elsewhere
    in_local_time_the_date_that_a_session_has_as_its_expiry_carries_no_offset
}

#[test]
fn the_same_cases_run_on_every_database() {
    let rows = [
        ("conformance", jam_session::testing::conformance::cases().len()),
        ("query budget", crate::budget::cases()),
        ("schema and models", CASES.len()),
        ("whose sessions", crate::user_sessions::CASES.len()),
        ("ending them", crate::revoking::CASES.len()),
        ("batching", crate::batching::CASES.len()),
        ("hashed keys", crate::hashed_keys::cases()),
    ];
    println!("databases: {:<20} {:>7} {:>11} {:>8}", "cases", "SQLite", "PostgreSQL", "MariaDB");
    for (name, count) in rows {
        println!("databases: {name:<20} {count:>7} {count:>11} {count:>8}");
        assert!(count > 5, "{name}");
    }
}

#[tokio::test]
async fn on_postgres_an_odd_time_zone_changes_nothing() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let url = format!("{}%20-c%20TimeZone%3DAsia/Kathmandu", scratch.url);
    let odd = sqlx::postgres::PgPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move { sqlx::raw_sql("SET TIME ZONE 'Asia/Kathmandu'").execute(connection).await.map(|_| ()) })
    });
    an_odd_time_zone_changes_nothing(&scratch.pool, &odd.connect(&url).await?).await
}

#[tokio::test]
async fn on_mariadb_an_odd_time_zone_changes_nothing() -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    let odd = sqlx::mysql::MySqlPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move { sqlx::raw_sql("SET time_zone = '+05:45'").execute(connection).await.map(|_| ()) })
    });
    an_odd_time_zone_changes_nothing(&scratch.pool, &odd.connect(&scratch.url).await?).await
}

#[tokio::test]
async fn on_sqlite_there_is_no_time_zone_to_be_odd() -> TestResult {
    let Some(scratch) = databases::sqlite().await else { return Ok(()) };
    an_odd_time_zone_changes_nothing(&scratch.pool, &scratch.pool).await
}

#[tokio::test]
async fn a_postgres_table_may_be_in_another_schema() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let schema = scratch.url.rsplit("%3D").next().ok_or("a schema")?;
    // A connection that does not look there by itself.
    let server = scratch.url.split(['?', '&']).next().ok_or("a server")?;
    let pool = sqlx::PgPool::connect(server).await?;
    let store = DbStore::<sqlx::Postgres>::with_table(pool.clone(), &format!("{schema}.web_session"))?;

    store.migrate().await?;

    assert_eq!(store.check_schema().await?, []);
    let now = Moment::new().now();
    store.create(&key('a')?, &draft("{}", now + Duration::hours(1))?, now).await?;
    assert!(store.load(&key('a')?, now).await?.is_some());
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT 1 FROM {schema}.web_session"))).fetch_all(&pool).await?;
    assert_eq!(rows.len(), 1);
    Ok(())
}

#[tokio::test]
async fn mariadb_tells_keys_and_data_apart_byte_for_byte() -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    for collation in ["utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_uca1400_ai_ci", "utf8mb4_bin"] {
        let table = format!("t_{collation}");
        let store = DbStore::<sqlx::MySql>::with_table(scratch.pool.clone(), &table)?;
        store.migrate().await?;
        run(&scratch.pool, &format!("ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}"))
            .await?;
        let now = Moment::new().now();
        let mut loaded = store.create(&key('a')?, &draft(r#"{"name":"a"}"#, now + Duration::hours(1))?, now).await?;

        let shouted = SessionKey::parse(&key('a')?.as_str().to_uppercase())?;
        assert!(store.load(&shouted, now).await?.is_none() && !store.exists(&shouted).await?);
        store.delete(&shouted).await?;
        loaded.stored = jam_session::StoredText(r#"{"name":"A"}"#.into());
        let saved = store.save(&loaded, &draft("{}", now + Duration::hours(1))?, now).await?;
        assert!(matches!(saved, Saved::Conflict(_)), "{collation}: {saved:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_says_what_to_do_and_keeps_the_password() -> TestResult {
    for (url, cure) in [
        ("postgres://web:s3cret@127.0.0.1:1/shop", "check that the server runs there"),
        ("mysql://web:s3cret@127.0.0.1:1/shop", "check that the server runs there"),
        ("sqlite:/nowhere/at/all/s3cret.db", "check that its directory exists"),
        ("oracle://web:s3cret@127.0.0.1/shop", "begins with none of `sqlite:`"),
        ("s3cret", "begins with none of `sqlite:`"),
    ] {
        let error = jam_session::connect(url).await.expect_err(url);
        let text = format!("{}: {error:?}", std::error::Error::source(&error).ok_or("a cause")?);
        assert!(text.contains(cure), "{text}");
        assert!(!text.contains("s3cret") || url.starts_with("sqlite:"), "{text}");
    }
    let mut stores = vec![jam_session::connect("sqlite::memory:").await?];
    if let Some(scratch) = databases::postgres().await {
        stores.push(jam_session::connect(&scratch.url).await?);
    }
    assert!(!stores.is_empty());
    Ok(())
}
