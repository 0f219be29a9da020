//! Two sides and one table: a Django, and a store and a layer of ours.

use jam_session::{
    BaseSession, DbStore, Driver, Session, SessionKey, SessionLayer, Settings, Signer,
    sqlx::{MySql, Postgres, Sqlite},
    testing::TestClock,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};

use crate::{
    berlin,
    django::{Django, SECRET_KEY, text},
    support::{
        TestResult,
        databases::{self, Scratch},
        django_databases,
    },
};

/// Where the clocks of both sides stand at first.
const NOW: OffsetDateTime = datetime!(2024-07-01 12:00:00.123456 UTC);

/// How long our side waits for a database.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Who makes the table.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    Djangos,
    Ours,
}

pub(crate) struct Site<DB: Driver> {
    pub(crate) django: Django,
    pub(crate) store: DbStore<DB>,
    pub(crate) clock: TestClock,
    /// `Django 5.2.19, Python 3.11, SQLite`.
    pub(crate) name: String,
    figures: Vec<String>,
    _scratch: Scratch<DB>,
}

pub(crate) async fn sqlite(version: &str, more: Value) -> TestResult<Option<Site<Sqlite>>> {
    let Some(scratch) = databases::sqlite().await else { return Ok(None) };
    let database = django_databases::sqlite(&scratch.url);
    Site::open("SQLite", version, scratch, &database, &more).await
}

pub(crate) async fn postgres(version: &str, more: Value) -> TestResult<Option<Site<Postgres>>> {
    let Some(scratch) = databases::postgres().await else { return Ok(None) };
    let database = django_databases::postgres(&scratch.url)?;
    Site::open("PostgreSQL", version, scratch, &database, &more).await
}

pub(crate) async fn mariadb(version: &str, more: Value) -> TestResult<Option<Site<MySql>>> {
    let Some(scratch) = databases::mysql().await else { return Ok(None) };
    let database = django_databases::mysql(&scratch.url)?;
    Site::open("MariaDB", version, scratch, &database, &more).await
}

impl<DB: Driver> Site<DB> {
    async fn open(
        on: &str,
        version: &str,
        scratch: Scratch<DB>,
        database: &Value,
        more: &Value,
    ) -> TestResult<Option<Self>> {
        let Some(django) = Django::start(version, database, more).await? else { return Ok(None) };
        let mut store = DbStore::<DB, BaseSession>::new(scratch.pool.clone()).signing(Signer::new(SECRET_KEY));
        let mut name = format!("{}, {on}", django.name);
        if more["USE_TZ"] == false {
            store = store.local_time(berlin::offset);
            name.push_str(", USE_TZ = False");
        }
        let mut site = Self { django, store, clock: TestClock::at(NOW), name, figures: Vec::new(), _scratch: scratch };
        site.stop_the_clock(NOW).await?;
        Ok(Some(site))
    }

    /// What the test has to tell.
    pub(crate) fn report(&mut self, figures: String) {
        self.figures.push(figures);
    }

    /// Prints the figures and lets Django end.
    pub(crate) async fn close(self) -> TestResult {
        println!("django: {}: {}", self.name, self.figures.join("; "));
        self.django.stop().await
    }

    /// Makes the tables; Django makes those of its users in any case.
    pub(crate) async fn migrate(&mut self, table: Table) -> TestResult {
        match table {
            Table::Ours => {
                self.store.migrate().await?;
                self.name.push_str(", our table");
            }
            Table::Djangos => self.name.push_str(", Django's table"),
        }
        self.ask("migrate", json!({})).await?;
        assert_eq!(self.store.check_schema().await?, [], "our own check of the table");
        Ok(())
    }

    /// Both clocks show `now`.
    pub(crate) async fn stop_the_clock(&mut self, now: OffsetDateTime) -> TestResult {
        self.clock = TestClock::at(now);
        self.ask("freeze", json!({ "now": micros(now) })).await?;
        Ok(())
    }

    pub(crate) async fn ask(&mut self, command: &str, arguments: Value) -> TestResult<Value> {
        self.django.ask(command, arguments).await
    }

    /// Our side, with the settings that go with Django's.
    pub(crate) fn layer(&self) -> TestResult<SessionLayer> {
        self.layer_with(Settings::django())
    }

    pub(crate) fn layer_with(&self, settings: Settings) -> TestResult<SessionLayer> {
        let layer = SessionLayer::with_settings(self.store.clone(), settings)?.clock(self.clock.clock());
        // It is not about time, and the machine may be busy.
        Ok(layer.load_deadline(PATIENCE).save_deadline(PATIENCE))
    }

    pub(crate) async fn open_session(&self, key: &str) -> TestResult<Session> {
        Ok(self.layer()?.open(&SessionKey::parse(key)?).await?)
    }

    /// Whether Django's row of this key can be loaded by both sides, or by neither.
    pub(crate) async fn is_live(&mut self, key: &str) -> TestResult<bool> {
        let ours = self.open_session(key).await?.session_key().is_some();
        let djangos = self.ask("load", json!({ "key": key })).await?["key"] == key;
        assert_eq!(ours, djangos, "{}: both sides see a session, or neither", self.name);
        Ok(ours)
    }

    /// What Django has in a session, as JSON text.
    pub(crate) async fn djangos_view(&mut self, key: &str) -> TestResult<String> {
        let loaded = self.ask("load", json!({ "key": key })).await?;
        assert_eq!(loaded["key"], key, "{}: Django does not find the session", self.name);
        Ok(text(&loaded["text"]).to_owned())
    }
}

/// The key of a session that is stored.
pub(crate) fn key_of(session: &Session) -> String {
    session.session_key().expect("it is stored").as_str().to_owned()
}

pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).expect("a date of this millennium")
}
