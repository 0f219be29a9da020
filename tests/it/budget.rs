//! The query budget: how many statements each kind of request costs, counted exactly.
//!
//! The same cases run on every database, and on a store that counts its operations.

use std::{collections::BTreeMap, time::Duration};

use jam_session::{
    DbStore, Driver, SessionLayer, SessionStore, SqliteStore,
    sqlx::{self, Executor, Pool, mysql::MySqlPoolOptions, postgres::PgPoolOptions},
};

use crate::support::{Log, Moment, Op, Probe, TestResult, cookie_of, databases, send, site, visitor};

/// What the request carries.
#[derive(Clone, Copy)]
enum Cookie {
    None,
    Stored,
    /// Stored, with an expiry of its own.
    Idle,
    Expired,
    Unknown,
    Malformed,
    /// A stored one and an unknown one.
    Twins,
    TwoStored,
    FiveKeys,
}

use Cookie::{Expired, FiveKeys, Idle, Malformed, None, Stored, Twins, TwoStored, Unknown};

/// A row of the table: what is done, and what it costs.
struct Case {
    name: &'static str,
    cookie: Cookie,
    path: &'static str,
    settings: fn(SessionLayer) -> SessionLayer,
    cost: &'static str,
}

const fn case(name: &'static str, cookie: Cookie, path: &'static str, cost: &'static str) -> Case {
    Case { name, cookie, path, settings: |layer| layer, cost }
}

const CASES: [Case; 31] = [
    case("untouched without cookie", None, "/untouched", "nothing"),
    case("untouched with cookie", Stored, "/untouched", "nothing"),
    case("no cookie, read", None, "/read", "nothing"),
    case("cookie, read", Stored, "/read", "SELECT 1"),
    case("cookie, read and written", Stored, "/count", "SELECT 1, UPDATE 1"),
    case("first write of a new session", None, "/write", "INSERT 1"),
    case("cycle_key without a row", None, "/cycle", "INSERT 1"),
    case("unknown key, read", Unknown, "/read", "SELECT 1"),
    case("unknown key, written", Unknown, "/write", "INSERT 1, SELECT 1"),
    case("expired key, read", Expired, "/read", "SELECT 1"),
    case("expired key, written", Expired, "/write", "INSERT 1, SELECT 1"),
    case("malformed key, read", Malformed, "/read", "nothing"),
    case("malformed key, written", Malformed, "/write", "INSERT 1"),
    case("cycle_key", Stored, "/cycle", "SELECT 1, UPDATE 1"),
    case("cycle_key with other changes", Stored, "/cycle-and-write", "SELECT 1, UPDATE 1"),
    case("flush through LazySession", Stored, "/flush-lazily", "DELETE 1, SELECT 1"),
    case("flush through Session", Stored, "/flush", "DELETE 1, SELECT 1"),
    case("flush, unknown key", Unknown, "/flush-lazily", "DELETE 1, SELECT 1"),
    case("an equal value written", Stored, "/write", "SELECT 1"),
    case("an equal expiry set", Idle, "/expire", "SELECT 1, UPDATE of expire_date 1"),
    case("an equal expiry set, and written", Idle, "/expire-and-count", "SELECT 1, UPDATE 1"),
    case("two cookies, untouched", Twins, "/untouched", "nothing"),
    case("two cookies, one live, read", Twins, "/read", "SELECT 2"),
    case("two cookies, one live, read and written", Twins, "/count", "SELECT 2, UPDATE 1"),
    case("two cookies, one live, cycle_key", Twins, "/cycle", "SELECT 2, UPDATE 1"),
    case("two cookies, one live, flush", Twins, "/flush", "DELETE 1, SELECT 2"),
    case("two cookies, flush through LazySession", Twins, "/flush-lazily", "DELETE 2, SELECT 2"),
    case("two cookies, both live, read", TwoStored, "/read", "SELECT 2"),
    case("two cookies, both live, written", TwoStored, "/count", "INSERT 1, SELECT 2"),
    case("two cookies, both live, flush", TwoStored, "/flush", "DELETE 2, SELECT 4"),
    case("five cookies, written", FiveKeys, "/count", "INSERT 1"),
];

