//! Several cookies of one name with different values: which of them is used, and how a browser gets rid of the others.

use std::time::Duration;

use axum::{Router, body::Body, routing::any};
use http::{Response, StatusCode, header};
use jam_session::{DuplicateCookie, LazySession, MemoryStore, Session, SessionKey, SessionLayer, testing::cookie_for};

use crate::support::{Browser, Log, Moment, Op, Probe, TestResult, key_in, send, text};

const UNKNOWN: [&str; 5] = ["unknown0", "unknown1", "unknown2", "unknown3", "unknown4"];
const MALFORMED: [&str; 5] = ["", "X", "\"\"", "not-a-key", "%00"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Live,
    Expired,
    Unknown,
    Malformed,
}

use Kind::{Expired, Live, Malformed, Unknown};

const KINDS: [Kind; 4] = [Live, Expired, Unknown, Malformed];
const ACTIONS: [&str; 8] = ["/untouched", "/read", "/write", "/cycle", "/login", "/flush", "/flush-lazily", "/fail"];
const RULES: [DuplicateCookie; 3] = [DuplicateCookie::OneLive, DuplicateCookie::Refuse, DuplicateCookie::TakeLast];

fn site(layer: SessionLayer) -> Router {
    Router::new()
        .route("/untouched", any(|| async { "" }))
        .route("/read", any(|session: Session| async move { session.keys().join(",") }))
        .route("/write", any(|session: Session| async move { session.insert("new", &true) }))
        .route("/cycle", any(|session: Session| async move { session.cycle_key() }))
        .route("/login", any(login))
        .route("/flush", any(|session: Session| async move { session.flush().await }))
        .route("/flush-lazily", any(|session: LazySession| async move { session.flush().await }))
        .route("/fail", any(fail))
        .layer(layer)
}

async fn login(session: Session) -> Result<(), jam_session::Error> {
    session.cycle_key()?;
    session.insert("user", &7)
}

async fn fail(session: Session) -> Result<StatusCode, jam_session::Error> {
    session.insert("new", &true)?;
    Ok(StatusCode::BAD_GATEWAY)
}

/// A layer whose twins are those of the host, and of `/admin`.
fn layer(store: Probe, moment: &Moment, rule: DuplicateCookie) -> SessionLayer {
    let layer = SessionLayer::new(store).clock(moment.clock()).duplicate_cookie(rule);
    layer.cookie_domain("example.com".to_owned()).previous_cookie_paths(["/admin"])
}

/// The cookies that a request sends, of these kinds, and the keys that they have.
async fn cookies(store: &Probe, moment: &Moment, kinds: &[Kind]) -> TestResult<Vec<String>> {
    let short = SessionLayer::new(store.clone()).clock(moment.clock()).cookie_age(Duration::from_secs(60));
    let long = SessionLayer::new(store.clone()).clock(moment.clock());
    let mut cookies = Vec::new();
    for (n, kind) in kinds.iter().enumerate() {
        let name = format!("of{n}");
        cookies.push(match kind {
            Live => cookie_for(&long, |session| session.insert(&name, &n)).await?,
            Expired => cookie_for(&short, |session| session.insert(&name, &n)).await?,
            Unknown => format!("sessionid={:0<32}", UNKNOWN[n]),
            Malformed => format!("sessionid={}", MALFORMED[n]),
        });
    }
    moment.advance(time::Duration::MINUTE);
    store.take_calls();
    Ok(cookies)
}

/// What a request has to do: which cookie is used, how many are loaded and deleted, and whether twins are expired.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    used: Option<usize>,
    loads: usize,
    deletes: usize,
    set: Set,
    twins: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Nothing,
    Kept,
    New,
    Deletion,
}

