//! What an error of the store means for the response: only what may pass is a 503, which takes a server out of its
//! proxy's rotation.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Body, routing::any};
use http::{Response, StatusCode, header};
use jam_session::{
    CacheStore, Draft, Error, ErrorKind, FileStore, JsonSerializer, Limits, LocMemCache, MemoryStore, Record, Saved,
    Session, SessionKey, SessionLayer, SessionStore, SignedCookieStore, Signer, SqliteStore, StoreError, sqlx,
};
use time::OffsetDateTime;

use crate::support::{TestResult, cookie_of, key_in, page, send, site, text, visitor};

/// Each error of a store with its kind. What a new one is like has to be decided here.
fn errors() -> Vec<(StoreError, ErrorKind)> {
    let cause = || "a cause".into();
    vec![
        (StoreError::KeyTaken, ErrorKind::StoreFailure),
        (StoreError::Undecodable(cause()), ErrorKind::Refused),
        (StoreError::TooLarge { what: "it", size: 2, limit: 1 }, ErrorKind::TooLarge),
        (StoreError::Lost(cause()), ErrorKind::StoreFailure),
        (StoreError::Contended(cause()), ErrorKind::StoreFailure),
        (StoreError::Unsupported("do it"), ErrorKind::Refused),
        (StoreError::Refused(cause()), ErrorKind::Refused),
        (StoreError::Overloaded("a reason"), ErrorKind::StoreFailure),
        (StoreError::Backend(cause()), ErrorKind::StoreFailure),
    ]
}

/// The variants of an enum, as the source has them.
fn variants(name: &str) -> Vec<&'static str> {
    let source = include_str!("../../../src/error.rs");
    let body = source.split(&format!("pub enum {name} {{")).nth(1).and_then(|rest| rest.split("\n}\n").next());
    let lines = body.expect("the enum").lines().filter_map(|line| line.strip_prefix("    "));
    let named = lines.filter(|line| line.starts_with(char::is_uppercase));
    named.map(|line| line.split([' ', '(', ',']).next().expect("a name")).collect()
}

/// Fails with one of [`errors`] whatever it is asked.
#[derive(Clone)]
struct Failing(usize);

impl Failing {
    fn error<T>(&self) -> Result<T, StoreError> {
        Err(errors().swap_remove(self.0).0)
    }
}

impl SessionStore for Failing {
    async fn load(&self, _: &SessionKey, _: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.error()
    }

    async fn create(&self, _: &SessionKey, _: &Draft, _: OffsetDateTime) -> Result<Record, StoreError> {
        self.error()
    }

    async fn save(&self, _: &Record, _: &Draft, _: OffsetDateTime) -> Result<Saved, StoreError> {
        self.error()
    }

    async fn touch(&self, _: &Record, _: OffsetDateTime, _: OffsetDateTime) -> Result<Saved, StoreError> {
        self.error()
    }

    async fn cycle(&self, _: &Record, _: &SessionKey, _: &Draft, _: OffsetDateTime) -> Result<Saved, StoreError> {
        self.error()
    }

    async fn delete(&self, _: &SessionKey) -> Result<(), StoreError> {
        self.error()
    }

    async fn exists(&self, _: &SessionKey) -> Result<bool, StoreError> {
        self.error()
    }

    async fn clear_expired(&self, _: OffsetDateTime) -> Result<u64, StoreError> {
        self.error()
    }
}

