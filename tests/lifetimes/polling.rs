//! Requests that come by themselves do not keep a session alive: `do_not_extend`, `DoNotExtend`.

use axum::{Router, handler::Handler as _, routing::any};
use jam_session::{DoNotExtend, Error, LazySession, MemoryStore, Session, SessionLayer, SessionStore as _};
use time::{Duration, OffsetDateTime};

use crate::{MINUTES_30, Moment, TestResult, Visitor, max_age, set_cookie};

async fn read(session: Session) -> String {
    session.keys().join(" ")
}

async fn count(session: Session) -> Result<(), Error> {
    session.modify("n", |n: Option<u32>| n.unwrap_or(0) + 1).map(drop)
}

fn site() -> Router {
    let nothing = || async { "nothing to do with sessions" };
    Router::new()
        .route("/", any(count))
        .route("/poll", any(read.layer(DoNotExtend)))
        .route("/poll-untouched", any(nothing.layer(DoNotExtend)))
        .route("/poll-and-count", any(count.layer(DoNotExtend)))
        .route("/asks", any(|session: LazySession| async move { session.do_not_extend() }))
        .route("/read", any(read))
}

struct Scene {
    moment: Moment,
    store: MemoryStore,
    visitor: Visitor,
    begun: OffsetDateTime,
}

async fn scene(change: fn(SessionLayer) -> SessionLayer) -> TestResult<Scene> {
    let (moment, store) = (Moment::new(), MemoryStore::new());
    let layer = SessionLayer::new(store.clone()).clock(moment.clock()).cookie_age(MINUTES_30);
    let mut visitor = Visitor::new(site(), change(layer));
    visitor.visit("/").await?;
    let begun = moment.now();
    moment.advance(Duration::minutes(10));
    Ok(Scene { moment, store, visitor, begun })
}

impl Scene {
    /// How long after the beginning the session ends.
    async fn end(&self) -> TestResult<Duration> {
        let row = self.store.load(&self.visitor.key()?, self.moment.now()).await?.ok_or("it lives")?;
        Ok(row.expire_date - self.begun)
    }
}

#[tokio::test]
async fn a_polling_route_extends_nothing_whatever_extends_sessions() -> TestResult {
    let every: [fn(SessionLayer) -> SessionLayer; 2] =
        [|layer| layer.save_every_request(true), |layer| layer.refresh_threshold(std::time::Duration::ZERO)];
    for change in every {
        let mut scene = scene(change).await?;
        for path in ["/poll", "/poll-untouched", "/asks"] {
            let response = scene.visitor.visit(path).await?;
            assert_eq!(set_cookie(&response), None, "{path}");
            assert_eq!(scene.end().await?, Duration::minutes(30), "{path}");
        }
        scene.visitor.visit("/read").await?;
        assert_eq!(scene.end().await?, Duration::minutes(40), "somebody is there");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_polling_route_changes_is_saved_with_the_expiry_that_was_there() -> TestResult {
    let mut scene = scene(|layer| layer).await?;

    let response = scene.visitor.visit("/poll-and-count").await?;

    assert_eq!(max_age(&response), Some(20 * 60), "what is left");
    assert_eq!(scene.end().await?, Duration::minutes(30));
    let row = scene.store.load(&scene.visitor.key()?, scene.moment.now()).await?.ok_or("it lives")?;
    assert_eq!(row.session_data.get("n")?, Some(2));
    Ok(())
}

#[tokio::test]
async fn an_earlier_end_is_taken_and_after_the_response_it_is_too_late() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new());
    let session = layer.create().await?;
    let end = session.expire_date().ok_or("it is stored")?;

    session.do_not_extend()?;
    session.set_expiry(60)?;
    session.save().await?;
    assert!(session.expire_date().ok_or("it is stored")? < end - Duration::weeks(1));

    let kept: std::sync::Arc<std::sync::Mutex<Option<Session>>> = std::sync::Arc::default();
    let keep = std::sync::Arc::clone(&kept);
    let handler = move |session: Session| async move { *keep.lock().expect("nobody panics here") = Some(session) };
    Visitor::new(Router::new().route("/", any(handler)), layer).visit("/").await?;
    let late = kept.lock().expect("nobody panics here").take().ok_or("the handler ran")?;
    assert!(matches!(late.do_not_extend(), Err(Error::Committed)));
    Ok(())
}
