//! [`without_randomness`]: a system that gives no random bytes.

use crate::middleware::SessionLayer;

/// The same layer on a system that gives no random bytes. What needs a new key is answered with a 503 and stores
/// nothing; the sessions that there are go on. For a test of how an application answers then.
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// use jam_session::{ErrorKind, MemoryStore, SessionLayer, testing::without_randomness};
///
/// let layer = without_randomness(SessionLayer::new(MemoryStore::new()));
/// let error = layer.create().await.expect_err("a new session needs a new key");
/// assert_eq!(error.kind(), ErrorKind::StoreFailure);
/// # }
/// ```
pub fn without_randomness<N>(layer: SessionLayer<N>) -> SessionLayer<N> {
    layer.random(|_| Err("a test asked for this".into()))
}
