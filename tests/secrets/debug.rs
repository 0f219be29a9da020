//! `{:?}` and `{:#?}` of everything public that holds a key, a secret or a value.

use std::fmt::Debug;

use jam_session::{
    BaseSession, CacheStore, CachedDbStore, DbStore, DjangoAuth, DjangoCache, Draft, ErasedStore, Error, FileStore,
    LazySession, LocMemCache, MemoryStore, MySqlStore, NamedSession, PickleSerializer, PostgresStore, Raw, Record,
    RedisCache, Saved, SecretKey, SessionKey, SessionLayer, SessionMiddleware, SessionStore, Settings,
    SignedCookieStore, Signer, SqliteStore, StoreError, StoredText, UserSession,
    sqlx::{self, Executor as _},
};
use time::OffsetDateTime;
use tower::Layer as _;

use crate::{
    TestResult,
    kept::Kept,
    support::{databases, request},
};

/// What was printed, and by how many things.
#[derive(Default)]
struct Printed(Vec<String>);

impl Printed {
    fn print(&mut self, thing: &impl Debug) {
        self.0.push(format!("{thing:?} {thing:#?}"));
    }

    fn error(&mut self, error: &(dyn std::error::Error + 'static)) {
        self.0.push(format!("{error} {error:?} {error:#?}"));
        if let Some(cause) = error.source() {
            self.0.push(cause.to_string());
        }
    }
}

fn draft(value: &str) -> TestResult<Draft> {
    let data = format!(r#"{{"_auth_user_id":"7","password":"{value}"}}"#).parse()?;
    Ok(Draft::new(data, OffsetDateTime::now_utc() + time::Duration::HOUR))
}

#[tokio::test]
async fn nothing_shows_a_key_a_secret_or_a_value() -> TestResult {
    let (kept, mut printed) = (Kept::default(), Printed::default());
    of_sessions(&kept, &mut printed).await?;
    of_secrets(&kept, &mut printed).await?;
    of_errors(&kept, &mut printed).await?;

    let shown = printed.0.len();
    assert!(shown > 60, "{shown}");
    let found = kept.found_in(&printed.0);
    println!("secrets: {shown} things printed, {} keys, {} found", kept.count(), found.len());
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}

async fn of_sessions(kept: &Kept, printed: &mut Printed) -> TestResult {
    let (store, now) = (MemoryStore::new(), OffsetDateTime::now_utc());
    let layer = SessionLayer::new(store.clone());
    let session = layer.create().await?;
    session.insert("password", &kept.invented())?;
    session.save().await?;
    let key = session.session_key().ok_or("it is saved")?;
    kept.note(key.as_str());
    let record = store.load(&key, now).await?.ok_or("it is there")?;
    kept.note(&record.stored.0);
    let named = layer.clone().named::<Printed>();
    let service: SessionMiddleware<_> = layer.layer("the inner service");

    printed.print(&key);
    printed.print(&Some([key.clone()]));
    printed.print(&session);
    printed.print(&session.detached());
    printed.print(&session.items());
    printed.print(&session.session_data());
    printed.print(&layer);
    printed.print(&named);
    printed.print(&service);
    printed.print(&store);
    printed.print(&ErasedStore::new(store.clone()));
    printed.print(&Draft::new(record.session_data.clone(), now));
    printed.print(&StoredText(record.stored.0.clone()));
    printed.print(&Raw::new(&kept.invented())?);
    printed.print(&BaseSession { session_key: key, session_data: record.stored.clone(), expire_date: now });
    printed.print(&Saved::Conflict(record.clone()));
    let record: Record = record;
    printed.print(&record);
    in_a_request(kept, printed, layer).await
}

/// What a handler has, and the whole request with it.
async fn in_a_request(kept: &Kept, printed: &mut Printed, layer: SessionLayer) -> TestResult {
    use tower::{ServiceBuilder, ServiceExt as _};

    let handler = |request: http::Request<axum::body::Body>| async move {
        let lazy = LazySession::of(request.extensions())?;
        let (mut parts, _) = request.into_parts();
        parts.headers.clear();
        let named =
            <NamedSession<()> as axum::extract::FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
        let shown = format!("{lazy:?} {lazy:#?} {named:?} {:?}", parts.extensions);
        Ok::<_, Error>(http::Response::new(shown))
    };
    let key = kept.invented().to_lowercase()[..32].to_owned();
    kept.note(&key);
    let service = ServiceBuilder::new().layer(layer).service_fn(handler);
    let response = service.oneshot(request("/", &format!("sessionid={key}"))).await?;
    printed.0.push(response.into_body());
    Ok(())
}

async fn of_secrets(kept: &Kept, printed: &mut Printed) -> TestResult {
    let secret = kept.invented();
    let signer = Signer::new(secret.as_str()).fallbacks([kept.invented()]);
    let password = kept.invented();
    let scratch = databases::sqlite().await.ok_or("SQLite is always there")?;
    let table = || -> SqliteStore { DbStore::new(scratch.pool.clone()) };
    let directory = tempfile::tempdir()?;

    printed.print(&SecretKey::from(secret.as_str()));
    printed.print(&signer);
    printed.print(&Settings::default());
    printed.print(&Settings::django());
    printed.print(&SignedCookieStore::new(signer.clone()));
    printed.print(&SignedCookieStore::encrypted(signer.clone()));
    printed.print(&DjangoAuth::new(signer.clone()));
    printed.print(&table().signing(signer.clone()));
    printed.print(&table().signing(signer.clone()).serializer(PickleSerializer::default()));
    let users: SqliteStore<UserSession> = DbStore::new(scratch.pool.clone());
    printed.print(&users.user("7"));
    printed.print(&CachedDbStore::new(table().signing(signer.clone()), LocMemCache::new()));
    printed.print(&DjangoCache::new(MemoryStore::new(), LocMemCache::new()));
    printed.print(&FileStore::new(directory.path().join("sessions"))?.signing(signer));
    let redis = RedisCache::connect(&format!("redis://nobody:{password}@127.0.0.1:1/0"))?;
    printed.print(&redis);
    printed.print(&CacheStore::new(redis.clone()));
    let layer = SessionLayer::new(CacheStore::new(redis));
    printed.print(&layer);
    printed.error(&layer.create().await.expect_err("nobody listens there"));
    Ok(())
}

/// Of every kind, and what each database says of a row that it refuses: some quote the row.
async fn of_errors(kept: &Kept, printed: &mut Printed) -> TestResult {
    for kind in [StoreError::Backend, StoreError::Lost, StoreError::Contended, StoreError::Undecodable] {
        let error = kind("why".into());
        printed.error(&error);
        printed.error(&Error::from(error));
    }
    let session = SessionLayer::new(MemoryStore::new()).create().await?;
    session.insert("password", &kept.invented())?;
    printed.error(&session.get::<Vec<u32>>("password").expect_err("it is a text"));
    printed.error(&session.require::<u32>("nothing").expect_err("there is nothing"));
    printed.error(&SessionKey::parse(&format!("{};", kept.invented())).expect_err("no key"));
    let noise = kept.invented() + &"x".repeat(1_100_000);
    session.insert("noise", &noise)?;
    printed.error(&session.save().await.expect_err("it is too large"));

    if let Some(scratch) = databases::sqlite().await {
        let store: SqliteStore = DbStore::new(scratch.pool.clone());
        store.migrate().await?;
        refused(kept, printed, store, &scratch.pool).await?;
    }
    if let Some(scratch) = databases::postgres().await {
        let store: PostgresStore = DbStore::new(scratch.pool.clone());
        store.migrate().await?;
        refused(kept, printed, store, &scratch.pool).await?;
    }
    if let Some(scratch) = databases::mysql().await {
        let store: MySqlStore = DbStore::new(scratch.pool.clone());
        store.migrate().await?;
        refused(kept, printed, store, &scratch.pool).await?;
    }
    Ok(())
}

/// A table that takes a value once, and one that takes none.
async fn refused<DB: sqlx::Database>(
    kept: &Kept,
    printed: &mut Printed,
    store: impl SessionStore,
    pool: &sqlx::Pool<DB>,
) -> TestResult
where
    for<'a> &'a sqlx::Pool<DB>: sqlx::Executor<'a, Database = DB>,
{
    let (value, now) = (kept.invented(), OffsetDateTime::now_utc());
    let key = |letter: char| SessionKey::parse(&letter.to_string().repeat(32));
    ["a", "b", "c"].iter().for_each(|letter| kept.note(&letter.repeat(32)));
    store.create(&key('a')?, &draft(&value)?, now).await?;
    printed.error(&store.create(&key('a')?, &draft(&value)?, now).await.expect_err("the key is taken"));

    // Neither has SQLite: it names the index alone.
    let _ = pool.execute("CREATE UNIQUE INDEX once ON django_session (session_data(200))").await;
    let _ = pool.execute("CREATE UNIQUE INDEX once ON django_session (session_data)").await;
    printed.error(&store.create(&key('b')?, &draft(&value)?, now).await.expect_err("the data is there already"));
    let _ = pool.execute("ALTER TABLE django_session ADD CONSTRAINT one CHECK (session_key < 'b')").await;
    if let Err(error) = store.create(&key('c')?, &draft(&kept.invented())?, now).await {
        printed.error(&error);
    }
    pool.execute("DROP TABLE django_session").await?;
    printed.error(&store.load(&key('a')?, now).await.expect_err("there is no table"));
    Ok(())
}
