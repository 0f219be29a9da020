//! What a request costs without a database, and what its parts do: timed, and counted.
//!
//! `cargo bench --bench requests --features axum,signing` times them with criterion. `-- names` lists them,
//! `-- allocations` counts the heap allocations of each, `-- run NAME TIMES` only does it, which is what callgrind is
//! shown (`.ci/instructions`).

use std::{env, hint::black_box, sync::Arc};

use axum::{Router, body::Body, routing::get};
use criterion::Criterion;
use http::{Request, header};
use jam_session::{Error, JsonSerializer, Limits, MemoryStore, Serializer, Session, SessionData, SessionLayer, Signer};
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use tower::{ServiceExt, util::MapRequestLayer};

type Op = Box<dyn FnMut()>;
type Named = (&'static str, fn() -> Op);

/// Names, and how to make ready what they do. The figures of one name are compared over time: another thing to do is
/// another name.
const OPS: &[Named] = &[
    ("request-pass-through", || request(passing(), "/untouched", "")),
    ("request-pass-through-cookie", || request(passing(), "/untouched", COOKIE)),
    ("request-untouched", || request(site(&layer()), "/untouched", "")),
    ("request-untouched-cookie", || visited("/untouched", "")),
    ("request-untouched-many-cookies", || visited("/untouched", MANY_COOKIES)),
    ("request-read", || visited("/read", "")),
    ("request-read-4k", || visited("/read-4k", "")),
    ("request-write", || visited("/write", "")),
    ("request-write-4k", || visited("/write-4k", "")),
    ("request-new", || request(site(&layer()), "/write", "")),
    ("request-login", login),
    ("decode-200", || decode(200)),
    ("decode-4k", || decode(4096)),
    ("encode-200", || encode(200)),
    ("encode-4k", || encode(4096)),
    ("sign-200", || sign(200)),
    ("sign-4k", || sign(4096)),
    ("verify-200", || verify(200)),
    ("verify-4k", || verify(4096)),
    ("merge", merge),
];

const MANY_COOKIES: &str = "_ga=GA1.1.1234567890.1700000000; theme=dark; consent=functional%2Canalytics; \
                            lang=en-GB; _gid=GA1.1.987654321.1700000001; csrftoken=kV3pQ0sT7uWx9yZ1; ";

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["names"] => OPS.iter().for_each(|(name, _)| println!("{name}")),
        ["allocations"] => OPS.iter().for_each(|(name, op)| println!("{name} {}", allocations(op()))),
        ["run", name, times] => {
            let (_, op) = OPS.iter().find(|(known, _)| *known == name).expect("a name of the list");
            let mut op = op();
            // What is made once is made.
            op();
            measured(&mut *op, times.parse().expect("a number"));
        }
        _ => time_all(),
    }
}

fn time_all() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, op) in OPS {
        let mut op = op();
        criterion.bench_function(name, |bencher| bencher.iter(&mut op));
    }
    criterion.final_summary();
}

/// What callgrind collects.
#[inline(never)]
fn measured(op: &mut dyn FnMut(), times: u32) {
    for _ in 0..times {
        op();
    }
}

fn allocations(mut op: Op) -> u64 {
    const TIMES: u32 = 100;
    op();
    allocation_counter::measure(|| measured(&mut *op, TIMES)).count_total / u64::from(TIMES)
}

// --- Requests -------------------------------------------------------------------------------------------------

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn layer() -> SessionLayer {
    SessionLayer::new(MemoryStore::new())
}

/// As long as that of a visitor who has a session.
const COOKIE: &str = "sessionid=0123456789abcdefghijklmnopqrstuv";

/// A layer that does nothing.
fn passing() -> Router {
    bare().layer(MapRequestLayer::new(|request: Request<Body>| request))
}

fn bare() -> Router {
    Router::new().route("/untouched", get(async || "ok"))
}

