//! Two visitors behind one shared cache: nothing that was made for one of them reaches the other, whatever handlers
//! allow caches to do.

mod pages;
#[path = "../../faults/bench/random.rs"]
mod random;
mod shared_cache;

use std::{collections::HashSet, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{Method, header};
use jam_session::{Headers, MemoryStore, SessionLayer, testing::CookieJar};
use tower::ServiceBuilder;

use crate::support::Moment;
use pages::{Asker, COOKIE_FOR, DEEDS, STATUSES, WORDS, pages};
use random::Random;
use shared_cache::{Answer, Done, SharedCache};

const INTERLEAVINGS: u64 = 1_000;
const STEPS: u64 = 40;

/// Two visitors and what is between them.
struct Scene {
    random: Random,
    moment: Moment,
    cache: SharedCache,
    jars: [CookieJar; 2],
    urls: Vec<String>,
}

/// How sessions are extended, in turn.
fn extending(seed: u64) -> fn(SessionLayer) -> SessionLayer {
    let choices: [fn(SessionLayer) -> SessionLayer; 3] = [
        |layer| layer,
        |layer| layer.save_every_request(true),
        |layer| layer.refresh_threshold(Duration::from_secs(60)),
    ];
    choices[(seed % 3) as usize]
}

impl Scene {
    fn new(seed: u64, change: &impl Fn(SessionLayer) -> SessionLayer, wrap: &impl Fn(Router) -> Router) -> Self {
        let (mut random, moment) = (Random::new(seed), Moment::new());
        let layer = SessionLayer::new(MemoryStore::new()).clock(moment.clock());
        let site = wrap(pages(change(extending(seed)(layer))));
        // Few pages, so that both visitors see the same ones.
        let urls = (0..4).map(|_| {
            let (deed, status) = (random.pick(&DEEDS), random.pick(&STATUSES));
            format!("/{deed}/{status}/{}", random.below(WORDS.len() as u64))
        });
        let urls = urls.collect();
        Self { random, moment, cache: SharedCache::before(site), jars: Default::default(), urls }
    }

    /// One request of one visitor; whether the answer has something of the other.
    async fn step(&mut self) -> bool {
        let who = self.random.below(2) as usize;
        let asker = Asker(['A', 'B'][who]);
        let login = self.random.below(8) == 0;
        let (method, url) =
            if login { (Method::POST, "/login") } else { (Method::GET, self.random.pick(&self.urls).as_str()) };
        let accept = *self.random.pick(&["text/html", "application/json"]);
        let request = Request::builder().method(method).uri(url).header(header::ACCEPT, accept).extension(asker);
        let mut request = request.body(Body::empty()).expect("a plain request");
        self.jars[who].add_to(&mut request);
        let answer = self.cache.ask(request, self.moment.now().unix_timestamp()).await;
        self.jars[who].receive(&response(&answer));
        self.moment.advance(time::Duration::seconds(self.random.below(400) as i64));
        is_of_another(&answer, asker)
    }
}

fn response(answer: &Answer) -> Response<()> {
    let mut response = Response::new(());
    *response.headers_mut() = answer.headers.clone();
    response
}

/// Whether a body or a cookie was made for somebody else.
fn is_of_another(answer: &Answer, asker: Asker) -> bool {
    let other = if asker.0 == 'A' { 'B' } else { 'A' };
    let cookie_for = answer.headers.get(COOKIE_FOR).and_then(|letter| letter.to_str().ok()?.chars().next());
    let cookie = answer.headers.contains_key(header::SET_COOKIE) && cookie_for != Some(asker.0);
    cookie || answer.body.contains(&format!("secret of {other}"))
}

/// Runs all interleavings; how many of them leak, what the caches did, and how many of the pages were seen.
async fn run(change: impl Fn(SessionLayer) -> SessionLayer, wrap: impl Fn(Router) -> Router) -> (u64, Done, usize) {
    let (mut leaking, mut done, mut seen) = (0, Done::default(), HashSet::new());
    for seed in 0..INTERLEAVINGS {
        let mut scene = Scene::new(seed, &change, &wrap);
        let mut leaks = false;
        for _ in 0..STEPS {
            leaks |= scene.step().await;
        }
        leaking += u64::from(leaks);
        let cache = scene.cache.done;
        done.forwarded += cache.forwarded;
        done.stored += cache.stored;
        done.hits += cache.hits;
        done.confirmed += cache.confirmed;
        seen.extend(scene.urls);
    }
    (leaking, done, seen.len())
}

/// A layer around the site that changes what the session's headers say.
fn with_headers(site: Router, change: fn(&mut http::HeaderMap)) -> Router {
    let change = move |mut response: Response| {
        change(response.headers_mut());
        response
    };
    site.layer(ServiceBuilder::new().map_response(change))
}

#[tokio::test]
async fn nothing_of_one_visitor_reaches_another_through_a_shared_cache() {
    let (leaking, done, pages) = run(|layer| layer, |site| site).await;

    println!("caches: {INTERLEAVINGS} interleavings, {leaking} leaks");
    println!("caches: {pages} pages, {done:?}");
    assert_eq!(leaking, 0);
    assert!(done.hits > 1_000 && done.confirmed > 300, "the cache has something to say: {done:?}");
    assert!(pages > 1_000, "all but a few of {}", DEEDS.len() * STATUSES.len() * WORDS.len());
}

#[tokio::test]
async fn the_cache_leaks_where_responses_with_cookies_may_be_stored() {
    let (leaking, done, _) = run(|layer| layer.headers(Headers::Vary), |site| site).await;

    println!("caches: {leaking} of {INTERLEAVINGS} interleavings leak without no-store ({done:?})");
    assert!(leaking > 10);
}

#[tokio::test]
async fn the_cache_leaks_where_vary_is_taken_away() {
    let (leaking, done, _) =
        run(|layer| layer, |site| with_headers(site, |headers| drop(headers.remove(header::VARY)))).await;

    println!("caches: {leaking} of {INTERLEAVINGS} interleavings leak without Vary ({done:?})");
    assert!(leaking > 100);
}
