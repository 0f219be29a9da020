//! Whether the cookie is `Secure`, where a proxy says how the visitor came.

use axum::Router;
use http::{HeaderValue, header};
use jam_session::{MemoryStore, ProxyHeader, SessionLayer};
use tower::ServiceExt as _;

use crate::support::{request, site};

fn trusting(name: &str, value: &str) -> Router {
    let header = ProxyHeader::new(name, value);
    site(SessionLayer::new(MemoryStore::new()).secure_proxy_ssl_header(header))
}

/// Whether the cookies of a first write and of the logout after it are `Secure`, for a request with these headers.
async fn is_secure(site: &Router, headers: &[(&'static str, &str)]) -> bool {
    let ask = async |path: &str, cookie: &str| {
        let mut request = request(path, cookie);
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).expect("a header"));
        }
        let Ok(response) = site.clone().oneshot(request).await;
        response.headers()[header::SET_COOKIE].to_str().expect("it is ASCII").to_owned()
    };
    let set = ask("/write", "").await;
    let deleted = ask("/flush", set.split(';').next().unwrap_or_default()).await;
    let secure = |set_cookie: &str| set_cookie.split("; ").any(|attribute| attribute == "Secure");
    assert_eq!(secure(&set), secure(&deleted), "{set}; {deleted}");
    secure(&set)
}

#[tokio::test]
async fn without_the_setting_no_header_of_a_proxy_is_looked_at() {
    let always = site(SessionLayer::new(MemoryStore::new()));
    let never = site(SessionLayer::new(MemoryStore::new()).cookie_secure(false));

    for value in ["http", "https", ""] {
        let headers = [("x-forwarded-proto", value), ("x-forwarded-ssl", "on"), ("forwarded", "proto=https")];
        assert!(is_secure(&always, &headers).await);
        assert!(!is_secure(&never, &headers).await);
    }
}

#[tokio::test]
async fn the_cookie_is_secure_where_the_trusted_header_has_the_value() {
    let site = trusting("X-Forwarded-Proto", "https");

    for value in ["https", "HTTPS", " https ", "https, http", "https,https"] {
        assert!(is_secure(&site, &[("x-forwarded-proto", value)]).await, "{value:?}");
    }
    for value in ["http", "", "http, https", "https:", "xhttps", "https http", "wss", "\\https"] {
        assert!(!is_secure(&site, &[("x-forwarded-proto", value)]).await, "{value:?}");
    }
    assert!(!is_secure(&site, &[]).await, "no header is plain HTTP");
    assert!(!is_secure(&site, &[("x-forwarded-ssl", "on"), ("forwarded", "proto=https")]).await, "another header");
    let twice = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")];
    assert!(!is_secure(&site, &twice).await, "the first line counts");
}

#[tokio::test]
async fn of_forwarded_the_first_element_counts() {
    let site = trusting("Forwarded", "proto=https");

    for value in [
        "proto=https",
        "for=192.0.2.60;proto=https;by=203.0.113.43",
        "for=\"[2001:db8:cafe::17]:4711\"; Proto=\"https\"",
        "proto=https, for=198.51.100.17;proto=http",
    ] {
        assert!(is_secure(&site, &[("forwarded", value)]).await, "{value}");
    }
    for value in [
        "proto=http",
        "for=192.0.2.60",
        "for=192.0.2.60;proto=http, proto=https",
        "host=\"a;proto=https;b\";proto=http",
        "host=\"a, proto=https\";proto=http",
        "host=\"a\\\";proto=https;\"",
        "host=\"a;proto=https",
        "proto=https2",
        "xproto=https",
    ] {
        assert!(!is_secure(&site, &[("forwarded", value)]).await, "{value}");
    }
}
