//! For tests: of applications that use sessions, and of stores (feature `testing`).
//!
//! An application's test has a [`TestClock`] to move, begins with a session that is prepared ([`cookie_for`]), keeps
//! cookies between requests ([`CookieJar`]) and looks at the session afterwards ([`session_of`]):
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body, routing::post};
//! use http::Request;
//! use jam_session::{MemoryStore, Session, SessionLayer, testing::{CookieJar, cookie_for}};
//! use tower::ServiceExt;
//!
//! let layer = SessionLayer::new(MemoryStore::new());
//! let logout = async |session: Session| session.flush().await;
//! let app: Router = Router::new().route("/logout", post(logout)).layer(layer.clone());
//!
//! let mut jar = CookieJar::new();
//! jar.insert(&cookie_for(&layer, |session| session.insert("user", &7)).await?);
//! let mut request = Request::post("/logout").body(Body::empty())?;
//! jar.add_to(&mut request);
//! jar.receive(&app.oneshot(request).await?);
//!
//! assert_eq!(jar.get("sessionid"), None);
//! # Ok(()) }
//! ```
//!
//! A store's tests are in [`conformance`].

mod clock;
pub use clock::TestClock;
pub mod conformance;
mod cookies;
pub use cookies::{CookieJar, cookie_for, session_of};
mod randomness;
pub use randomness::without_randomness;
mod store;
pub use store::store_of;
