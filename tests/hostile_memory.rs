//! Ten thousand malformed requests of every kind: ordinary answers, no row, and no memory that stays taken.

use std::{collections::BTreeMap, fs};

use axum::{Router, body::Body, routing::any};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use jam_session::{LazySession, Session, SessionLayer, SqliteStore, sqlx};
use tower::ServiceExt as _;

#[path = "faults/bench/random.rs"]
mod random;
use random::Random;

const REQUESTS: u32 = 10_000;
/// KiB of memory that may be taken at the end and was not at the beginning.
const MOST: u64 = 16 * 1024;

/// What is sent as `Cookie`, field by field, for the one who has the key of a live session.
struct Sender {
    random: Random,
    live: String,
}

impl Sender {
    fn fields(&mut self) -> Vec<Vec<u8>> {
        let live = self.live.clone();
        match self.random.below(12) {
            0 => vec![self.bytes(200)],
            1 => vec![named(self.bytes(60))],
            2 => vec![[self.ink(), live.into_bytes()].concat()],
            3 => vec![[live.into_bytes(), self.ink()].concat()],
            4 => vec![live.to_uppercase().replace("SESSIONID", "sessionid").into_bytes()],
            5 => self.crowd(live.into_bytes()),
            6 => vec![(0..self.random.below(10_000)).map(|n| format!("a{n}=b; ")).collect::<String>().into_bytes()],
            7 => vec![b"a=b".to_vec(); self.random.below(5_000) as usize],
            // Seldom, or the test would do nothing but fill memory.
            8 if self.random.below(20) == 0 => vec![named(vec![self.byte(); 1 << 20])],
            8 => vec![named(vec![self.byte(); self.random.below(20_000) as usize])],
            9 => vec![named(format!("\"{}\"", &live[10..]).into_bytes())],
            10 => vec![named(live.bytes().skip(10).flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect())],
            _ => vec![named(live.bytes().skip(10).take(self.random.below(32) as usize).collect())],
        }
    }

    /// Ours among more keys than are loaded, in one field or in several, in any place. Beside what cannot be a key, ours
    /// is that of a visitor.
    fn crowd(&mut self, ours: Vec<u8>) -> Vec<Vec<u8>> {
        let mut keys: Vec<_> = (0..5).map(|digit| named(digit.to_string().repeat(32).into_bytes())).collect();
        keys.insert(self.random.below(6) as usize, ours);
        if self.random.below(2) == 0 { keys } else { vec![keys.join(&b"; "[..])] }
    }

    /// A byte that a header can carry.
    fn byte(&mut self) -> u8 {
        match self.random.next() as u8 {
            byte @ (0x20..=0x7e | 0x80..) => byte,
            _ => b'\t',
        }
    }

    fn bytes(&mut self, below: u64) -> Vec<u8> {
        let length = 1 + self.random.below(below);
        (0..length).map(|_| self.byte()).collect()
    }

    /// A few bytes that a cookie's name and value do not end at.
    fn ink(&mut self) -> Vec<u8> {
        let mut bytes = self.bytes(4);
        bytes.retain(|byte| !b" ;".contains(byte));
        [bytes, b"x".to_vec()].concat()
    }
}

fn named(value: Vec<u8>) -> Vec<u8> {
    [b"sessionid=".to_vec(), value].concat()
}

fn site(layer: SessionLayer) -> Router {
    Router::new()
        .route("/read", any(async |session: Session| format!("{:?}", session.keys())))
        .route("/write", any(async |session: Session| session.insert("written", &true)))
        .route("/lazy", any(async |session: LazySession| format!("{}", session.session_key().is_some())))
        .route("/logout", any(async |session: Session| session.flush().await))
        .route("/lazy-logout", any(async |session: LazySession| session.flush().await))
        .layer(layer)
}

async fn answer(site: &Router, path: &str, fields: Vec<Vec<u8>>) -> Response<Body> {
    let mut request = Request::get(path).body(Body::empty()).expect("a plain request");
    for field in fields {
        request.headers_mut().append(header::COOKIE, HeaderValue::from_bytes(&field).expect("a header"));
    }
    let Ok(response) = site.clone().oneshot(request).await;
    response
}

/// The memory of this process, in KiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn malformed_requests_are_answered_and_leave_nothing_behind() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite:{}", directory.path().join("sessions.db").display());
    let store: SqliteStore = SqliteStore::connect(&url).await?;
    store.migrate().await?;
    let pool = store.pool().clone();
    let site = site(SessionLayer::new(store));
    let set_cookie = answer(&site, "/write", vec![]).await.headers()[header::SET_COOKIE].to_str()?.to_owned();
    let live = set_cookie.split(';').next().unwrap_or_default().to_owned();
    let rows = || sqlx::query_scalar::<_, i64>("SELECT count(*) FROM django_session").fetch_one(&pool);
    let (rows_before, before) = (rows().await?, memory());

    let mut sender = Sender { random: Random::new(7), live: live.clone() };
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    for _ in 0..REQUESTS {
        let path = *sender.random.pick(&["/read", "/lazy", "/logout", "/lazy-logout", "/nowhere"]);
        let fields = sender.fields();
        let response = answer(&site, path, fields).await;
        *statuses.entry(response.status().as_u16()).or_default() += 1;
    }

    let (added, grown) = (rows().await? - rows_before, memory().saturating_sub(before));
    let failed: u32 = statuses.range(500..).map(|(_, count)| count).sum();
    println!("hostile: {REQUESTS} malformed requests, {failed} answered 5xx, {added} rows, memory +{grown} kB");
    assert_eq!((failed, added, statuses.keys().copied().collect()), (0, 0, vec![200, 404]), "{statuses:?}");
    assert!(grown <= MOST, "{grown} kB");
    let body = answer(&site, "/read", vec![live.into_bytes()]).await.into_body().collect().await?.to_bytes();
    assert_eq!(body, "[\"written\"]", "the live session is as it was");
    Ok(())
}