/// The decided rules, as plainly as they can be said.
fn expected(kinds: &[Kind], action: &str, rule: DuplicateCookie) -> Expected {
    let contradicts = kinds.len() > 1;
    let keys: Vec<usize> = (0..kinds.len()).filter(|&n| kinds[n] != Malformed).collect();
    let last = kinds.len() - 1;
    let candidates: Vec<usize> = match rule {
        DuplicateCookie::TakeLast => keys.into_iter().filter(|&n| n == last).collect(),
        DuplicateCookie::OneLive if keys.len() <= 4 => keys,
        _ if contradicts => Vec::new(),
        _ => keys,
    };
    let live: Vec<usize> = candidates.iter().copied().filter(|&n| kinds[n] == Live).collect();
    let used = if let [one] = live[..] { Some(one) } else { None };
    let resolved = used.is_some() && contradicts && rule == DuplicateCookie::OneLive;
    let loads = if action == "/untouched" { 0 } else { candidates.len() };
    let deletes = match action {
        "/flush-lazily" => candidates.len(),
        "/flush" => live.len(),
        _ => 0,
    };
    // An ambiguous visitor ends all sessions whose keys came, each of which is read once more for that.
    let all = action == "/flush" && live.len() > 1;
    let (loads, deletes) = if all { (2 * candidates.len(), candidates.len()) } else { (loads, deletes) };
    let set = match action {
        "/flush" | "/flush-lazily" => Set::Deletion,
        "/cycle" | "/login" => Set::New,
        "/write" if used.is_some() => Set::Kept,
        "/write" => Set::New,
        "/read" | "/fail" if resolved => Set::Kept,
        _ => Set::Nothing,
    };
    let twins = contradicts && set != Set::Nothing && rule != DuplicateCookie::TakeLast;
    Expected { used, loads, deletes, set, twins }
}

/// The `Set-Cookie` lines without dates and what is the same in all of them.
fn lines(response: &Response<Body>) -> Vec<String> {
    let lines = response.headers().get_all(header::SET_COOKIE).iter();
    lines.map(|line| line.to_str().expect("ASCII").replace("; HttpOnly; SameSite=Lax; Secure", "")).collect()
}

const TWINS: [&str; 3] = [
    "sessionid=; Path=/admin; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=example.com",
    "sessionid=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "sessionid=; Path=/admin; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
];

async fn check(kinds: &[Kind], action: &str, rule: DuplicateCookie) -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let site = site(layer(store.clone(), &moment, rule));
    let sent = cookies(&store, &moment, kinds).await?;
    let expected = expected(kinds, action, rule);
    let case = format!("{kinds:?} {action} {rule:?}: {expected:?}");

    let response = send(&site, action, &sent.join("; ")).await;

    let calls = store.take_calls();
    let count = |op| calls.iter().filter(|&&call| call == op).count();
    assert_eq!((count(Op::Load), count(Op::Delete)), (expected.loads, expected.deletes), "{case}: {calls:?}");
    let mut lines = lines(&response);
    if expected.twins {
        assert_eq!(lines.drain(..3).collect::<Vec<_>>(), TWINS, "{case}");
    }
    let own = lines.pop().unwrap_or_default();
    assert!(lines.is_empty(), "{case}: {lines:?}");
    assert!(own.is_empty() || own.contains("; Path=/; Max-Age=") && own.ends_with("; Domain=example.com"), "{case}");
    let value = own.split(';').next().unwrap_or_default();
    match expected.set {
        Set::Nothing => assert_eq!(own, "", "{case}"),
        Set::Kept => assert_eq!(value, sent[expected.used.ok_or("one is used")?], "{case}"),
        Set::New => assert!(value.len() == 42 && !sent.iter().any(|sent| sent == value), "{case}: {own}"),
        Set::Deletion => assert_eq!(value, "sessionid=", "{case}"),
    }
    assert_eq!(response.headers().contains_key(header::VARY), action != "/untouched", "{case}");
    if action == "/read" {
        let seen = expected.used.map(|n| format!("of{n}")).unwrap_or_default();
        assert_eq!(text(response).await, seen, "{case}");
    }
    Ok(())
}

fn combinations(of: usize) -> Vec<Vec<Kind>> {
    (0..of).fold(vec![Vec::new()], |shorter, _| {
        let longer = shorter.iter().flat_map(|kinds| KINDS.map(|kind| [kinds.as_slice(), &[kind]].concat()));
        longer.collect()
    })
}

async fn every_combination(of: usize, rules: &[DuplicateCookie]) -> TestResult {
    let mut checked = 0;
    for kinds in combinations(of) {
        for action in ACTIONS {
            for &rule in rules {
                check(&kinds, action, rule).await?;
                checked += 1;
            }
        }
    }
    println!("twins: {checked} requests with {of} cookies");
    Ok(())
}

