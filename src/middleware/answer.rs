//! The response that goes out: cookies, caching headers, and what replaces it when the session failed.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::{cookie, verdict::Verdict};
use crate::{
    backends::Record,
    error::{Error, ErrorKind},
    expiry::Expiry,
    session::{Context, Inner},
    settings::OnInterrupted,
};

/// Seconds after which a client may ask again.
const RETRY_AFTER: &str = "1";

/// Adds to `response` what the session asks for.
pub(super) fn finish<B: Default>(
    response: Response<B>,
    verdict: Verdict,
    saved: Result<Option<Record>, Error>,
    session: &Inner,
) -> Response<B> {
    let context = &session.context;
    let facts = session.facts();
    let (mut response, saved) = match saved {
        Ok(saved) => (with_configured_status(response, context), saved),
        Err(Error::SessionInterrupted) if context.settings.on_interrupted == OnInterrupted::KeepResponse => {
            (response, None)
        }
        // A failed handler saves nothing, so that only the key of its explicit save can be gone.
        Err(Error::SessionInterrupted) if verdict.failed => (response, None),
        Err(error) => (failure(&error, session), None),
    };
    // A cookie that is only sent again lives no longer than its session.
    let keeps_expiry = facts.keeps_expiry || facts.resolved && saved.is_none();
    let record = saved.or_else(|| session.issued());
    let set_cookie = match record {
        Some(ref record) => Some(set_cookie(record, session, keeps_expiry)),
        None if verdict.delete_cookie => Some(cookie::deletion(&context.settings, session.secure)),
        None => None,
    };
    let headers = response.headers_mut();
    if verdict.vary || set_cookie.is_some() {
        cookie::append_vary(headers);
    }
    if verdict.ended {
        cookie::clear_site_data(headers, &context.settings, record.is_some());
    }
    if verdict.changed || set_cookie.is_some() {
        cookie::forbid_storing(headers, &context.settings);
    }
    if let Some(set_cookie) = set_cookie {
        append_cookies(headers, session, facts.contradicts, set_cookie);
    }
    response
}

/// Adds the cookie, behind the deletions of its twins: one of them may hit the cookie itself.
fn append_cookies(headers: &mut HeaderMap, session: &Inner, contradicts: bool, set_cookie: HeaderValue) {
    if contradicts {
        for deletion in cookie::twin_deletions(&session.context.settings, session.secure) {
            headers.append(header::SET_COOKIE, deletion);
        }
    }
    headers.append(header::SET_COOKIE, set_cookie);
}

fn set_cookie(record: &Record, session: &Inner, keeps_expiry: bool) -> HeaderValue {
    let (context, now) = (&session.context, session.context.now());
    let setting = context.settings.expire_at_browser_close;
    let stored = context.stored_expiry(&record.session_data);
    let at_browser_close = stored.is_ok_and(|stored| stored.at_browser_close(setting));
    let mut age = context.max_age(record, now);
    if keeps_expiry {
        age = age.min(Expiry::At(record.expire_date).age(now, age));
    }
    cookie::set(&context.settings, &record.session_key, (!at_browser_close).then_some(age), now, session.secure)
}

/// An empty response instead of the one that must not go out.
pub(super) fn failure<B: Default>(error: &Error, session: &Inner) -> Response<B> {
    session.context.events.failed(session.context.now(), error, "a session could not be saved");
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.extensions_mut().insert(error.kind());
    with_configured_status(response, &session.context)
}

/// A response that says it stands for an error of the session gets the status that was set for it.
fn with_configured_status<B>(mut response: Response<B>, context: &Context) -> Response<B> {
    match (response.extensions().get(), context.settings.on_interrupted) {
        (Some(ErrorKind::Interrupted), OnInterrupted::Respond(status)) => *response.status_mut() = status,
        (Some(ErrorKind::StoreFailure), _) => {
            *response.status_mut() = context.settings.store_failure_status;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        _ => {}
    }
    response
}
