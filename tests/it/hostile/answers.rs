//! What is answered: the same to every browser, nothing that ends somebody's session, and nothing of another user.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode, header};
use jam_session::{DjangoAuth, Error, MemoryStore, SameSite, Session, SessionLayer, Settings, Signer};
use tower::ServiceExt as _;

use crate::support::{Moment, TestResult, cookie_of, page, request, send, site, text, visitor};

const UNKNOWN: &str = "sessionid=0123456789abcdefghijklmnopqrstuv";

fn layer() -> SessionLayer {
    SessionLayer::new(MemoryStore::new()).clock(Moment::new().clock())
}

const USER_AGENTS: [&str; 20] = [
    "",
    "-",
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
    "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.0 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/51.0.2704.79 Mobile Safari/537.36",
    "Opera/9.80 (Windows NT 6.0) Presto/2.12.388 Version/12.14",
    "UCWEB/2.0 (Java; U; MIDP-2.0; en-US) U2/1.0.0 UCBrowser/9.4.1.482",
    "Lynx/2.8.9rel.1 libwww-FM/2.14",
    "Wget/1.21",
    "curl/8.5.0",
    "python-requests/2.31.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "chromeframe/19.0",
];

#[tokio::test]
async fn headers_are_the_same_for_every_browser() {
    for path in ["/untouched", "/read", "/write", "/count", "/cycle", "/flush"] {
        let mut answers: Vec<HeaderMap> = Vec::new();
        for agent in USER_AGENTS {
            let site = site(layer());
            let mut request = request(path, &visitor(&site).await);
            request.headers_mut().insert(header::USER_AGENT, agent.parse().expect("a header"));
            let Ok(response) = site.oneshot(request).await;
            let mut headers = response.headers().clone();
            if let Some(set_cookie) = headers.get_mut(header::SET_COOKIE) {
                // The key differs, for whoever asks.
                let attributes =
                    set_cookie.to_str().expect("it is ASCII").split_once(';').expect("it has attributes").1;
                *set_cookie = attributes.parse().expect("a header");
            }
            answers.push(headers);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{path}: {answers:?}");
    }
}

/// Name and attributes of a `Set-Cookie`, but its lifetime.
fn identity(response: &Response<Body>) -> BTreeSet<String> {
    let set_cookie = response.headers()[header::SET_COOKIE].to_str().expect("it is ASCII");
    let (name, rest) = set_cookie.split_once('=').expect("name and value");
    let attributes = rest.split(';').skip(1).map(|attribute| attribute.trim().to_owned());
    let lifetime = |attribute: &String| attribute.starts_with("Max-Age") || attribute.starts_with("Expires");
    attributes.filter(|attribute| !lifetime(attribute)).chain([format!("name: {name}")]).collect()
}

/// Every combination of what makes a cookie the one that it is, as far as browsers take it.
fn configurations() -> Vec<Settings> {
    let mut all = Vec::new();
    for bits in 0..1u32 << 5 {
        for same_site in [SameSite::Strict, SameSite::Lax, SameSite::None, SameSite::Unset] {
            for prefix in ["", "__Secure-", "__Host-"] {
                let on = |bit: u32| bits >> bit & 1 == 1;
                let mut settings = Settings::default();
                settings.cookie_name = format!("{prefix}id");
                settings.cookie_domain = on(0).then(|| "example.com".to_owned());
                settings.cookie_path = if on(1) { "/app" } else { "/" }.to_owned();
                settings.cookie_secure = on(2);
                settings.cookie_http_only = on(3);
                settings.cookie_partitioned = on(4);
                settings.cookie_same_site = same_site;
                all.extend(settings.validate().is_ok().then_some(settings));
            }
        }
    }
    all
}

#[tokio::test]
async fn a_deletion_cookie_is_the_cookie_it_deletes_in_every_configuration() -> TestResult {
    let configurations = configurations();
    let mut seen = BTreeSet::new();
    for settings in &configurations {
        let site = site(SessionLayer::with_settings(MemoryStore::new(), settings.clone())?);
        let set = send(&site, "/write", "").await;
        let deleted = send(&site, "/flush", &cookie_of(&set).expect("a first write sets a cookie")).await;
        assert_eq!(identity(&set), identity(&deleted));
        assert!(cookie_of(&deleted).is_some_and(|cookie| cookie.ends_with('=')));
        seen.insert(identity(&deleted));
    }
    println!("hostile: {} configurations, each with its own deletion cookie", seen.len());
    assert_eq!((seen.len(), configurations.len()), (168, 168));
    Ok(())
}

#[tokio::test]
async fn an_unknown_key_never_deletes_the_cookie() -> TestResult {
    for status in [200, 204, 301, 302, 304, 400, 404, 410, 500, 503] {
        let status = StatusCode::from_u16(status)?;
        let app = page(layer(), move |session: Session| async move {
            let _ = (session.keys(), session.is_empty(), session.contains_key("a"), session.get::<i32>("a"));
            let _ = (session.remove("a"), session.clear(), session.set_modified());
            status
        });
        for cookie in [UNKNOWN, "sessionid=", "sessionid=x", "sessionid=a; sessionid=b"] {
            assert_eq!(cookie_of(&send(&app, "/", cookie).await), None, "{cookie} {status}");
        }
    }
    let site = site(layer());
    for path in ["/untouched", "/read"] {
        assert_eq!(cookie_of(&send(&site, path, UNKNOWN).await), None, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn who_logs_in_within_another_users_session_sees_nothing_of_it() -> TestResult {
    let auth = DjangoAuth::new(Signer::new("a secret of fifty characters or more, for a test of logins"));
    let store = MemoryStore::new();
    let app = page(SessionLayer::new(store.clone()), move |session: Session, request: Request<Body>| {
        let auth = auth.clone();
        async move {
            let user = request.headers()["user"].to_str().unwrap_or_default().to_owned();
            auth.login(&session, &user, "pbkdf2_sha256$1$a$b").await?;
            session.setdefault(&format!("basket of {user}"), "full".to_owned())?;
            let mut names = session.keys();
            names.sort();
            Ok::<_, Error>(names.join(","))
        }
    });
    let login = async |user: &str, cookie: &str| -> TestResult<(String, String)> {
        let mut request = request("/", cookie);
        request.headers_mut().insert("user", user.parse()?);
        let Ok(response) = app.clone().oneshot(request).await;
        Ok((cookie_of(&response).unwrap_or_else(|| cookie.to_owned()), text(response).await))
    };

    let (first, alice) = login("1", "").await?;
    let (second, again) = login("1", &first).await?;
    let (third, bob) = login("2", &second).await?;
    let (fourth, late) = login("2", &second).await?;

    assert!(alice.contains("basket of 1") && alice == again, "the same user keeps the session: {alice}, {again}");
    assert!(bob.contains("basket of 2") && !bob.contains("basket of 1"), "{bob}");
    assert!(late.contains("basket of 2") && !late.contains("basket of 1"), "{late}");
    let keys = BTreeSet::from([first, second, third, fourth]);
    assert_eq!(keys.len(), 4, "each login gets a new key");
    Ok(())
}