fn assert_answer(response: &Response<Body>, kind: ErrorKind, what: &str) {
    let may_pass = kind == ErrorKind::StoreFailure;
    let status = if may_pass { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    assert_eq!(response.status(), status, "{what}");
    assert_eq!(response.headers().contains_key(header::RETRY_AFTER), may_pass, "{what}");
    assert_eq!(response.extensions().get(), Some(&kind), "{what}");
}

#[tokio::test]
async fn each_error_of_a_store_has_its_kind_its_status_and_perhaps_retry_after() -> TestResult {
    for (index, (error, kind)) in errors().into_iter().enumerate() {
        let what = format!("{error:?}");
        assert_eq!((error.kind(), Error::from(error).kind()), (kind, kind), "{what}");
        let site = site(SessionLayer::new(Failing(index)));

        // What cannot be decoded is no session: then it is the first write that fails.
        let cookie = format!("sessionid={}", "k".repeat(32));
        assert_answer(&send(&site, "/write", &cookie).await, kind, &what);
        assert_answer(&send(&site, "/write", "").await, kind, &what);
        assert_answer(&send(&site, "/flush-lazily", &cookie).await, kind, &what);
    }
    Ok(())
}

#[test]
fn the_table_of_kinds_names_each_error_once() {
    let source = include_str!("../../../src/error.rs");
    let rows: Vec<Vec<&str>> =
        source.lines().filter_map(|line| line.strip_prefix("/// | `")).map(|row| row.split(" | ").collect()).collect();
    let kinds: Vec<_> = rows.iter().map(|row| row[0].trim_end_matches('`')).collect();
    assert_eq!(kinds, variants("ErrorKind"));

    let named = |row: &Vec<&str>| row[1].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut named: Vec<_> = rows.iter().flat_map(named).collect();
    let mut all: Vec<_> = [variants("Error"), variants("StoreError")].concat();
    all.retain(|name| *name != "Store");
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);

    for (error, kind) in errors() {
        let name = format!("{error:?}");
        let name = format!("`{}`", name.split([' ', '(']).next().expect("a name"));
        let row = rows.iter().find(|row| row[1].contains(&name)).expect("a row");
        assert_eq!(row[0].trim_end_matches('`'), format!("{kind:?}"), "{error:?}");
        assert_eq!(row[2].starts_with("503"), row[3].starts_with("yes"), "{error:?}");
    }
    assert_eq!(errors().len(), variants("StoreError").len());
}

/// `/small` keeps little, the others more than a store takes; `/read` and `/flush` as everywhere.
fn growing(layer: SessionLayer) -> Router {
    let large = |bytes: usize| {
        any(move |session: Session| async move {
            session.insert("small", &2)?;
            session.insert("large", &"x".repeat(bytes))
        })
    };
    let names = any(|session: Session| async move {
        session.insert("small", &2)?;
        (0..1_100).try_for_each(|n| session.insert(&format!("name {n}"), &n))
    });
    Router::new()
        .route("/small", any(|session: Session| async move { session.insert("small", &1) }))
        .route("/2-MiB", large(2 << 20))
        .route("/1100-names", names)
        .route("/14-KB", large(14_000))
        .route("/read", any(|session: Session| async move { session.session_data().to_json() }))
        .layer(layer)
}

