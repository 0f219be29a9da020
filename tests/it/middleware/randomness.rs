//! A system that gives no random bytes: nothing begins under a key that somebody could guess.

use axum::{Router, body::Body};
use http::{Response, StatusCode, header};
use jam_session::{Error, ErrorKind, SessionLayer, SessionStore as _, testing::without_randomness};

use crate::support::{Op, Probe, TestResult, key_in, send, site, text, visitor};

fn assert_unavailable(response: &Response<Body>) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.extensions().get(), Some(&ErrorKind::StoreFailure));
    assert_eq!(response.headers().get(header::SET_COOKIE), None);
}

/// A site with a visitor, whose system gives no random bytes any more.
async fn visited() -> (Router, String, Probe) {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let cookie = visitor(&site(layer.clone())).await;
    probe.take_calls();
    (site(without_randomness(layer)), cookie, probe)
}

#[tokio::test]
async fn a_new_session_is_a_503_without_cookie_and_row() {
    let (site, _, probe) = visited().await;

    assert_unavailable(&send(&site, "/write", "").await);
    assert_unavailable(&send(&site, "/cycle", "").await);
    assert_eq!(probe.take_calls(), []);
    assert_unavailable(&send(&site, "/write", "sessionid=0123456789abcdefghijklmnopqrstuv").await);
    assert_eq!(probe.take_calls(), [Op::Load]);
}

#[tokio::test]
async fn a_session_that_there_is_goes_on_under_its_key() -> TestResult {
    let (site, cookie, probe) = visited().await;

    assert_eq!(text(send(&site, "/count", &cookie).await).await, "1");
    assert_unavailable(&send(&site, "/cycle-and-write", &cookie).await);
    assert_eq!(text(send(&site, "/read", &cookie).await).await, r#"["written", "count"]"#);
    assert_eq!(probe.take_calls(), [Op::Load, Op::Save, Op::Load, Op::Load]);

    assert_eq!(send(&site, "/flush", &cookie).await.status(), StatusCode::OK);
    assert!(!probe.exists(&key_in(&cookie)).await?);
    Ok(())
}

#[tokio::test]
async fn outside_of_a_request_it_is_an_error_that_says_so() {
    let error = without_randomness(SessionLayer::new(Probe::new())).create().await.expect_err("there is no key");

    assert!(matches!(error, Error::NoRandomness(_)));
    assert_eq!(error.to_string(), "the system gave no random bytes for a new session key");
}
