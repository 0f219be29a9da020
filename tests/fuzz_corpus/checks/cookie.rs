use std::convert::Infallible;

use http::{HeaderValue, Request, Response, header};
use jam_session::{LazySession, MemoryStore, SessionLayer};
use tower::{ServiceBuilder, ServiceExt as _};

/// `Cookie` headers, a line each: the key that the layer takes from them is the one that a plain reading finds.
pub(crate) fn cookie_header(bytes: &[u8]) {
    let lines: Vec<HeaderValue> =
        bytes.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let mut request = Request::new(());
    for line in &lines {
        request.headers_mut().append(header::COOKIE, line.clone());
    }
    let service = ServiceBuilder::new().layer(SessionLayer::new(MemoryStore::new())).service_fn(
        |request: Request<()>| async move {
            let session = LazySession::of(request.extensions()).expect("the layer is there");
            let key = session.session_key().map(|key| key.as_str().to_owned());
            Ok::<_, Infallible>(Response::new(key))
        },
    );
    let response = super::block_on(service.oneshot(request)).expect("nothing fails");
    assert!(!response.headers().contains_key(header::SET_COOKIE));
    assert_eq!(response.into_body(), read_plainly(&lines));
}

/// The one value that is sent under the name `sessionid`, if it is a key and there are not too many cookies.
fn read_plainly(lines: &[HeaderValue]) -> Option<String> {
    if lines.iter().map(HeaderValue::len).sum::<usize>() > 16 * 1024 {
        return None;
    }
    let mut values: Vec<Vec<u8>> = Vec::new();
    for line in lines {
        for pair in line.as_bytes().split(|&byte| byte == b';') {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let (Some(name), Some(value)) = (halves.next(), halves.next()) else { continue };
            if trimmed(name) == b"sessionid" {
                values.push(trimmed(value).to_vec());
            }
        }
    }
    values.dedup();
    let [value] = values.as_slice() else { return None };
    let key = value.len() == 32 && value.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    key.then(|| String::from_utf8(value.clone()).expect("a key is ASCII"))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| *byte == b' ';
    let start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}