/// The rows about extending a session that nobody changes, and about renewing its key.
const EXTENDING: [Case; 9] = [
    Case {
        settings: |layer| layer.refresh_threshold(ALREADY),
        ..case("sliding expiry due", Stored, "/read", "SELECT 1, UPDATE of expire_date 1")
    },
    Case {
        settings: |layer| layer.refresh_threshold(NOT_YET),
        ..case("sliding expiry not due", Stored, "/read", "SELECT 1")
    },
    Case {
        settings: |layer| layer.refresh_threshold(ALREADY),
        ..case("sliding expiry, untouched", Stored, "/untouched", "nothing")
    },
    Case {
        settings: |layer| layer.save_every_request(true),
        ..case("save_every_request, read", Stored, "/read", "SELECT 1, UPDATE of expire_date 1")
    },
    Case {
        settings: |layer| layer.save_every_request(true),
        ..case("save_every_request, untouched", Stored, "/untouched", "SELECT 1, UPDATE of expire_date 1")
    },
    Case {
        settings: |layer| layer.renew_after(ALREADY),
        ..case("renewal due, read", Stored, "/read", "INSERT 1, SELECT 1, UPDATE 1")
    },
    Case {
        settings: |layer| layer.renew_after(ALREADY),
        ..case("renewal due, written", Stored, "/count", "INSERT 1, SELECT 1, UPDATE 1")
    },
    Case { settings: |layer| layer.renew_after(NOT_YET), ..case("renewal not due", Stored, "/read", "SELECT 1") },
    Case {
        settings: |layer| layer.renew_after(NOT_YET),
        ..case("renewal, flush", Stored, "/flush", "DELETE 1, SELECT 1")
    },
];

/// How long after the first visit the counted request comes.
const LATER: time::Duration = time::Duration::minutes(10);
const ALREADY: Duration = Duration::from_secs(10 * 60);
const NOT_YET: Duration = Duration::from_secs(10 * 60 + 1);
const EXPIRES: Duration = Duration::from_secs(5 * 60);

/// Where statements are counted.
trait Ledger {
    /// The kinds of the statements since the last time somebody asked.
    async fn take(&self) -> TestResult<Vec<&'static str>>;
}

/// Runs every case on `store`, whose statements come into `ledger`.
async fn keeps_to_the_budget(place: &str, store: impl SessionStore + Clone, ledger: impl Ledger) -> TestResult {
    let mut wrong = Vec::new();
    for case in CASES.iter().chain(&EXTENDING) {
        let cost = cost_of(case, &store, &ledger).await.map_err(|error| format!("{}: {error}", case.name))?;
        println!("budget: {} … {cost} ({place})", case.name);
        if cost != case.cost {
            wrong.push(format!("{}: {cost} instead of {}", case.name, case.cost));
        }
    }
    // The store itself looks whether there is nothing under the old key.
    let elsewhere = if place == "store" { "INSERT 1, UPDATE 1" } else { "INSERT 1, SELECT 1, UPDATE 1" };
    let [here, there] = login_twice(place, &store, &ledger).await?;
    for (name, cost, budget) in [("in one process", here, "SELECT 1, UPDATE 1"), ("in two processes", there, elsewhere)]
    {
        if cost != budget {
            wrong.push(format!("login twice {name}: {cost} instead of {budget}"));
        }
    }
    assert!(wrong.is_empty(), "on {place}:\n{}", wrong.join("\n"));
    Ok(())
}

async fn cost_of(case: &Case, store: &(impl SessionStore + Clone), ledger: &impl Ledger) -> TestResult<String> {
    let moment = Moment::new();
    let layer = (case.settings)(SessionLayer::new(store.clone()).clock(moment.clock()));
    let layer = if matches!(case.cookie, Expired) { layer.cookie_age(EXPIRES) } else { layer };
    let site = site(layer);
    let cookie = match case.cookie {
        None => String::new(),
        Stored | Expired => visitor(&site).await,
        Idle => cookie_of(&send(&site, "/expire", "").await).ok_or("a new session sets a cookie")?,
        Unknown => "sessionid=0123456789abcdefghijklmnopqrstuv".to_owned(),
        Malformed => "sessionid=0123456789ABCDEF".to_owned(),
        Twins => format!("{}; sessionid=0123456789abcdefghijklmnopqrstuv", visitor(&site).await),
        TwoStored => format!("{}; {}", visitor(&site).await, visitor(&site).await),
        FiveKeys => (0..5).map(|n| format!("sessionid={n:0>32}")).collect::<Vec<_>>().join("; "),
    };
    moment.advance(LATER);
    ledger.take().await?;

    let response = send(&site, case.path, &cookie).await;

    if !response.status().is_success() {
        return Err(format!("status {}", response.status()).into());
    }
    Ok(summary(ledger.take().await?))
}

