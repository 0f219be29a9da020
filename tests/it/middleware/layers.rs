//! No layer, two layers, and two sessions in one request.

use axum::{Router, routing::any};
use http::StatusCode;
use jam_session::{ErrorKind, LazySession, MemoryStore, NamedSession, Session, SessionLayer};

use crate::support::{Log, TestResult, cookie_of, page, send, site, text};

struct Admin;

fn layer() -> SessionLayer {
    SessionLayer::new(MemoryStore::new())
}

#[tokio::test]
async fn without_a_layer_the_log_says_what_to_add() {
    let (log, _listening) = Log::of_this_thread();
    let app = Router::new().route("/", any(|_session: Session| async { "never" }));

    let response = send(&app, "/", "").await;

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.extensions().get(), Some(&ErrorKind::Application));
    assert_eq!(text(response).await, "internal server error");
    let lines = log.take();
    assert!(
        lines.iter().any(|line| line.starts_with("ERROR") && line.contains("SessionLayer::new(store)")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_handler_can_do_without_a_layer() {
    let app = Router::new().route("/", any(|session: Option<Session>| async move { format!("{}", session.is_some()) }));

    assert_eq!(text(send(&app, "/", "").await).await, "false");
    assert_eq!(text(send(&app.layer(layer()), "/", "").await).await, "true");
}

#[tokio::test]
async fn two_layers_of_one_name_are_refused() {
    let (log, _listening) = Log::of_this_thread();
    let twice = site(layer()).layer(layer().cookie_name("another"));

    let response = send(&twice, "/untouched", "").await;

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.extensions().get(), Some(&ErrorKind::Application));
    assert_eq!(text(response).await, "");
    assert!(log.take().iter().any(|line| line.contains("SessionLayer::named")));
}

#[tokio::test]
async fn a_named_layer_has_a_session_and_a_cookie_of_its_own() -> TestResult {
    let both = |visitor: Session, admin: NamedSession<Admin>| async move {
        let first = visitor.modify("n", |n: Option<u32>| n.unwrap_or(0) + 1)?;
        let second = admin.modify("n", |n: Option<u32>| n.unwrap_or(10) + 10)?;
        Ok::<_, jam_session::Error>(format!("{first} {second}"))
    };
    let app = page(layer(), both).layer(layer().cookie_name("admin").named::<Admin>());

    let first = send(&app, "/", "").await;
    let set_cookies = first.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("a text"));
    let cookies: Vec<_> = set_cookies.filter_map(|cookie| cookie.split(';').next()).map(str::to_owned).collect();
    assert!(cookies[0].starts_with("sessionid=") && cookies[1].starts_with("admin="), "{cookies:?}");

    assert_eq!(text(first).await, "1 20");
    assert_eq!(text(send(&app, "/", &cookies.join("; ")).await).await, "2 30");
    assert_eq!(text(send(&app, "/", &cookies[0]).await).await, "3 20");
    Ok(())
}

#[tokio::test]
async fn a_name_that_no_layer_has_is_a_missing_layer() {
    let app = page(layer(), |_admin: NamedSession<Admin>| async { "never" });

    assert_eq!(send(&app, "/", "").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn every_extractor_of_a_request_gives_the_same_session() {
    let app = page(layer(), |lazy: LazySession, first: Session, second: Session| async move {
        first.insert("n", &1)?;
        Ok::<_, jam_session::Error>(format!("{:?} {}", second.get::<i32>("n")?, lazy.modified()))
    });

    let response = send(&app, "/", "").await;

    assert!(cookie_of(&response).is_some());
    assert_eq!(text(response).await, "Some(1) true");
}
