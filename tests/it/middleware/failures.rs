//! A store that fails or hangs: an honest 503, and never a visitor without a name.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use http::{Response, StatusCode, header};
use jam_session::{Error, ErrorKind, LazySession, Session, SessionLayer, Settings};

use crate::support::{Log, Moment, Op, Probe, TestResult, page, send, site, text, visitor};

fn assert_unavailable(response: &Response<Body>) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    assert_eq!(response.extensions().get(), Some(&ErrorKind::StoreFailure));
    assert_eq!(response.headers().get(header::SET_COOKIE), None, "the session may still live");
}

/// A site with a visitor, over a store that works so far.
async fn visited() -> (Router, String, Probe) {
    let probe = Probe::new();
    let site = site(SessionLayer::new(probe.clone()));
    let cookie = visitor(&site).await;
    (site, cookie, probe)
}

#[tokio::test]
async fn a_handler_does_not_run_when_its_session_cannot_be_loaded() {
    let (_, cookie, probe) = visited().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let app = page(SessionLayer::new(probe.clone()), {
        let runs = Arc::clone(&runs);
        move |session: Session| async move {
            runs.fetch_add(1, Ordering::SeqCst);
            session.contains_key("written").to_string()
        }
    });

    probe.fail(&[Op::Load]);
    assert_unavailable(&send(&app, "/", &cookie).await);
    assert_eq!(runs.load(Ordering::SeqCst), 0);

    probe.heal();
    assert_eq!(text(send(&app, "/", &cookie).await).await, "true", "the session outlives the failure");
}

#[tokio::test]
async fn a_change_that_cannot_be_saved_is_not_answered_as_if_it_were() {
    let (site, cookie, probe) = visited().await;

    for (op, path, cookie) in [
        (Op::Save, "/count", cookie.as_str()),
        (Op::Cycle, "/cycle", &cookie),
        (Op::Delete, "/flush", &cookie),
        (Op::Delete, "/flush-lazily", &cookie),
        (Op::Create, "/write", ""),
        (Op::Create, "/count", "sessionid=0123456789abcdefghijklmnopqrstuv"),
    ] {
        probe.fail(&[op]);
        assert_unavailable(&send(&site, path, cookie).await);
        probe.heal();
    }

    assert_eq!(text(send(&site, "/read", &cookie).await).await, r#"["written"]"#);
}

#[tokio::test]
async fn routes_that_leave_the_session_alone_work_without_a_store() {
    let (site, cookie, probe) = visited().await;
    probe.fail(&Op::ALL);

    for cookie in ["", &cookie] {
        assert_eq!(send(&site, "/untouched", cookie).await.status(), StatusCode::OK);
    }
    assert_eq!(send(&site, "/read", "").await.status(), StatusCode::OK, "there is nothing to load");
}

#[tokio::test]
async fn a_session_that_cannot_be_extended_is_still_answered() {
    let (log, _listening) = Log::of_this_thread();
    let (probe, moment) = (Probe::new(), Moment::new());
    let layer = SessionLayer::new(probe.clone()).save_every_request(true).clock(moment.clock());
    let site = site(layer);
    let cookie = visitor(&site).await;

    for (op, path) in [(Op::Touch, "/read"), (Op::Touch, "/untouched"), (Op::Load, "/untouched")] {
        probe.fail(&[op]);
        let response = send(&site, path, &cookie).await;
        assert_eq!(response.status(), StatusCode::OK, "{op:?} {path}");
        assert_eq!(response.headers().get(header::SET_COOKIE), None);
        assert!(log.take().iter().any(|line| line.contains("could not be extended")), "{op:?} {path}");
        probe.heal();
    }
}

#[tokio::test]
async fn a_session_that_is_to_be_saved_unseen_is_not_replaced_when_it_cannot_be_loaded() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::with_settings(probe.clone(), Settings::django())?;
    let cookie = visitor(&site(layer.clone())).await;
    let app = page(layer, |session: LazySession| async move { session.set_modified() });
    probe.take_calls();

    probe.fail(&[Op::Load]);
    assert_unavailable(&send(&app, "/", &cookie).await);

    assert_eq!(probe.take_calls(), [Op::Load]);
    Ok(())
}

