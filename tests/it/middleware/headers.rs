//! `Vary` and `Cache-Control`: what caches are told.

use axum::{Router, body::Body, http::HeaderMap};
use http::{Response, StatusCode, header};
use jam_session::{Headers, LazySession, MemoryStore, Session, SessionLayer};

use crate::support::{page, send, site, visitor};

fn layer() -> SessionLayer {
    SessionLayer::new(MemoryStore::new())
}

fn lines(response: &Response<Body>, name: header::HeaderName) -> Vec<&str> {
    response.headers().get_all(name).iter().map(|line| line.to_str().expect("a text")).collect()
}

fn header_map(name: &header::HeaderName, values: &'static [&'static str]) -> HeaderMap {
    values.iter().map(|value| (name.clone(), (*value).parse().expect("a header"))).collect()
}

/// A page that writes, and whose handler says something to caches itself.
fn writing(layer: SessionLayer, name: header::HeaderName, values: &'static [&'static str]) -> Router {
    page(layer, move |session: Session| async move {
        session.insert("n", &1)?;
        // A map as a part of a response would replace; appended it keeps every line.
        let mut response = Response::new(Body::empty());
        response.headers_mut().extend(header_map(&name, values));
        Ok::<_, jam_session::Error>(response)
    })
}

async fn vary_after(values: &'static [&'static str]) -> Vec<String> {
    let response = send(&writing(layer(), header::VARY, values), "/", "").await;
    lines(&response, header::VARY).into_iter().map(str::to_owned).collect()
}

async fn cache_control_after(values: &'static [&'static str]) -> Vec<String> {
    let response = send(&writing(layer(), header::CACHE_CONTROL, values), "/", "").await;
    lines(&response, header::CACHE_CONTROL).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_response_varies_with_the_cookie_when_its_handler_looked() {
    let site = site(layer());
    let cookie = visitor(&site).await;

    for path in ["/read", "/count", "/cycle", "/flush"] {
        assert_eq!(lines(&send(&site, path, &cookie).await, header::VARY), ["Cookie"], "{path}");
    }
    assert_eq!(lines(&send(&site, "/read", "").await, header::VARY), ["Cookie"], "also without a cookie");
    assert!(send(&site, "/untouched", &cookie).await.headers().get(header::VARY).is_none());
    let app = page(layer(), |session: LazySession| async move { format!("{}", session.accessed()) });
    assert!(send(&app, "/", &cookie).await.headers().get(header::VARY).is_none(), "the extractor alone does not look");
    let keyed = page(layer(), |session: LazySession| async move { format!("{}", session.session_key().is_some()) });
    let empty = page(layer(), |session: LazySession| async move { format!("{}", session.is_empty()) });
    for app in [keyed, empty] {
        assert_eq!(lines(&send(&app, "/", &cookie).await, header::VARY), ["Cookie"], "whether there is a cookie");
    }
}

#[tokio::test]
async fn cookie_joins_what_the_handler_varies_by() {
    assert_eq!(vary_after(&[]).await, ["Cookie"]);
    assert_eq!(vary_after(&["Accept"]).await, ["Accept, Cookie"]);
    assert_eq!(vary_after(&["Accept", "Accept-Language, Origin"]).await, ["Accept, Accept-Language, Origin, Cookie"]);
    assert_eq!(vary_after(&["cookie"]).await, ["cookie"]);
    assert_eq!(vary_after(&["Accept, COOKIE"]).await, ["Accept, COOKIE"]);
    assert_eq!(vary_after(&["X-Cookie"]).await, ["X-Cookie, Cookie"]);
    assert_eq!(vary_after(&["*"]).await, ["*"]);
    assert_eq!(vary_after(&["Accept", "*"]).await, ["*"]);
    assert_eq!(vary_after(&[",, Accept ,"]).await, ["Accept, Cookie"]);
    assert_eq!(vary_after(&["Accept, Accept"]).await, ["Accept, Accept, Cookie"]);
    assert_eq!(vary_after(&["cookie", "Cookie"]).await, ["cookie, Cookie"]);
    assert_eq!(vary_after(&["*, Accept"]).await, ["*"]);
    assert_eq!(vary_after(&["Cookie2", "Origin"]).await, ["Cookie2, Origin, Cookie"]);
}

#[tokio::test]
async fn a_response_with_a_cookie_is_not_stored_by_shared_caches() {
    assert_eq!(cache_control_after(&[]).await, ["no-store"]);
    assert_eq!(cache_control_after(&["public, max-age=60"]).await, ["no-store"]);
    assert_eq!(cache_control_after(&["private"]).await, ["private"]);
    assert_eq!(cache_control_after(&["max-age=60, Private"]).await, ["max-age=60, Private"]);
    assert_eq!(cache_control_after(&["no-store"]).await, ["no-store"]);
    assert_eq!(cache_control_after(&["max-age=0", "private"]).await, ["max-age=0", "private"]);
    assert_eq!(cache_control_after(&["private=\"x\""]).await, ["no-store"], "private for one header alone");
}

#[tokio::test]
async fn without_a_cookie_the_handlers_cache_control_stands() {
    let site = site(layer());
    let cookie = visitor(&site).await;

    assert!(send(&site, "/read", &cookie).await.headers().get(header::CACHE_CONTROL).is_none());
    assert_eq!(lines(&send(&site, "/flush", &cookie).await, header::CACHE_CONTROL), ["no-store"]);
}

#[tokio::test]
async fn what_a_handler_changed_is_not_stored_although_nothing_of_it_was_saved() {
    let public = (header::CACHE_CONTROL, "public, max-age=60");
    let failing = page(layer(), move |session: Session| async move {
        session.insert("n", &1)?;
        Ok::<_, jam_session::Error>((StatusCode::INTERNAL_SERVER_ERROR, [public], "n = 1"))
    });
    let ending = page(layer(), |session: Session| async move {
        session.flush().await?;
        Ok::<_, jam_session::Error>([(header::CACHE_CONTROL, "public, max-age=60")])
    });

    for app in [failing, ending] {
        let response = send(&app, "/", "").await;
        assert!(response.headers().get(header::SET_COOKIE).is_none());
        assert_eq!(lines(&response, header::CACHE_CONTROL), ["no-store"]);
    }
}

#[tokio::test]
async fn vary_alone_is_set_where_that_is_chosen() {
    let response =
        send(&writing(layer().headers(Headers::Vary), header::CACHE_CONTROL, &["max-age=60"]), "/", "").await;

    assert_eq!(lines(&response, header::CACHE_CONTROL), ["max-age=60"]);
    assert_eq!(lines(&response, header::VARY), ["Cookie"]);
}
