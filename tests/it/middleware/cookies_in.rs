//! Which cookie of a request is believed.

use axum::{Router, body::Body};
use http::{HeaderValue, Request, header};
use jam_session::{DuplicateCookie, MemoryStore, SessionLayer};
use tower::ServiceExt as _;

use crate::support::{site, text, visitor};

const OTHER: &str = "sessionid=0123456789abcdefghijklmnopqrstuv";

fn layer() -> SessionLayer {
    SessionLayer::new(MemoryStore::new())
}

/// Whether a request with these `Cookie` lines has the session of [`visitor`].
async fn recognized(site: &Router, lines: &[&[u8]]) -> bool {
    let mut request = Request::builder().uri("/read").body(Body::empty()).expect("a plain request");
    for line in lines {
        request.headers_mut().append(header::COOKIE, HeaderValue::from_bytes(line).expect("a header"));
    }
    let Ok(response) = site.clone().oneshot(request).await;
    match text(response).await.as_str() {
        "[\"written\"]" => true,
        "[]" => false,
        other => panic!("neither the visitor nor a stranger: {other}"),
    }
}

#[tokio::test]
async fn ours_is_found_among_others() {
    let site = site(layer());
    let ours = visitor(&site).await;

    for found in [
        ours.clone(),
        format!("theme=dark; {ours}; lang=tr"),
        format!("theme=dark;{ours}"),
        format!("  {ours} "),
        ours.replace('=', " = "),
        format!("sessionid2=x; xsessionid=y; {ours}"),
        format!("flag; =; ; {ours}"),
    ] {
        assert!(recognized(&site, &[found.as_bytes()]).await, "{found}");
    }
}

#[tokio::test]
async fn a_name_that_is_almost_ours_is_not_ours() {
    let site = site(layer());
    let ours = visitor(&site).await;

    for name in ["SESSIONID", "Sessionid", "session%69d", "\u{a0}sessionid", "sessionid\u{a0}", "$sessionid"] {
        let cookie = ours.replace("sessionid", name);
        assert!(!recognized(&site, &[cookie.as_bytes()]).await, "{name:?}");
    }
    let mut latin1 = vec![0xa0];
    latin1.extend(ours.as_bytes());
    assert!(!recognized(&site, &[&latin1]).await, "a non-breaking space in Latin-1");
}

#[tokio::test]
async fn a_value_that_is_almost_a_key_is_no_key() {
    let site = site(layer());
    let ours = visitor(&site).await;
    let (_, key) = ours.split_once('=').expect("name and value");

    for value in
        [format!("\"{key}\""), key.to_uppercase(), format!("{key}a"), key[1..].to_owned(), format!("{key}\u{e9}")]
    {
        let cookie = format!("sessionid={value}");
        assert!(!recognized(&site, &[cookie.as_bytes()]).await, "{value}");
    }
}

#[tokio::test]
async fn several_header_lines_are_one_list() {
    let site = site(layer());
    let ours = visitor(&site).await;

    assert!(recognized(&site, &[b"theme=dark", ours.as_bytes(), b"lang=tr"]).await);
}

#[tokio::test]
async fn two_equal_cookies_are_one() {
    let site = site(layer());
    let ours = visitor(&site).await;

    assert!(recognized(&site, &[format!("{ours}; {ours}").as_bytes()]).await);
    assert!(recognized(&site, &[ours.as_bytes(), ours.as_bytes()]).await);
}

#[tokio::test]
async fn of_two_different_cookies_neither_is_believed_where_that_is_set() {
    let site = site(layer().duplicate_cookie(DuplicateCookie::Refuse));
    let ours = visitor(&site).await;

    assert!(!recognized(&site, &[format!("{ours}; {OTHER}").as_bytes()]).await);
    assert!(!recognized(&site, &[OTHER.as_bytes(), ours.as_bytes()]).await);
    assert!(!recognized(&site, &[format!("{ours}; sessionid=").as_bytes()]).await);
}

#[tokio::test]
async fn of_several_different_cookies_the_only_live_one_is_believed() {
    let site = site(layer());
    let ours = visitor(&site).await;
    let another = visitor(&site).await;

    assert!(recognized(&site, &[format!("{ours}; {OTHER}").as_bytes()]).await);
    assert!(recognized(&site, &[OTHER.as_bytes(), ours.as_bytes()]).await);
    assert!(recognized(&site, &[format!("{ours}; sessionid=").as_bytes()]).await);
    assert!(!recognized(&site, &[format!("{ours}; {another}").as_bytes()]).await);
}

#[tokio::test]
async fn of_two_different_cookies_the_last_is_believed_where_that_is_set() {
    let site = site(layer().duplicate_cookie(DuplicateCookie::TakeLast));
    let ours = visitor(&site).await;

    assert!(recognized(&site, &[format!("{OTHER}; {ours}").as_bytes()]).await);
    assert!(!recognized(&site, &[format!("{ours}; {OTHER}").as_bytes()]).await);
}

#[tokio::test]
async fn of_more_than_16_kib_of_cookies_none_is_believed() {
    let site = site(layer());
    let ours = visitor(&site).await;
    // `x=…;` before ours or behind it, so that everything together is that long.
    let filler = |length: usize| format!("x={}", "y".repeat(length - ours.len() - 3));

    for (length, believed) in [(16 * 1024, true), (16 * 1024 + 1, false)] {
        let filler = filler(length);
        for cookies in [format!("{filler};{ours}"), format!("{ours};{filler}")] {
            assert_eq!(recognized(&site, &[cookies.as_bytes()]).await, believed, "{length} bytes");
        }
        let lines = [format!("{filler};"), ours.clone()];
        assert_eq!(recognized(&site, &[lines[0].as_bytes(), lines[1].as_bytes()]).await, believed, "in two lines");
        assert_eq!(recognized(&site, &[lines[1].as_bytes(), lines[0].as_bytes()]).await, believed, "the other way");
    }
}
