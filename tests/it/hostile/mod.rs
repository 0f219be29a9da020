//! What clients may send that no browser would: it finds no session, makes no row, and gets an ordinary answer.

mod aliases;
mod answers;
mod cookies;
mod rows;
mod wire;

use axum::{Router, body::Body};
use http::{HeaderValue, Request, Response, header};
use tower::ServiceExt as _;

use crate::support::text;

/// Sends one request with these `Cookie` fields.
async fn ask(site: &Router, path: &str, fields: &[Vec<u8>]) -> Response<Body> {
    let mut request = Request::builder().uri(path).body(Body::empty()).expect("a plain request");
    for field in fields {
        let field = HeaderValue::from_bytes(field).expect("a header that can be sent");
        request.headers_mut().append(header::COOKIE, field);
    }
    let Ok(response) = site.clone().oneshot(request).await;
    response
}

/// Whether a request with these `Cookie` fields has the session of a [`visitor`](crate::support::visitor).
async fn recognized(site: &Router, fields: &[Vec<u8>]) -> bool {
    let response = ask(site, "/read", fields).await;
    assert_eq!(response.status(), 200);
    match text(response).await.as_str() {
        "[\"written\"]" => true,
        "[]" => false,
        other => panic!("neither the visitor nor a stranger: {other}"),
    }
}
