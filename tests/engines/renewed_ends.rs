//! Ends of a session whose key was renewed meanwhile: every order of the steps, on every store. An end that was answered
//! with success leaves no session alive, and one that found nothing of what it had loaded says so.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration as StdDuration,
};

use http::{Request, Response, header};
use jam_session::{
    CacheStore, CachedDbStore, Clock, DbStore, Error, ErrorKind, FileStore, HashKeys, LazySession, LocMemCache,
    MemoryStore, RedisCache, Session, SessionKey, SessionLayer, SessionStore, SqliteStore,
};
use time::{Duration, OffsetDateTime};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{TestResult, databases, redis::server::Server};

const RENEW_AFTER: StdDuration = StdDuration::from_secs(60);
const GRACE: Duration = Duration::seconds(30);
/// How long a pointer serves to end the session.
const ENDABLE: Duration = Duration::minutes(10);

/// What happens before the end comes, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The request that ends the session loads it, with the first key.
    Load,
    Renew,
    GracePasses,
    TenMinutesPass,
}

use Step::{GracePasses, Load, Renew, TenMinutesPass};

/// Who ends the session, always with the first key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The request that has loaded it.
    Flush,
    /// One that has not.
    FlushLazily,
    Delete,
}

#[derive(Clone)]
struct Moment(Arc<AtomicI64>);

impl Moment {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(self.0.load(Ordering::SeqCst))
    }

    fn pass(&self, time: Duration) {
        self.0.fetch_add(time.whole_seconds(), Ordering::SeqCst);
    }
}

struct Scene {
    moment: Moment,
    /// Its processes renew keys, and the one that ends the session may not.
    layer: SessionLayer,
    ender: SessionLayer,
    /// The keys that the session has had.
    keys: Vec<SessionKey>,
    /// When each of them was renewed.
    renewed: Vec<OffsetDateTime>,
    loaded: Option<(Session, Option<usize>)>,
}

impl Scene {
    async fn new(store: impl SessionStore + Clone, hash_keys: HashKeys, ender_renews: bool) -> TestResult<Self> {
        let moment = Moment(Arc::new(AtomicI64::new(1_700_000_000)));
        let clock = moment.clone();
        let ender = SessionLayer::new(store).clock(Clock::from_fn(move || clock.now())).hash_keys(hash_keys);
        let layer = ender.clone().renew_after(RENEW_AFTER);
        let ender = if ender_renews { layer.clone() } else { ender };
        let session = layer.create().await?;
        session.insert("who", "alice")?;
        session.save().await?;
        let keys = vec![session.session_key().ok_or("a key")?];
        Ok(Self { moment, layer, ender, keys, renewed: Vec::new(), loaded: None })
    }

    async fn step(&mut self, step: Step) -> TestResult {
        match step {
            Load => {
                let session = self.ender.open(&self.keys[0]).await?;
                let place = session.session_key().and_then(|key| self.keys.iter().position(|of| *of == key));
                assert_eq!(place, self.readable(), "a pointer is followed for the grace");
                self.loaded = Some((session, place));
            }
            Renew => {
                self.moment.pass(Duration::MINUTE);
                let last = self.keys[self.keys.len() - 1].clone();
                let key = renew(&self.layer, &last).await?;
                assert_ne!(key, last, "its key was due");
                self.keys.push(key);
                self.renewed.push(self.moment.now());
            }
            GracePasses => self.moment.pass(GRACE),
            TenMinutesPass => self.moment.pass(ENDABLE),
        }
        Ok(())
    }

    /// Which key a request with the first one is given.
    fn readable(&self) -> Option<usize> {
        match self.renewed[..] {
            [] => Some(0),
            [first] if self.moment.now() < first + GRACE => Some(1),
            _ => None,
        }
    }

    /// Whether an end that begins with the key of this number reaches the session.
    fn reaches(&self, from: usize) -> bool {
        self.renewed.get(from).is_none_or(|renewed| self.moment.now() < *renewed + ENDABLE)
    }

    async fn alive(&self) -> TestResult<bool> {
        let mut alive = false;
        for key in &self.keys {
            alive |= self.layer.open(key).await?.contains_key("who");
        }
        Ok(alive)
    }

    /// Ends the session, and holds the answer against what is left.
    async fn end(&mut self, end: End, what: &str) -> TestResult<&'static str> {
        let loaded = self.loaded.take().filter(|_| end == End::Flush);
        let from = loaded.as_ref().map_or(Some(0), |(_, place)| *place);
        let reached = from.is_some_and(|from| self.reaches(from));
        let result = match (&loaded, end) {
            (Some((session, _)), _) => session.flush().await,
            (None, End::Delete) => self.ender.delete(&self.keys[0]).await,
            (None, _) => flush_lazily(&self.ender, &self.keys[0]).await,
        };

        let had_loaded = loaded.is_some_and(|(_, place)| place.is_some());
        match result {
            Ok(()) => assert!(reached || !had_loaded, "{what}: it ended nothing, and says nothing of it"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Interrupted, "{what}: {error}");
                assert!(!reached && had_loaded, "{what}: interrupted");
            }
        }
        assert_eq!(self.alive().await?, !reached, "{what}: what is left");
        Ok(if reached {
            "ended"
        } else if had_loaded {
            "interrupted"
        } else {
            "nothing to end"
        })
    }
}

