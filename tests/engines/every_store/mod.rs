//! What a session promises whatever its store: the same cases on each of them, through the layer.

mod ended;
mod login;
mod sliding;
mod valid_from;

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Router, body::Body};
use http::{Request, Response, StatusCode, header};
use jam_session::{
    CacheStore, CachedDbStore, Clock, DbStore, DjangoCache, ErasedStore, FileStore, HashKeys, LocMemCache, MemoryStore,
    SessionKey, SessionLayer, SessionStore, SignedCookieStore, Signer, sqlx::Pool,
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;

use crate::{TestResult, databases, redis};

/// A clock that stands still until it is moved.
#[derive(Clone)]
struct Moment(Arc<AtomicI64>);

impl Moment {
    fn new() -> Self {
        // A cache knows no other clock than its own, so that this one begins where that stands.
        Self(Arc::new(AtomicI64::new(OffsetDateTime::now_utc().unix_timestamp() * 1_000_000 + 250_000)))
    }

    fn now(&self) -> OffsetDateTime {
        let micros = i128::from(self.0.load(Ordering::SeqCst));
        OffsetDateTime::from_unix_timestamp_nanos(micros * 1000).expect("a date of this millennium")
    }

    fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.whole_microseconds()).expect("a short while");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let moment = self.clone();
        Clock::from_fn(move || moment.now())
    }
}

/// An empty store, and what must live as long as it does.
struct Place {
    name: &'static str,
    store: ErasedStore,
    hash_keys: HashKeys,
    _beside: Box<dyn Any + Send>,
}

impl Place {
    fn new(name: &'static str, store: impl SessionStore, beside: impl Any + Send) -> Self {
        Self { name, store: ErasedStore::new(store), hash_keys: HashKeys::Off, _beside: Box::new(beside) }
    }

    /// Whether the cookie is the session: nothing that is stored can be ended.
    fn is_cookie(&self) -> bool {
        self.name.ends_with("cookies")
    }

    fn layer(&self, moment: &Moment) -> SessionLayer {
        SessionLayer::new(self.store.clone()).clock(moment.clock()).hash_keys(self.hash_keys)
    }
}

/// Every kind of store, each of them empty; a server that is missing leaves out its own.
async fn every_store() -> TestResult<Vec<Place>> {
    let directory = TempDir::new()?;
    let mut places = vec![
        Place::new("memory", MemoryStore::new(), ()),
        Place { hash_keys: HashKeys::On, ..Place::new("hashed keys", MemoryStore::new(), ()) },
        Place::new("file", FileStore::new(directory.path().join("sessions"))?, directory),
        Place::new("cache", CacheStore::new(LocMemCache::new()), ()),
        Place::new("cached_db", CachedDbStore::new(MemoryStore::new(), LocMemCache::new()), ()),
        Place::new("django's cache", DjangoCache::new(MemoryStore::new(), LocMemCache::new()), ()),
        Place::new("signed cookies", SignedCookieStore::new(Signer::new("secret")), ()),
        Place::new("encrypted cookies", SignedCookieStore::encrypted(Signer::new("secret")), ()),
    ];
    if let Some(scratch) = databases::sqlite().await {
        places.push(Place::new("sqlite", migrated(&scratch.pool).await?, scratch));
    }
    if let Some(scratch) = databases::postgres().await {
        places.push(Place::new("postgresql", migrated(&scratch.pool).await?, scratch));
    }
    if let Some(scratch) = databases::mysql().await {
        places.push(Place::new("mariadb", migrated(&scratch.pool).await?, scratch));
    }
    if let Some(scratch) = redis::scratch()? {
        let store = CacheStore::new(scratch.cache.clone()).cache_key_prefix(&scratch.prefix);
        places.push(Place::new("redis", store, scratch));
    }
    Ok(places)
}

async fn migrated<DB: jam_session::Driver>(pool: &Pool<DB>) -> TestResult<DbStore<DB>> {
    let store = DbStore::new(pool.clone());
    store.migrate().await?;
    Ok(store)
}

async fn send(site: &Router, path: &str, cookie: &str) -> TestResult<Response<Body>> {
    let request = Request::builder().uri(path).header(header::COOKIE, cookie).body(Body::empty())?;
    Ok(site.clone().oneshot(request).await?)
}

/// The value of the session cookie that a response sets, empty where the browser must forget it.
fn cookie_of(response: &Response<Body>) -> Option<String> {
    let set_cookie = response.headers().get(header::SET_COOKIE)?.to_str().ok()?;
    Some(set_cookie.split(';').next()?.to_owned())
}

/// The key that a cookie carries.
fn key_in(cookie: &str) -> TestResult<SessionKey> {
    Ok(SessionKey::parse(cookie.split_once('=').ok_or("a name and a value")?.1)?)
}

fn is_ok(response: &Response<Body>) -> bool {
    response.status() == StatusCode::OK
}