/// The visitor grows a session beyond the limits, with one and without: 500, and what there was stands.
async fn grow(store: impl SessionStore, engine: &str, paths: &[&str]) {
    let app = growing(SessionLayer::new(store));
    let cookie = cookie_of(&send(&app, "/small", "").await).expect("a new session");
    for path in paths {
        for cookie in [&cookie, ""] {
            let response = send(&app, path, cookie).await;
            assert_answer(&response, ErrorKind::TooLarge, &format!("{engine} {path}"));
            assert_eq!(response.headers().get(header::SET_COOKIE), None, "{engine} {path}");
        }
        assert_eq!(text(send(&app, "/read", &cookie).await).await, r#"{"small":1}"#, "{engine} {path}");
    }
}

#[tokio::test]
async fn a_session_over_a_limit_is_the_applications_error_and_what_there_was_stands() -> TestResult {
    let paths = ["/2-MiB", "/1100-names"];
    let sqlite = SqliteStore::connect("sqlite::memory:").await?;
    sqlite.migrate().await?;
    let directory = tempfile::tempdir()?;

    grow(MemoryStore::new(), "memory", &paths).await;
    grow(sqlite, "sqlite", &paths).await;
    grow(FileStore::new(directory.path().join("sessions"))?, "file", &paths).await;
    grow(CacheStore::new(LocMemCache::new()), "cache", &paths).await;
    grow(CacheStore::new(LocMemCache::with_limits(10, 10_000)), "a small cache", &["/14-KB"]).await;
    let cookies = || SignedCookieStore::new(Signer::new("secret"));
    grow(cookies(), "signed cookies", &["/2-MiB", "/1100-names"]).await;
    let random = any(|session: Session| async move {
        // What compresses well fits into a cookie.
        session.insert("large", &(0..14_000_u32).map(|n| n.wrapping_mul(2_654_435_761)).collect::<Vec<_>>())
    });
    let app: Router = Router::new().route("/", random).layer(SessionLayer::new(cookies()));
    assert_answer(&send(&app, "/", "").await, ErrorKind::TooLarge, "a signed cookie of more than 4096 bytes");
    Ok(())
}

/// Sessions that were stored under higher limits, or by a Django that has none.
async fn over_limits<S: SessionStore + Clone>(large: S, small: S, engine: &str) -> TestResult {
    let filled = page(SessionLayer::new(large.clone()), |session: Session| async move {
        session.insert("large", &"x".repeat(10_000))
    });
    let cookie = cookie_of(&send(&filled, "/", "").await).ok_or("a session")?;
    let app = site(SessionLayer::new(small.clone()));

    let response = send(&app, "/read", &cookie).await;
    assert_eq!(response.status(), StatusCode::OK, "{engine}");
    assert_eq!(text(response).await, "[]", "{engine}: anonymous");
    let response = send(&app, "/write", &cookie).await;
    assert_eq!(response.status(), StatusCode::OK, "{engine}");
    assert_ne!(cookie_of(&response).ok_or("a new session")?, cookie, "{engine}");
    let now = OffsetDateTime::now_utc();
    let loaded = large.load(&key_in(&cookie), now).await?.ok_or("it is left alone")?;
    assert_eq!(loaded.session_data.len(), 1, "{engine}");

    let response = send(&app, "/flush", &cookie).await;
    assert_eq!(response.status(), StatusCode::OK, "{engine}");
    assert!(response.headers()[header::SET_COOKIE].to_str()?.contains("Max-Age=0"), "{engine}");
    assert!(!large.exists(&key_in(&cookie)).await?, "{engine}: `flush` ends it");
    Ok(())
}

#[tokio::test]
async fn a_stored_row_over_the_limits_is_anonymous_is_left_alone_and_is_ended_by_flush() -> TestResult {
    let mut limits = Limits::default();
    limits.stored_bytes = 1_000;
    let small = JsonSerializer { limits };

    let sqlite = SqliteStore::connect("sqlite::memory:").await?;
    sqlite.migrate().await?;
    over_limits(sqlite.clone(), sqlite.clone().serializer(small), "sqlite").await?;
    let signed = sqlite.signing(Signer::new("secret"));
    over_limits(signed.clone(), signed.serializer(small), "signed rows").await?;
    let directory = tempfile::tempdir()?;
    let files = || FileStore::new(directory.path().join("sessions"));
    over_limits(files()?, files()?.serializer(small), "file").await
}

#[tokio::test]
async fn a_row_that_cannot_be_decoded_is_ended_by_flush_alone() -> TestResult {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let app = site(SessionLayer::new(store.clone()));
    let cookie = visitor(&app).await;
    sqlx::raw_sql("UPDATE django_session SET session_data = 'broken'").execute(store.pool()).await?;

    for path in ["/read", "/write", "/cycle"] {
        assert_eq!(send(&app, path, &cookie).await.status(), StatusCode::OK, "{path}");
        assert!(store.exists(&key_in(&cookie)).await?, "{path} leaves it alone");
    }
    assert_eq!(send(&app, "/flush", &cookie).await.status(), StatusCode::OK);
    assert!(!store.exists(&key_in(&cookie)).await?);
    Ok(())
}

#[tokio::test]
async fn a_directory_that_is_gone_is_no_503() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("sessions");
    let app = site(SessionLayer::new(FileStore::new(&path)?));
    std::fs::remove_dir_all(&path)?;
    std::fs::write(&path, "a file in its place")?;

    assert_answer(&send(&app, "/write", "").await, ErrorKind::Refused, "no directory");
    Ok(())
}

#[tokio::test]
async fn a_handler_that_meets_a_refusal_can_say_so_itself() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let index = errors().iter().position(|(_, kind)| *kind == ErrorKind::TooLarge).expect("one of this kind");
    let app = page(SessionLayer::new(Failing(index)), move |session: Session| async move {
        counted.fetch_add(1, Ordering::SeqCst);
        match session.save().await {
            Err(error) if error.kind() == ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too large"),
            _ => (StatusCode::OK, "saved"),
        }
    });

    assert_eq!(send(&app, "/", "").await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(tries.load(Ordering::SeqCst), 1);
}
