//! What a request that leaves its session alone costs: heap allocations, counted.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body, routing::get};
use http::{Request, Response, header};
use jam_session::{MemoryStore, SessionLayer};
use tower::{Layer, Service, ServiceExt as _, service_fn};

/// A layer that does the least a layer with state can do in an axum router: it holds one `Arc`.
#[derive(Clone)]
struct PassThrough(Arc<()>);

#[derive(Clone)]
struct Passing<S> {
    inner: S,
    _state: Arc<()>,
}

impl<S> Layer<S> for PassThrough {
    type Service = Passing<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Passing { inner, _state: Arc::clone(&self.0) }
    }
}

impl<S: Service<R>, R> Service<R> for Passing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.inner.call(request)
    }
}

/// One request without a session cookie, and one with it.
const COOKIES: [Option<&str>; 2] = [None, Some("theme=dark; sessionid=0123456789abcdefghijklmnopqrstuv")];

fn request(cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().uri("/");
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    request.body(Body::empty()).expect("a plain request")
}

/// The heap allocations from the call of the service to its response.
fn allocations<S>(service: &S, cookie: Option<&str>) -> i64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let answer = || {
        let (service, request) = (service.clone(), request(cookie));
        let mut counted = 0;
        runtime.block_on(async {
            let mut response = None;
            let mut answering = Box::pin(service.oneshot(request));
            std::future::poll_fn(|cx| {
                let mut poll = Poll::Pending;
                counted += allocation_counter::measure(|| poll = answering.as_mut().poll(cx)).count_total;
                poll.map(|Ok(answer)| response = Some(answer))
            })
            .await;
            assert_eq!(response.map(|response| response.status().as_u16()), Some(200));
        });
        i64::try_from(counted).expect("not that many")
    };
    // The first request may fill what is made once.
    answer();
    answer()
}

#[test]
fn an_untouched_request_costs_three_allocations_in_axum() {
    let bare = Router::new().route("/", get(|| async {}));
    let passing = bare.clone().layer(PassThrough(Arc::new(())));
    let ours = bare.layer(SessionLayer::new(MemoryStore::new()));
    let (passing, ours) = (passing.with_state::<()>(()), ours.with_state::<()>(()));

    let added = COOKIES.map(|cookie| allocations(&ours, cookie) - allocations(&passing, cookie));

    let most = added.into_iter().max().expect("two requests");
    println!("alloc: axum untouched +{most} (limit 3)");
    assert!(most <= 3, "{added:?}");
    assert!(added.iter().all(|&added| added > 0), "a handle of the session is not free: {added:?}");
}

/// Whatever is sent, looking for our cookie in it costs nothing more.
#[test]
fn a_hostile_cookie_header_costs_no_more_allocations_than_none() {
    let ours = SessionLayer::new(MemoryStore::new())
        .layer(service_fn(|_request: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) }));
    let small = (0..10_000).map(|n| format!("a{n}=b; ")).collect::<String>();
    let few = &small[..16 * 1024];
    let key = "sessionid=0123456789abcdefghijklmnopqrstuv";

    let none = allocations(&ours, None);
    for hostile in [
        &*small,
        few,
        &";".repeat(16 * 1024),
        &" ".repeat(16 * 1024),
        &format!("sessionid={}", "a".repeat(1 << 20)),
        &format!("sessionid={}", "a".repeat(16 * 1024 - 10)),
        &format!("{key}; ").repeat(300),
        &format!("{key}; {}", &few[..16_000]),
        "sessionid=%00\u{e9}",
    ] {
        assert_eq!(allocations(&ours, Some(hostile)), none, "{} bytes of cookies", hostile.len());
    }
    // Keys that contradict each other are kept until one of them is loaded: five at most, however many come.
    let keys = (0..300).map(|n| format!("sessionid={n:032}; ")).collect::<String>();
    assert_eq!(allocations(&ours, Some(&format!("{key}; sessionid=1"))), none + 1);
    assert!(allocations(&ours, Some(&keys)) <= none + 8);
}

#[test]
fn an_untouched_request_costs_four_allocations_in_plain_tower() {
    let bare = service_fn(|_request: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let ours = SessionLayer::new(MemoryStore::new()).layer(bare);

    let added = COOKIES.map(|cookie| allocations(&ours, cookie) - allocations(&bare, cookie));

    let most = added.into_iter().max().expect("two requests");
    println!("alloc: tower untouched +{most} (limit 4)");
    assert!(most <= 4, "{added:?}");
    assert!(added.iter().all(|&added| added > 0), "a handle of the session is not free: {added:?}");
}

/// What the messages of a page cost, by their number: leaving them all at once, leaving one more, taking them.
#[cfg(feature = "django_auth")]
fn work_of_messages(count: usize) -> [allocation_counter::AllocationInfo; 3] {
    use allocation_counter::measure;
    use jam_session::{DjangoMessage, DjangoMessages};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let session = runtime.block_on(SessionLayer::new(MemoryStore::new()).create()).expect("a session");
    let messages = DjangoMessages::of(&session);
    let all: Vec<_> = (0..count).map(|n| DjangoMessage::new(20, format!("{n:09} saved"))).collect();
    let leaving = measure(|| messages.add_all(&all).expect("an open session"));
    let one_more = measure(|| messages.info("saved").expect("an open session"));
    let mut taken = Vec::new();
    let taking = measure(|| taken = messages.take().expect("an open session"));
    assert_eq!(taken.len(), count + 1);
    [leaving, one_more, taking]
}

#[cfg(feature = "django_auth")]
#[test]
fn ten_times_the_messages_are_at_most_ten_times_the_work() {
    let [some, many] = [1_000, 10_000].map(work_of_messages);

    for (some, many) in some.iter().zip(&many) {
        println!(
            "alloc: messages {} then {} bytes, {} then {} times",
            some.bytes_total, many.bytes_total, some.count_total, many.count_total
        );
        assert!(many.bytes_total <= some.bytes_total * 12, "{some:?}, {many:?}");
        assert!(many.count_total <= some.count_total * 12, "{some:?}, {many:?}");
    }
    // Messages that are there are copied as one text, and not looked at one by one.
    assert!(many[1].count_total <= some[1].count_total + 20, "{some:?}, {many:?}");
}
