//! Sessions in a Tower service without axum. Its requests are made here and go through no network.
//!
//! Run it with `cargo run --example plain_tower --no-default-features`.

use http::{Request, Response, header};
use jam_session::{BoxError, Error, LazySession, MemoryStore, SessionLayer};
use tower::{Service, ServiceBuilder, ServiceExt};

async fn counter(request: Request<String>) -> Result<Response<String>, Error> {
    // There are no extractors here: the layer put the session into the extensions of the request.
    let session = LazySession::of(request.extensions())?.load().await?;
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(Response::new(format!("visits: {visits}")))
}

/// The service, of any body that you like.
pub fn app() -> impl Service<Request<String>, Response = Response<String>, Error = Error> + Clone {
    ServiceBuilder::new().layer(SessionLayer::new(MemoryStore::new())).service_fn(counter)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let app = app();
    let mut cookie = String::new();
    for _ in 0..3 {
        let request = Request::builder().header(header::COOKIE, &cookie).body(String::new())?;
        let response = app.clone().oneshot(request).await?;
        println!("{}", response.body());
        // What a browser does with a Set-Cookie: keep the part before the attributes and send it back.
        if let Some(set_cookie) = response.headers().get(header::SET_COOKIE) {
            cookie = set_cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
        }
    }
    Ok(())
}
