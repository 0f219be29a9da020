//! What the tests of this binary share.

pub(crate) mod databases;
pub(crate) mod django_databases;
pub(crate) mod performance;
pub(crate) mod python;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{Router, body::Body};
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use jam_session::Clock;
use time::OffsetDateTime;
use tower::ServiceExt as _;

mod browser;
pub(crate) use browser::Browser;
mod log;
pub(crate) use log::Log;
mod probe;
pub(crate) use probe::{Op, Probe};
mod site;
pub(crate) use site::{key_in, page, site, visitor};

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct Moment(Arc<AtomicI64>);

impl Moment {
    /// 2023-11-14 22:13:20.25 UTC: where the traces of Django stand, too.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_250_000)))
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        let micros = i128::from(self.0.load(Ordering::SeqCst));
        OffsetDateTime::from_unix_timestamp_nanos(micros * 1000).expect("a date of this millennium")
    }

    pub(crate) fn advance(&self, by: time::Duration) {
        let micros = i64::try_from(by.whole_microseconds()).expect("a short while");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let moment = self.clone();
        Clock::from_fn(move || moment.now())
    }
}

/// A request with a `Cookie` header, unless it is empty.
pub(crate) fn request(path: &str, cookie: &str) -> Request<Body> {
    let mut request = Request::builder().uri(path);
    if !cookie.is_empty() {
        request = request.header(header::COOKIE, cookie);
    }
    request.body(Body::empty()).expect("a plain request")
}

/// Sends one request to the application.
pub(crate) async fn send(app: &Router, path: &str, cookie: &str) -> Response<Body> {
    let Ok(response) = app.clone().oneshot(request(path, cookie)).await;
    response
}

/// The body as text.
pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.expect("a body in memory").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("a text")
}

/// The `name=value` of the session cookie that a response sets.
pub(crate) fn cookie_of(response: &Response<Body>) -> Option<String> {
    let set_cookie = response.headers().get(header::SET_COOKIE)?.to_str().ok()?;
    Some(set_cookie.split(';').next()?.to_owned())
}