/// A request that reads the session, and the key that it is told.
async fn renew(layer: &SessionLayer, key: &SessionKey) -> TestResult<SessionKey> {
    let read = service_fn(|request: Request<()>| async move {
        assert!(LazySession::of(request.extensions())?.load().await?.contains_key("who"));
        Ok::<_, Error>(Response::new(()))
    });
    let request = Request::builder().header(header::COOKIE, format!("sessionid={}", key.as_str())).body(())?;
    let response = layer.layer(read).oneshot(request).await?;
    let cookie = response.headers().get(header::SET_COOKIE).ok_or("a renewed key is told")?.to_str()?;
    let value = cookie.split([';', '=']).nth(1).ok_or("a cookie has a value")?;
    Ok(SessionKey::parse(value)?)
}

async fn flush_lazily(layer: &SessionLayer, key: &SessionKey) -> Result<(), Error> {
    let flush = service_fn(|request: Request<()>| async move {
        LazySession::of(request.extensions())?.flush().await?;
        Ok::<_, Error>(Response::new(()))
    });
    let cookie = format!("sessionid={}", key.as_str()).parse::<header::HeaderValue>().expect("a key is ASCII");
    let mut request = Request::new(());
    request.headers_mut().insert(header::COOKIE, cookie);
    layer.layer(flush).oneshot(request).await.map(|_| ())
}

/// Every order of every selection of these steps.
fn orders() -> Vec<Vec<Step>> {
    let mut orders = vec![Vec::new()];
    let mut begun = 0;
    while begun < orders.len() {
        let order: Vec<Step> = orders[begun].clone();
        begun += 1;
        for (step, most) in [(Load, 1), (Renew, 2), (GracePasses, 1), (TenMinutesPass, 1)] {
            if order.iter().filter(|of| **of == step).count() < most {
                orders.push([&order[..], &[step]].concat());
            }
        }
    }
    orders
}

/// The figures of all orders on one store.
async fn every_order(place: &str, store: impl SessionStore + Clone, hash_keys: HashKeys) -> TestResult {
    let mut figures = BTreeMap::<_, usize>::new();
    for order in orders() {
        for (end, renews) in [(End::Flush, true), (End::Flush, false), (End::FlushLazily, false), (End::Delete, true)] {
            if (end == End::Flush) != order.contains(&Load) {
                continue;
            }
            let what = format!("{place}: {order:?}, then {end:?}, renew_after here: {renews}");
            let mut scene = Scene::new(store.clone(), hash_keys, renews).await?;
            for step in &order {
                scene.step(*step).await.map_err(|error| format!("{what}: {error}"))?;
            }
            *figures.entry(scene.end(end, &what).await?).or_default() += 1;
        }
    }
    println!("renewal: ends on {place}: {figures:?}");
    assert_eq!(figures.len(), 3, "{figures:?}");
    Ok(())
}

#[tokio::test]
async fn an_end_reaches_a_renewed_session_or_says_so_in_memory() -> TestResult {
    every_order("memory", MemoryStore::new(), HashKeys::Off).await?;
    every_order("memory, hashed keys", MemoryStore::new(), HashKeys::On).await
}

#[tokio::test]
async fn an_end_reaches_a_renewed_session_or_says_so_in_files() -> TestResult {
    let folder = tempfile::tempdir()?;
    every_order("files", FileStore::new(folder.path().join("sessions"))?, HashKeys::Off).await
}

#[tokio::test]
async fn an_end_reaches_a_renewed_session_or_says_so_in_a_cache() -> TestResult {
    every_order("cache", CacheStore::new(LocMemCache::new()), HashKeys::Off).await
}

#[tokio::test]
async fn an_end_reaches_a_renewed_session_or_says_so_in_redis() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    every_order("redis", CacheStore::new(RedisCache::connect(&server.url())?), HashKeys::Off).await
}

#[tokio::test]
async fn an_end_reaches_a_renewed_session_or_says_so_on_sqlite() -> TestResult {
    let store: SqliteStore = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    every_order("sqlite", store.clone(), HashKeys::Off).await?;
    every_order("sqlite, migrating to hashed keys", store.clone(), HashKeys::Migrating).await?;
    every_order("sqlite behind a cache", CachedDbStore::new(store, LocMemCache::new()), HashKeys::Off).await
}

#[tokio::test]
async fn an_end_reaches_a_renewed_session_or_says_so_on_postgres() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    let store: DbStore<sqlx::Postgres> = DbStore::new(scratch.pool.clone());
    store.migrate().await?;
    every_order("postgresql", store, HashKeys::Off).await
}

#[tokio::test]
async fn an_end_reaches_a_renewed_session_or_says_so_on_mariadb() -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    let store: DbStore<sqlx::MySql> = DbStore::new(scratch.pool.clone());
    store.migrate().await?;
    every_order("mariadb", store, HashKeys::Off).await
}
