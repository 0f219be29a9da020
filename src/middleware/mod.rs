//! The Tower layer: puts a session into each request and saves it with the response.
//!
//! A request that leaves its session alone costs no query, no task and no boxed future. When the inner
//! service is ready with its response, what was changed is saved before the response goes out; a response
//! with a 5xx status saves nothing.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http::{Request, Response};
//! use jam_session::{Error, LazySession, MemoryStore, SessionLayer};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! async fn counter(request: Request<String>) -> Result<Response<String>, Error> {
//!     let session = LazySession::of(request.extensions())?.load().await?;
//!     let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
//!     Ok(Response::new(format!("visits: {visits}")))
//! }
//!
//! let service = ServiceBuilder::new().layer(SessionLayer::new(MemoryStore::new())).service_fn(counter);
//!
//! let response = service.oneshot(Request::new(String::new())).await?;
//! assert_eq!(response.body(), "visits: 1");
//! assert!(response.headers().contains_key("set-cookie"));
//! # Ok(()) }
//! ```

mod answer;
mod cookie;
mod factory;
mod future;
pub use future::ResponseFuture;
mod layer;
pub use layer::SessionLayer;
mod service;
pub use service::SessionMiddleware;
mod setters;
mod verdict;