#[tokio::test]
async fn one_two_or_three_cookies_of_each_kind_do_what_is_decided() -> TestResult {
    for of in 1..=3 {
        every_combination(of, &RULES).await?;
    }
    Ok(())
}

#[tokio::test]
async fn four_cookies_of_each_kind_do_what_is_decided() -> TestResult {
    every_combination(4, &RULES).await
}

#[tokio::test]
async fn five_cookies_of_each_kind_do_what_is_decided() -> TestResult {
    // The other rules do not count them.
    every_combination(5, &RULES[..1]).await
}

#[tokio::test]
async fn a_flush_beside_several_live_sessions_ends_each_of_them() -> TestResult {
    for path in ["/flush", "/flush-lazily"] {
        let (store, moment) = (Probe::new(), Moment::new());
        let layer = layer(store.clone(), &moment, DuplicateCookie::OneLive);
        let site = site(layer.clone());
        let sent = cookies(&store, &moment, &[Live, Live, Unknown]).await?;

        send(&site, path, &sent.join("; ")).await;

        for cookie in &sent {
            assert_eq!(layer.open(&key_in(cookie)).await?.session_key(), None, "{path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_candidates_are_loaded_at_the_same_time() -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let site = site(layer(store.clone(), &moment, DuplicateCookie::OneLive));
    let sent = cookies(&store, &moment, &[Unknown, Expired, Live, Unknown]).await?.join("; ");
    let gate = store.gate(Op::Load);

    let asking = tokio::spawn(async move { text(send(&site, "/read", &sent).await).await });
    for _ in 0..4 {
        gate.arrival().await;
    }
    (0..4).for_each(|_| gate.open());

    assert_eq!(asking.await?, "of2");
    Ok(())
}

#[tokio::test]
async fn a_store_that_fails_for_one_of_them_has_not_said_that_it_is_gone() -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let site = site(layer(store.clone(), &moment, DuplicateCookie::OneLive));
    let sent = cookies(&store, &moment, &[Live, Unknown]).await?.join("; ");
    store.fail(&[Op::Load]);

    let response = send(&site, "/read", &sent).await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(lines(&response), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_cookie_from_before_a_renewal_is_no_contradiction() -> TestResult {
    let moment = Moment::new();
    let layer = SessionLayer::new(MemoryStore::new()).clock(moment.clock()).renew_after(Duration::from_secs(60));
    let site = site(layer.clone());
    let old = cookie_for(&layer, |session| session.insert("ours", &1)).await?;
    moment.advance(time::Duration::MINUTE);
    let renewed = lines(&send(&site, "/read", &old).await).pop().ok_or("a new key")?;
    let renewed = renewed.split(';').next().ok_or("a value")?.to_owned();
    assert_ne!(old, renewed);

    for sent in [format!("{old}; {renewed}"), format!("{renewed}; {old}")] {
        let response = send(&site, "/read", &sent).await;
        assert!(lines(&response)[0].starts_with(&renewed), "{:?}", lines(&response));
        assert!(text(response).await.contains("ours"), "{sent}");
    }
    Ok(())
}

#[tokio::test]
async fn the_session_that_is_sent_again_is_not_extended_by_it() -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let layer = layer(store.clone(), &moment, DuplicateCookie::OneLive);
    let site = site(layer.clone());
    let live = cookie_for(&layer, |session| session.insert("ours", &1)).await?;
    moment.advance(time::Duration::days(13));

    let response = send(&site, "/read", &format!("{live}; sessionid=x")).await;

    assert!(lines(&response)[3].contains("; Max-Age=86400; "), "{:?}", lines(&response));
    Ok(())
}

#[tokio::test]
async fn an_untouched_save_every_request_resolves_them_too() -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let layer = layer(store.clone(), &moment, DuplicateCookie::OneLive).save_every_request(true);
    let sent = cookies(&store, &moment, &[Live, Expired]).await?;

    let response = send(&site(layer), "/untouched", &sent.join("; ")).await;

    assert_eq!(store.take_calls(), [Op::Load, Op::Load, Op::Touch]);
    assert_eq!(lines(&response)[..3], TWINS);
    assert!(lines(&response)[3].starts_with(&sent[0]));
    Ok(())
}

#[tokio::test]
async fn each_twin_is_named_once_and_the_cookie_itself_never() -> TestResult {
    let two = "sessionid=x; sessionid=y";
    let places = async |layer: SessionLayer| {
        let response = send(&site(layer.cookie_secure(true)), "/write", two).await;
        let mut lines = lines(&response);
        lines.pop();
        let kept = |line: String| {
            let parts = line.split("; ").filter(|part| ["Path", "Doma", "Part"].contains(&part.get(..4).unwrap_or("")));
            parts.map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        lines.into_iter().map(kept).collect::<Vec<_>>()
    };
    let plain = || SessionLayer::new(MemoryStore::new());

    assert_eq!(places(plain()).await, [""; 0]);
    assert_eq!(places(plain().previous_cookie_paths(["/"])).await, [""; 0]);
    assert_eq!(
        places(plain().previous_cookie_domains(["example.com", ".Example.com"])).await,
        ["Path=/ Domain=example.com"]
    );
    let domain = || plain().cookie_domain("a.example.com".to_owned());
    assert_eq!(places(domain()).await, ["Path=/"]);
    assert_eq!(places(domain().previous_cookie_domains([".a.example.com"])).await, ["Path=/"]);
    assert_eq!(
        places(domain().previous_cookie_domains(["example.com"]).cookie_path("/b").previous_cookie_paths(["/"])).await,
        ["Path=/ Domain=a.example.com", "Path=/b", "Path=/", "Path=/b Domain=example.com", "Path=/ Domain=example.com"]
    );
    // The one that is not partitioned is another cookie.
    assert_eq!(places(plain().cookie_partitioned(true)).await, ["Path=/"]);
    assert_eq!(
        places(domain().cookie_partitioned(true)).await,
        ["Partitioned Path=/", "Path=/ Domain=a.example.com", "Path=/"]
    );
    Ok(())
}

/// What a browser holds beside each other, and under which settings the application runs by now.
struct Scene {
    name: &'static str,
    settings: fn(SessionLayer) -> SessionLayer,
    /// The attributes of the older cookie, and of the newer one.
    older: &'static str,
    newer: &'static str,
}

const SCENES: [Scene; 4] = [
    Scene {
        name: "a deployment added cookie_domain",
        settings: |layer| layer.cookie_domain("example.com".to_owned()),
        older: "Path=/",
        newer: "Path=/; Domain=example.com",
    },
    Scene {
        name: "a deployment removed cookie_domain",
        settings: |layer| layer.previous_cookie_domains(["example.com"]),
        older: "Path=/; Domain=example.com",
        newer: "Path=/",
    },
    Scene {
        name: "a deployment changed cookie_path",
        settings: |layer| layer.previous_cookie_paths(["/app"]),
        older: "Path=/app",
        newer: "Path=/",
    },
    Scene {
        name: "a deployment changed both",
        settings: |layer| {
            layer
                .cookie_domain("app.example.com".to_owned())
                .previous_cookie_domains(["example.com"])
                .previous_cookie_paths(["/app"])
        },
        older: "Path=/app; Domain=example.com",
        newer: "Path=/; Domain=app.example.com",
    },
];

/// Pages under `/app`, which cookies of either path reach.
fn nested(layer: SessionLayer) -> Router {
    Router::new().nest("/app", site(layer))
}

#[tokio::test]
async fn a_browser_is_rid_of_its_twins_after_one_response() -> TestResult {
    let mut recovered = 0;
    for scene in SCENES {
        for kinds in combinations(2).into_iter().filter(|kinds| kinds.iter().any(|&kind| kind != Live)) {
            for action in ["/read", "/write", "/cycle", "/login", "/flush", "/fail"] {
                let (store, moment) = (Probe::new(), Moment::new());
                let site = nested((scene.settings)(SessionLayer::new(store.clone()).clock(moment.clock())));
                let sent = cookies(&store, &moment, &kinds).await?;
                let mut browser = Browser::at("app.example.com");
                browser.set(&format!("{}; {}", sent[0], scene.older));
                browser.set(&format!("{}; {}", sent[1], scene.newer));
                assert_eq!(browser.values("/app"), 2, "{}", scene.name);

                browser.receive(&send(&site, &format!("/app{action}"), &browser.cookies("/app")).await);

                let case = format!("{}: {kinds:?} {action}", scene.name);
                let lives = kinds.contains(&Live);
                match action {
                    // Without a live session nothing tells the one from the other, and nothing is to be saved.
                    "/read" | "/fail" if !lives => assert_eq!(browser.values("/app"), 2, "{case}"),
                    "/flush" => assert_eq!(browser.values("/app"), 0, "{case}"),
                    _ => {
                        assert_eq!(browser.values("/app"), 1, "{case}");
                        let seen = text(send(&site, "/app/read", &browser.cookies("/app")).await).await;
                        assert_eq!(seen.contains("of"), lives, "{case}");
                        assert_eq!(seen.contains("new"), action == "/write", "{case}");
                    }
                }
                recovered += 1;
            }
        }
    }
    println!("twins: {recovered} browsers");
    Ok(())
}

#[tokio::test]
async fn a_login_beside_two_live_sessions_is_kept_and_its_twins_are_expired() -> TestResult {
    for scene in SCENES {
        let (store, moment) = (Probe::new(), Moment::new());
        let site = nested((scene.settings)(SessionLayer::new(store.clone()).clock(moment.clock())));
        let sent = cookies(&store, &moment, &[Live, Live]).await?;
        let mut browser = Browser::at("app.example.com");
        browser.set(&format!("{}; {}", sent[0], scene.older));
        browser.set(&format!("{}; {}", sent[1], scene.newer));

        let read = send(&site, "/app/read", &browser.cookies("/app")).await;
        assert_eq!(lines(&read), [""; 0], "{}", scene.name);
        assert_eq!(text(read).await, "", "{}", scene.name);
        browser.receive(&send(&site, "/app/login", &browser.cookies("/app")).await);

        assert_eq!(browser.values("/app"), 1, "{}", scene.name);
        assert_eq!(text(send(&site, "/app/read", &browser.cookies("/app")).await).await, "user", "{}", scene.name);
    }
    Ok(())
}

#[tokio::test]
async fn a_dead_cookie_of_ours_beside_a_live_one_that_cannot_be_named_is_overwritten() -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let site = site(SessionLayer::new(store.clone()).clock(moment.clock()));
    let sent = cookies(&store, &moment, &[Expired, Live]).await?;
    let mut browser = Browser::at("app.example.com");
    browser.set(&format!("{}; Path=/", sent[0]));
    browser.set(&format!("{}; Path=/; Domain=example.com", sent[1]));

    browser.receive(&send(&site, "/read", &browser.cookies("/")).await);

    assert_eq!(browser.values("/"), 1, "two cookies of the same value");
    Ok(())
}

#[tokio::test]
async fn a_contradiction_is_one_line_that_names_its_cure() -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let site = site(SessionLayer::new(store.clone()).clock(moment.clock()));
    for (kinds, event) in [(vec![Live, Live], "duplicate_cookie"), (vec![Live, Unknown], "stale_twin")] {
        let sent = cookies(&store, &moment, &kinds).await?.join("; ");
        let (log, _listening) = Log::of_this_thread();

        send(&site, "/login", &sent).await;

        let lines: Vec<_> = log.take().into_iter().filter(|line| line.contains("jam_session: ")).collect();
        let told: Vec<_> = lines.iter().filter(|line| !line.contains("event=cycled")).collect();
        assert_eq!(told.len(), 1, "{lines:?}");
        assert!(told[0].contains(event) && told[0].contains("previous_cookie_domains"), "{told:?}");
    }
    Ok(())
}

#[tokio::test]
async fn of_two_cookies_a_lazy_session_names_no_key_until_it_is_loaded() -> TestResult {
    let (store, moment) = (Probe::new(), Moment::new());
    let layer = SessionLayer::new(store.clone()).clock(moment.clock());
    let key = |key: Option<SessionKey>| key.map(|key| key.as_str().to_owned()).unwrap_or_default();
    let handler = async move |session: LazySession| {
        let before = key(session.session_key());
        let after = session.load().await.map(|session| key(session.session_key())).unwrap_or_default();
        format!("{before},{after}")
    };
    let site = Router::new().route("/", any(handler)).layer(layer);
    let sent = cookies(&store, &moment, &[Unknown, Live]).await?;

    let seen = text(send(&site, "/", &sent.join("; ")).await).await;

    assert_eq!(seen, sent[1].replace("sessionid=", ","));
    Ok(())
}
