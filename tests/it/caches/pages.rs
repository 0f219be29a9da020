//! Pages that do one thing each with the session, say what a cache may do, and whom they were made for.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jam_session::{Error, LazySession, Session, SessionLayer};

/// The visitor who asks, beside the request: no header says it, so that no cache can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker(pub(super) char);

/// What a page does with the session.
pub(super) const DEEDS: [&str; 16] = [
    "untouched",
    "read",
    "contains",
    "items",
    "keys",
    "is_empty",
    "get",
    "set",
    "pop",
    "count",
    "cycle",
    "flush",
    "begin-again",
    "lazy-key",
    "lazy-is_empty",
    "error",
];

pub(super) const STATUSES: [u16; 8] = [200, 204, 301, 302, 304, 404, 410, 500];

/// What a page says to caches, by its number.
pub(super) const WORDS: [&[(HeaderName, &str)]; 9] = [
    &[],
    &[(header::CACHE_CONTROL, "public, max-age=600")],
    &[(header::CACHE_CONTROL, "public, max-age=600"), (header::VARY, "Accept")],
    &[(header::CACHE_CONTROL, "public, max-age=600"), (header::VARY, "*")],
    &[(header::CACHE_CONTROL, "s-maxage=600"), (header::VARY, "Accept"), (header::VARY, "cookie, Accept-Language")],
    &[(header::CACHE_CONTROL, "public, max-age=0"), (header::ETAG, "")],
    &[(header::CACHE_CONTROL, "no-cache"), (header::ETAG, "")],
    &[(header::CACHE_CONTROL, "private, max-age=600")],
    &[(header::CACHE_CONTROL, "max-age=600, s-maxage=10"), (header::ETAG, "")],
];

/// Whom a `Set-Cookie` was made for.
pub(super) const COOKIE_FOR: HeaderName = HeaderName::from_static("x-cookie-for");

/// `POST /login`, and `GET /{deed}/{status}/{number of words}`.
pub(super) fn pages(layer: SessionLayer) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/{deed}/{status}/{words}", get(page))
        .layer(layer)
        .layer(from_fn(sign_cookies))
}

async fn sign_cookies(request: Request, next: Next) -> Response {
    let asker = asker(&request);
    let mut response = next.run(request).await;
    if response.headers().contains_key(header::SET_COOKIE) {
        let asker = HeaderValue::try_from(asker.0.to_string()).expect("a letter");
        response.headers_mut().insert(COOKIE_FOR, asker);
    }
    response
}

fn asker(request: &Request) -> Asker {
    *request.extensions().get().expect("somebody asks")
}

/// A text that belongs to one visitor.
fn secret_of(asker: Asker) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("secret of {} {}", asker.0, COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn login(session: Session, request: Request) -> Result<(), Error> {
    session.cycle_key()?;
    session.insert("secret", &secret_of(asker(&request)))
}

async fn page(
    Path((deed, status, words)): Path<(String, u16, usize)>,
    session: LazySession,
    request: Request,
) -> Result<Response, Error> {
    let asker = asker(&request);
    let body = format!("{deed}: {}", perform(&deed, &session, asker).await?);
    let status = StatusCode::from_u16(status).expect("a status of the list");
    let mut response = (status, body.clone()).into_response();
    for (name, value) in WORDS[words] {
        let value = if value.is_empty() { format!("\"{body}\"") } else { (*value).to_owned() };
        response.headers_mut().append(name, HeaderValue::try_from(value).expect("a header"));
    }
    let known = response
        .headers()
        .get(header::ETAG)
        .is_some_and(|etag| Some(etag) == request.headers().get(header::IF_NONE_MATCH));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
    }
    Ok(response)
}

/// What the page shows. Whatever it has learnt of a session is a secret of the one who asks.
async fn perform(deed: &str, session: &LazySession, asker: Asker) -> Result<String, Error> {
    let known = |known: bool| if known { secret_of(asker) } else { "a stranger".to_owned() };
    match deed {
        "untouched" => return Ok("nothing".to_owned()),
        "lazy-key" => return Ok(known(session.session_key().is_some())),
        "lazy-is_empty" => return Ok(known(!session.is_empty())),
        _ => {}
    }
    let session = session.load().await?;
    let shown = |secret: Option<String>| secret.unwrap_or_else(|| "a stranger".to_owned());
    Ok(match deed {
        "read" => known(session.session_key().is_some()),
        "contains" => known(session.contains_key("secret")),
        "items" => known(!session.items().is_empty()),
        "keys" => known(!session.keys().is_empty()),
        "is_empty" => known(!session.is_empty()),
        "get" => shown(session.get("secret")?),
        "set" => {
            session.insert("secret", &secret_of(asker))?;
            shown(session.get("secret")?)
        }
        "pop" => shown(session.pop("secret")?),
        "count" => {
            session.modify("count", |n: Option<u64>| n.unwrap_or(0) + 1)?;
            session.setdefault("secret", secret_of(asker))?
        }
        "cycle" => {
            session.cycle_key()?;
            shown(session.get("secret")?)
        }
        "flush" => {
            let secret = shown(session.get("secret")?);
            session.flush().await?;
            secret
        }
        "begin-again" => {
            session.flush().await?;
            session.setdefault("secret", secret_of(asker))?
        }
        "error" => session.require("secret").and_then(|secret: String| session.require(&secret))?,
        _ => unreachable!("every deed has an arm"),
    })
}