fn site(layer: &SessionLayer) -> Router {
    async fn read(session: Session) -> Result<String, Error> {
        Ok(session.get::<u64>("visits")?.unwrap_or_default().to_string())
    }
    async fn write(session: Session) -> Result<String, Error> {
        Ok(session.modify("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?.to_string())
    }
    async fn login(session: Session) -> Result<&'static str, Error> {
        session.cycle_key().map(|()| "ok")
    }
    let router = bare().route("/read", get(read)).route("/write", get(write)).route("/login", get(login));
    router.route("/read-4k", get(read)).route("/write-4k", get(write)).layer(layer.clone())
}

/// A request with this cookie, again and again.
fn request(site: Router, path: &'static str, cookie: &str) -> Op {
    let (runtime, site, cookie) = (runtime(), site.with_state(()), cookie.to_owned());
    Box::new(move || {
        let mut request = Request::builder().uri(path);
        if !cookie.is_empty() {
            request = request.header(header::COOKIE, &cookie);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = runtime.block_on(site.clone().oneshot(request)).expect("routers do not fail");
        assert_eq!(response.status(), 200);
        black_box(response);
    })
}

/// A request of a visitor who has a session, of 4 KB on some paths, behind `others` in the cookie header.
fn visited(path: &'static str, others: &str) -> Op {
    let layer = layer();
    let size = if path.ends_with("4k") { 4096 } else { 200 };
    let key = runtime().block_on(async {
        let session = layer.create().await?;
        for (name, value) in data(size).keys().zip(data(size).values()) {
            session.insert(&name, &value.get::<serde_json::Value>().expect("JSON"))?;
        }
        session.save().await?;
        Ok::<_, Error>(session.session_key().expect("it is saved"))
    });
    let key = key.expect("a memory store takes it");
    request(site(&layer), path, &format!("{others}sessionid={}", key.as_str()))
}

/// A login with the cookie of the login before.
fn login() -> Op {
    let (layer, runtime) = (layer(), runtime());
    let site = site(&layer).with_state(());
    let mut cookie = String::new();
    Box::new(move || {
        let request = Request::builder().uri("/login").header(header::COOKIE, &cookie).body(Body::empty());
        let response =
            runtime.block_on(site.clone().oneshot(request.expect("a request"))).expect("routers do not fail");
        let set = response.headers()[header::SET_COOKIE].to_str().expect("ASCII");
        cookie.clear();
        cookie.push_str(set.split(';').next().expect("a cookie"));
    })
}

// --- Parts ----------------------------------------------------------------------------------------------------

/// A session of about so many bytes: who it is, and a basket.
fn json(size: usize) -> String {
    let mut json = r#"{"visits":0,"theme":"dark","user_id":"184467","locale":{"language":"en"},"basket":["#.to_owned();
    let line = r#"{"sku":100001,"name":"Pencil, 12 pieces","price":12.95,"gift":false}"#;
    while json.len() + line.len() + 3 < size {
        json.push_str(line);
        json.push(',');
    }
    json.push_str("null]}");
    json
}

fn data(size: usize) -> SessionData {
    json(size).parse().expect("JSON")
}

fn decode(size: usize) -> Op {
    let (text, limits): (Arc<str>, _) = (json(size).into(), Limits::default());
    Box::new(move || {
        black_box(SessionData::from_json(black_box(&text), &limits).expect("JSON"));
    })
}

fn encode(size: usize) -> Op {
    let (data, serializer) = (data(size), JsonSerializer::default());
    Box::new(move || {
        black_box(serializer.dumps(black_box(&data)).expect("it is small enough"));
    })
}

fn sign(size: usize) -> Op {
    let (signer, text) = (Signer::new("a secret key"), json(size));
    Box::new(move || {
        black_box(signer.dumps(black_box(text.as_bytes()), OffsetDateTime::UNIX_EPOCH));
    })
}

fn verify(size: usize) -> Op {
    let signer = Signer::new("a secret key");
    let signed = signer.dumps(json(size).as_bytes(), OffsetDateTime::UNIX_EPOCH);
    Box::new(move || {
        black_box(signer.loads(black_box(&signed), &Limits::default()).expect("it is signed"));
    })
}

/// Two requests change one session at once: the second one's change is made again on top of the first one's.
fn merge() -> Op {
    let (layer, runtime) = (layer(), runtime());
    let mut visits = 0_u64;
    let key = runtime.block_on(async {
        let session = layer.create().await?;
        session.insert("a", &0)?;
        session.save().await?;
        Ok::<_, Error>(session.session_key().expect("it is saved"))
    });
    let key = key.expect("a memory store takes it");
    Box::new(move || {
        visits += 1;
        let merged = runtime.block_on(async {
            let (first, second) = (layer.open(&key).await?, layer.open(&key).await?);
            first.insert("a", &visits)?;
            second.insert("b", &visits)?;
            first.save().await?;
            second.save().await?;
            second.get::<u64>("a")
        });
        assert_eq!(merged.expect("a memory store takes it"), Some(visits));
    })
}
