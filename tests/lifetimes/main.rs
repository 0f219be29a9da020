//! How long a session lives, and what does not make it live longer: on a clock that the tests move.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{Router, body::Body, handler::Handler, routing::any};
use http::{Request, Response, StatusCode, header};
use jam_session::{Clock, SessionKey, SessionLayer};
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;

mod absolute;
mod polling;
mod remember_me;
mod renewal;
mod sequences;
mod step_up;

type TestResult<T = ()> = Result<T, jam_session::BoxError>;

const MINUTES_30: std::time::Duration = std::time::Duration::from_secs(30 * 60);
const HOURS_8: std::time::Duration = std::time::Duration::from_secs(8 * 60 * 60);

/// A clock that stands still until it is moved, in either direction.
#[derive(Clone)]
struct Moment(Arc<AtomicI64>);

impl Moment {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_250_000)))
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

/// A site, and the browser of a visitor that keeps what it is told to.
struct Visitor {
    site: Router,
    cookie: String,
}

impl Visitor {
    /// A site of one page for each handler.
    fn new(site: Router, layer: SessionLayer) -> Self {
        Self { site: site.layer(layer), cookie: String::new() }
    }

    async fn visit(&mut self, path: &str) -> TestResult<Response<Body>> {
        let request = Request::builder().uri(path).header(header::COOKIE, &self.cookie).body(Body::empty())?;
        let response = self.site.clone().oneshot(request).await?;
        if let Some(set) = set_cookie(&response) {
            self.cookie = set.split(';').next().unwrap_or_default().to_owned();
        }
        Ok(response)
    }

    async fn status(&mut self, path: &str) -> TestResult<StatusCode> {
        Ok(self.visit(path).await?.status())
    }

    fn key(&self) -> TestResult<SessionKey> {
        Ok(SessionKey::parse(self.cookie.split('=').nth(1).ok_or("there is no cookie")?)?)
    }
}

fn set_cookie(response: &Response<Body>) -> Option<&str> {
    response.headers().get(header::SET_COOKIE)?.to_str().ok()
}

/// The seconds that a response gives its cookie.
fn max_age(response: &Response<Body>) -> Option<i64> {
    set_cookie(response)?.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age="))?.parse().ok()
}

fn page<H: Handler<T, ()>, T: 'static>(path: &str, handler: H) -> Router {
    Router::new().route(path, any(handler))
}
