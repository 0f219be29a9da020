//! `Clear-Site-Data`: what a browser is to remove when a session ends.

use axum::Router;
use http::{Response, StatusCode};
use jam_session::{Error, LazySession, MemoryStore, Session, SessionLayer, SiteData};

use crate::support::{Op, Probe, cookie_of, page, send, site, visitor};

const ALL: [SiteData; 3] = [SiteData::Cache, SiteData::Cookies, SiteData::Storage];

fn layer(data: &[SiteData]) -> SessionLayer {
    SessionLayer::new(MemoryStore::new()).clear_site_data(data.iter().copied())
}

fn cleared<B>(response: &Response<B>) -> Vec<&str> {
    let lines = response.headers().get_all("clear-site-data");
    lines.iter().map(|line| line.to_str().expect("it is ASCII")).collect()
}

#[tokio::test]
async fn nothing_is_cleared_unless_that_is_set() {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let cookie = visitor(&site).await;

    assert!(cleared(&send(&site, "/flush", &cookie).await).is_empty());
}

#[tokio::test]
async fn the_response_of_the_request_that_ended_its_session_clears_what_is_set() {
    for (data, header) in [
        (&ALL[..], r#""cache", "cookies", "storage""#),
        (&[SiteData::Cookies, SiteData::Storage], r#""cookies", "storage""#),
        (&[SiteData::Cache], r#""cache""#),
    ] {
        let site = site(layer(data));
        for path in ["/flush", "/flush-lazily"] {
            let cookie = visitor(&site).await;
            for kept in ["/untouched", "/read", "/write", "/count", "/cycle-and-write"] {
                let cookie = visitor(&site).await;
                assert!(cleared(&send(&site, kept, &cookie).await).is_empty(), "{kept}");
            }
            assert_eq!(cleared(&send(&site, path, &cookie).await), [header], "{path}");
            assert_eq!(cleared(&send(&site, path, "").await), [header], "{path} without a session");
        }
    }
}

#[tokio::test]
async fn a_session_that_begins_with_the_response_keeps_its_cookie() {
    let again = |data| {
        page(layer(data), |session: Session| async move {
            session.flush().await?;
            session.insert("begun", &"again")
        })
    };

    let response = send(&again(&ALL), "/", "").await;
    assert!(cookie_of(&response).is_some());
    assert_eq!(cleared(&response), [r#""cache", "storage""#]);
    assert!(cleared(&send(&again(&[SiteData::Cookies]), "/", "").await).is_empty(), "nothing is left to say");
}

#[tokio::test]
async fn an_ended_session_is_cleared_whatever_the_response() {
    let failing = page(layer(&[SiteData::Storage]), |session: LazySession| async move {
        session.flush().await?;
        Ok::<_, Error>((StatusCode::BAD_GATEWAY, [("clear-site-data", r#""cache""#)]))
    });
    let response = send(&failing, "/", "").await;
    assert_eq!(cleared(&response), [r#""cache""#, r#""storage""#], "beside what the handler says");
}

#[tokio::test]
async fn a_session_that_could_not_be_ended_clears_nothing() {
    let probe = Probe::new();
    let site: Router = site(SessionLayer::new(probe.clone()).clear_site_data(ALL));
    let cookie = visitor(&site).await;

    probe.fail(&[Op::Delete]);
    let response = send(&site, "/flush", &cookie).await;
    assert_eq!(response.status(), 503);
    assert!(cleared(&response).is_empty());
}
