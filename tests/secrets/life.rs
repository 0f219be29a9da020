//! What may happen to sessions, on any engine: each thing that is logged, once at least.

use std::{fmt::Debug, time::Duration};

use axum::{Router, routing::any};
use jam_session::{Draft, HashKeys, Session, SessionKey, SessionLayer, SessionStore, testing::TestClock};

use crate::{
    TestResult,
    kept::Kept,
    support::{cookie_of, key_in, send},
    witness::Witness,
};

/// Lives through it under plain keys. `damage` spoils what is stored, `destroy` the store itself.
pub(crate) async fn live<S: SessionStore + Clone + Debug>(
    kept: &Kept,
    store: S,
    damage: impl AsyncFnOnce() -> TestResult,
    destroy: impl AsyncFnOnce() -> TestResult,
) -> TestResult {
    live_under(HashKeys::Off, kept, store, damage, destroy).await
}

/// Lives through it; where keys are hashed, what the store is asked for must not be found either.
pub(crate) async fn live_under<S: SessionStore + Clone + Debug>(
    hash_keys: HashKeys,
    kept: &Kept,
    store: S,
    damage: impl AsyncFnOnce() -> TestResult,
    destroy: impl AsyncFnOnce() -> TestResult,
) -> TestResult {
    let (clock, store) = (TestClock::new(), Witness { store, kept: kept.clone() });
    let layer = SessionLayer::new(store.clone()).hash_keys(hash_keys).clock(clock.clock());
    let app = pages(layer.clone(), kept);
    let visitor = visit(&app, kept, &["/write", "/read", "/wrong", "/count"], "").await;

    let cycled = visit(&app, kept, &["/cycle"], &visitor).await;
    // The old key, then both, then what no key can be.
    visit(&app, kept, &["/read", "/count"], &visitor).await;
    visit(&app, kept, &["/read", "/count"], &format!("{visitor}; {cycled}")).await;
    let odd = kept.invented();
    for cookie in [format!("sessionid={odd}"), format!("{cycled}x"), format!("sessionid={odd}%0d%0a%1b[31m")] {
        visit(&app, kept, &["/read", "/count"], &cookie).await;
    }
    visit(&app, kept, &["/noise", "/save", "/flush"], &cycled).await;

    out_of_a_request(kept, &layer, &store, &clock).await?;

    let visitor = visit(&app, kept, &["/write"], "").await;
    damage().await?;
    let (name, key) = visitor.split_once('=').ok_or("a cookie")?;
    let forged: String = key.chars().rev().collect();
    kept.note(&forged);
    visit(&app, kept, &["/read", "/count", "/flush"], &format!("{name}={forged}")).await;
    visit(&app, kept, &["/read", "/count"], &visitor).await;

    let visitor = visit(&app, kept, &["/write"], "").await;
    clock.advance(Duration::from_secs(99 * 24 * 3600));
    visit(&app, kept, &["/read", "/count"], &visitor).await;
    told(store.clear_expired(clock.now()).await);

    let visitor = visit(&app, kept, &["/write"], "").await;
    destroy().await?;
    visit(&app, kept, &["/read", "/count", "/cycle", "/save", "/flush", "/write"], &visitor).await;
    visit(&app, kept, &["/write"], "").await;
    told(layer.create().await);
    told(store.clear_expired(clock.now()).await);
    Ok(())
}

/// Conflicts, an interrupted save, a key that is taken; and everything as an application might print it.
async fn out_of_a_request<S: SessionStore + Debug>(
    kept: &Kept,
    layer: &SessionLayer,
    store: &Witness<S>,
    clock: &TestClock,
) -> TestResult {
    let session = layer.create().await?;
    session.insert("password", &kept.invented())?;
    session.save().await?;
    let key = session.session_key().ok_or("it is saved")?;
    let (one, other) = (layer.open(&key).await?, layer.open(&key).await?);
    one.insert("one", &kept.invented())?;
    other.insert("other", &kept.invented())?;
    told(one.save().await);
    told(other.save().await);

    let now = clock.now();
    let draft = Draft::new(session.session_data(), now + Duration::from_secs(60));
    let taken = SessionKey::parse(&std::iter::repeat_with(|| 'k').take(32).collect::<String>())?;
    for _ in 0..2 {
        tracing::debug!(record = ?told(store.create(&taken, &draft, now).await), "an application prints it");
    }
    tracing::debug!(?layer, ?store, ?session, ?key, ?draft, "an application prints all");
    let late = layer.open(&key).await?;
    late.insert("late", &kept.invented())?;
    told(layer.delete(&key).await);
    told(late.save().await);
    Ok(())
}

/// An application that logs every error, and every form of it.
pub(crate) fn told<T, E: Into<jam_session::BoxError>>(result: Result<T, E>) -> Option<T> {
    let error: jam_session::BoxError = match result.map_err(Into::into) {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    tracing::error!(%error, ?error, pretty = format!("{error:#?}"), "an application logs an error");
    let mut cause = error.source();
    while let Some(error) = cause {
        tracing::error!(%error, "and its cause");
        cause = error.source();
    }
    None
}

fn pages(layer: SessionLayer, kept: &Kept) -> Router {
    let value = kept.invented();
    let noise = kept.invented() + &"x".repeat(1_100_000);
    let write = {
        let value = value.clone();
        move |session: Session| async move { session.insert("password", &value) }
    };
    let save = move |session: Session| async move {
        session.insert("saved", &value)?;
        session.save().await
    };
    let count = |session: Session| async move { session.modify("n", |n: Option<u64>| n.unwrap_or(0) + 1).map(drop) };
    Router::new()
        .route("/write", any(write))
        .route("/save", any(save))
        .route("/noise", any(move |session: Session| async move { session.insert("noise", &noise) }))
        .route("/read", any(|session: Session| async move { session.get::<String>("password").map(drop) }))
        .route("/wrong", any(|session: Session| async move { session.get::<u32>("password").map(drop) }))
        .route("/count", any(count))
        .route("/cycle", any(|session: Session| async move { session.cycle_key() }))
        .route("/flush", any(|session: Session| async move { session.flush().await }))
        .layer(layer)
}

/// Asks for each page with the cookie that the visitor has then.
async fn visit(app: &Router, kept: &Kept, paths: &[&str], cookie: &str) -> String {
    let mut cookie = cookie.to_owned();
    for path in paths {
        kept.note(cookie.split_once('=').map_or("", |(_, value)| value));
        let response = send(app, path, &cookie).await;
        if let Some(new) = cookie_of(&response).filter(|cookie| !cookie.ends_with('=')) {
            kept.note(key_in(&new).as_str());
            cookie = new;
        }
    }
    cookie
}