fn summary(kinds: Vec<&'static str>) -> String {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

/// Statements as sqlx logs them: one event each.
struct Statements<DB: Driver> {
    log: Log,
    pool: Pool<DB>,
    /// By which a statement is known: the log is of the whole process, and does not tell which test a thread
    /// of the database works for.
    table: String,
}

impl<DB: Driver> Ledger for Statements<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn take(&self) -> TestResult<Vec<&'static str>> {
        // SQLite's thread answers before it logs. When it answers this, it has logged what came before.
        sqlx::raw_sql("SELECT 1").execute(&self.pool).await?;
        let lines = self.log.take();
        let statements =
            lines.iter().filter_map(|line| line.split_once(" sqlx::query:")?.1.split_once("db.statement="));
        statements.map(|(_, sql)| sql.trim()).filter(|sql| sql.contains(&self.table)).map(kind).collect()
    }
}

fn kind(sql: &str) -> TestResult<&'static str> {
    let sets = || sql.split_once(" SET ").and_then(|(_, rest)| rest.split_once(" WHERE ")).map(|(sets, _)| sets);
    let expiry_alone = || sets().is_some_and(|sets| sets.starts_with("expire_date =") && !sets.contains(','));
    match sql.split_whitespace().next() {
        Some("SELECT") => Ok("SELECT"),
        Some("INSERT") => Ok("INSERT"),
        Some("UPDATE") if expiry_alone() => Ok("UPDATE of expire_date"),
        Some("UPDATE") => Ok("UPDATE"),
        Some("DELETE") => Ok("DELETE"),
        _ => Err(format!("not in the budget: {sql}").into()),
    }
}

/// Makes the table and counts on it. The pool has one connection, so that its thread works in order.
async fn keeps_to_the_budget_on<DB: Driver>(place: &str, pool: Pool<DB>) -> TestResult
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let table = format!("budget_{place}");
    let store = DbStore::<DB>::with_table(pool.clone(), &table)?;
    store.migrate().await?;
    keeps_to_the_budget(place, store, Statements { log: Log::of_all_threads(), pool, table }).await
}

#[tokio::test]
async fn every_request_keeps_to_the_budget_on_sqlite() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    keeps_to_the_budget_on("sqlite", store.pool().clone()).await
}

/// A store's operation is one statement.
impl Ledger for Probe {
    async fn take(&self) -> TestResult<Vec<&'static str>> {
        let kind = |op| match op {
            Op::Load | Op::Exists => "SELECT",
            Op::Create => "INSERT",
            Op::Save | Op::Cycle => "UPDATE",
            Op::Touch => "UPDATE of expire_date",
            Op::Delete => "DELETE",
        };
        Ok(self.take_calls().into_iter().map(kind).collect())
    }
}

#[tokio::test]
async fn every_request_keeps_to_the_budget_by_the_operations_of_the_store() -> TestResult {
    let probe = Probe::new();
    keeps_to_the_budget("store", probe.clone(), probe).await
}

#[tokio::test]
async fn every_request_keeps_to_the_budget_on_postgres() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let pool = PgPoolOptions::new().max_connections(1).connect(&scratch.url).await?;
    keeps_to_the_budget_on("postgresql", pool).await
}

#[tokio::test]
async fn every_request_keeps_to_the_budget_on_mariadb() -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    let pool = MySqlPoolOptions::new().max_connections(1).connect(&scratch.url).await?;
    keeps_to_the_budget_on("mariadb", pool).await
}

/// A login form that is sent twice: both requests have loaded the session before either saves it. Gives what the save of
/// the second costs, in the process of the first and in another.
async fn login_twice(
    place: &str,
    store: &(impl SessionStore + Clone),
    ledger: &impl Ledger,
) -> TestResult<[String; 2]> {
    let layer = SessionLayer::new(store.clone());
    let another = SessionLayer::new(store.clone());
    let mut costs = [String::new(), String::new()];
    for (cost, second) in costs.iter_mut().zip([&layer, &another]) {
        let visitor = layer.create().await?;
        visitor.insert("cart", &1)?;
        visitor.save().await?;
        let key = visitor.session_key().ok_or("it is stored")?;
        for session in [layer.open(&key).await?, second.open(&key).await?] {
            session.cycle_key()?;
            session.insert("_auth_user_id", "7")?;
            ledger.take().await?;
            session.save().await?;
        }
        *cost = summary(ledger.take().await?);
        println!("budget: login twice … SELECT 1, then {cost} ({place})");
    }
    Ok(costs)
}

/// How many kinds of request are counted, on each database.
pub(crate) fn cases() -> usize {
    CASES.len() + EXTENDING.len() + 2
}