#[tokio::test]
async fn the_cause_is_in_the_log_and_not_in_the_response() {
    let (log, _listening) = Log::of_this_thread();
    let (site, cookie, probe) = visited().await;
    probe.fail(&[Op::Load, Op::Save]);

    let body = text(send(&site, "/read", &cookie).await).await;

    assert!(!body.contains("fire"), "{body}");
    let lines = log.take();
    assert!(lines.iter().any(|line| line.starts_with("ERROR") && line.contains("the disk is on fire")), "{lines:?}");
}

#[tokio::test]
async fn the_status_of_a_failure_is_a_setting() {
    let (_, cookie, probe) = visited().await;
    let site = site(SessionLayer::new(probe.clone()).store_failure_status(StatusCode::BAD_GATEWAY));

    for (op, path) in [(Op::Load, "/read"), (Op::Save, "/count"), (Op::Delete, "/flush")] {
        probe.fail(&[op]);
        let response = send(&site, path, &cookie).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "{op:?}: from extractor, commit and handler alike");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        probe.heal();
    }
}

#[tokio::test]
async fn an_explicit_save_that_fails_is_tried_again_at_the_end() -> TestResult {
    let (_, cookie, probe) = visited().await;
    let healer = probe.clone();
    let app = page(SessionLayer::new(probe.clone()), move |session: Session| async move {
        session.insert("n", &1)?;
        let first = session.save().await;
        healer.heal();
        Ok::<_, Error>(first.is_err().to_string())
    });

    probe.fail(&[Op::Save]);
    let response = send(&app, "/", &cookie).await;

    assert_eq!(text(response).await, "true");
    assert_eq!(text(send(&site(SessionLayer::new(probe)), "/read", &cookie).await).await, r#"["written", "n"]"#);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_costs_a_deadline() {
    let (site, cookie, probe) = visited().await;

    for (op, path, seconds) in [(Op::Load, "/read", 2), (Op::Save, "/count", 3), (Op::Delete, "/flush", 3)] {
        probe.silence(op);
        // The runtime's clock stands still, and jumps to the deadline when nothing else is left to do.
        let begun = tokio::time::Instant::now();
        assert_unavailable(&send(&site, path, &cookie).await);
        assert_eq!(begun.elapsed().as_secs(), seconds, "{op:?}");
        probe.heal();
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_a_setting() {
    let (_, cookie, probe) = visited().await;
    let layer = SessionLayer::new(probe.clone()).load_deadline(Duration::from_secs(60));
    let layer = layer.save_deadline(Duration::from_secs(90));
    let site = site(layer);

    for (op, path, seconds) in [(Op::Load, "/read", 60), (Op::Save, "/count", 90)] {
        probe.silence(op);
        let begun = tokio::time::Instant::now();
        assert_unavailable(&send(&site, path, &cookie).await);
        assert_eq!(begun.elapsed().as_secs(), seconds, "{op:?}");
        probe.heal();
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_outside_of_a_request_have_deadlines_too() {
    let (_, cookie, probe) = visited().await;
    let layer = SessionLayer::new(probe.clone());
    let key = crate::support::key_in(&cookie);
    Op::ALL.into_iter().for_each(|op| probe.silence(op));

    assert!(matches!(layer.open(&key).await, Err(Error::Deadline { .. })));
    assert!(matches!(layer.create().await, Err(Error::Deadline { .. })));
    assert!(matches!(layer.exists(&key).await, Err(Error::Deadline { .. })));
    assert!(matches!(layer.delete(&key).await, Err(Error::Deadline { .. })));
}
