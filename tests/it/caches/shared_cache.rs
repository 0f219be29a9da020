//! A shared cache as greedy as RFC 9111 allows: it keeps all that it may, with its cookies, for as long as it may.

use std::collections::HashMap;

use axum::{Router, body::Body};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// For how long a response is fresh that says nothing about it, in seconds.
const HEURISTIC: i64 = 3600;

/// One response, and the fields of the request that it was selected by.
struct Stored {
    asked_with: HeaderMap,
    vary: Vec<HeaderName>,
    answer: Answer,
    /// When it was received or confirmed, in seconds.
    at: i64,
}

/// A response with its whole body.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// What a cache has done so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) forwarded: u64,
    pub(super) stored: u64,
    pub(super) hits: u64,
    pub(super) confirmed: u64,
}

/// A cache before a site.
pub(super) struct SharedCache {
    site: Router,
    entries: HashMap<String, Vec<Stored>>,
    pub(super) done: Done,
}

impl SharedCache {
    pub(super) fn before(site: Router) -> Self {
        Self { site, entries: HashMap::new(), done: Done::default() }
    }

    /// Answers from what is stored, or asks the site.
    pub(super) async fn ask(&mut self, request: Request<Body>, now: i64) -> Answer {
        let url = request.uri().to_string();
        if request.method() != Method::GET {
            // Section 4.4: what was changed is not kept.
            self.entries.remove(&url);
            return self.forward(request).await;
        }
        let found =
            self.entries.get_mut(&url).and_then(|all| all.iter().position(|one| one.selects(request.headers())));
        let Some(at) = found else { return self.fetch(url, request, now).await };
        let stored = &self.entries[&url][at];
        if stored.is_fresh(now) {
            self.done.hits += 1;
            return stored.answer.clone();
        }
        let Some(etag) = stored.answer.headers.get(header::ETAG).cloned() else {
            self.entries.remove(&url);
            return self.fetch(url, request, now).await;
        };
        self.confirm(url, at, etag, request, now).await
    }

    async fn forward(&mut self, request: Request<Body>) -> Answer {
        self.done.forwarded += 1;
        let Ok(response) = self.site.clone().oneshot(request).await;
        Answer::of(response).await
    }

    /// Asks the site, and keeps the answer if that is allowed (section 3).
    async fn fetch(&mut self, url: String, request: Request<Body>, now: i64) -> Answer {
        let asked_with = request.headers().clone();
        let answer = self.forward(request).await;
        if answer.may_be_stored() {
            let vary = answer.vary();
            let all = self.entries.entry(url).or_default();
            all.retain(|one| !one.selects(&asked_with));
            all.push(Stored { asked_with, vary, answer: answer.clone(), at: now });
            self.done.stored += 1;
        }
        answer
    }

    /// Asks the site whether a stored response is still good (sections 4.3.3 and 4.3.4).
    async fn confirm(
        &mut self,
        url: String,
        at: usize,
        etag: HeaderValue,
        mut request: Request<Body>,
        now: i64,
    ) -> Answer {
        let asked_with = request.headers().clone();
        request.headers_mut().insert(header::IF_NONE_MATCH, etag);
        let fresh = self.forward(request).await;
        let all = self.entries.get_mut(&url).expect("it was found there");
        if fresh.status != StatusCode::NOT_MODIFIED {
            all.remove(at);
            if fresh.may_be_stored() {
                let vary = fresh.vary();
                all.push(Stored { asked_with, vary, answer: fresh.clone(), at: now });
            }
            return fresh;
        }
        self.done.confirmed += 1;
        let mut confirmed = all[at].answer.clone();
        for name in fresh.headers.keys() {
            confirmed.headers.remove(name);
        }
        confirmed.headers.extend(fresh.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        if fresh.says("no-store") {
            all.remove(at);
        } else {
            let vary = confirmed.vary();
            all[at] = Stored { asked_with, vary, answer: confirmed.clone(), at: now };
        }
        confirmed
    }
}

impl Stored {
    /// Section 4.1: the fields that the response varies by are the same.
    fn selects(&self, headers: &HeaderMap) -> bool {
        let values = |headers: &HeaderMap, name: &HeaderName| -> Vec<HeaderValue> {
            headers.get_all(name).iter().cloned().collect()
        };
        let any = self.answer.words(&header::VARY).any(|word| word == "*");
        !any && self.vary.iter().all(|name| values(headers, name) == values(&self.asked_with, name))
    }

    /// Section 4.2. `no-cache` may be stored, but is asked about each time.
    fn is_fresh(&self, now: i64) -> bool {
        !self.answer.says("no-cache") && now - self.at < self.answer.lifetime().unwrap_or(HEURISTIC)
    }
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body in memory").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("a text");
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// The members of a list, in small letters.
    fn words(&self, name: &HeaderName) -> impl Iterator<Item = String> {
        let lines = self.headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        lines
            .flat_map(|line| line.split(','))
            .map(|word| word.trim().to_ascii_lowercase())
            .filter(|word| !word.is_empty())
    }

    fn says(&self, directive: &str) -> bool {
        self.words(&header::CACHE_CONTROL).any(|word| word == directive)
    }

    fn vary(&self) -> Vec<HeaderName> {
        self.words(&header::VARY).filter_map(|word| word.parse().ok()).collect()
    }

    /// What a shared cache is told, `s-maxage` first (section 4.2.1).
    fn lifetime(&self) -> Option<i64> {
        let seconds = |directive: &str| {
            self.words(&header::CACHE_CONTROL).find_map(|word| word.strip_prefix(directive)?.parse().ok())
        };
        seconds("s-maxage=").or_else(|| seconds("max-age="))
    }

    /// Section 3. A `Set-Cookie` does not forbid it (section 7.3).
    fn may_be_stored(&self) -> bool {
        let kept_without_a_word =
            matches!(self.status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501);
        let allowed = kept_without_a_word || self.says("public") || self.lifetime().is_some();
        allowed && self.status != StatusCode::NOT_MODIFIED && !self.says("no-store") && !self.says("private")
    }
}
