//! [`store_of`]: the store as sessions see it.

use crate::{backends::ErasedStore, middleware::SessionLayer};

/// What the sessions of a layer are loaded from and saved to: its store, with what its settings put before it
/// ([`Settings::hash_keys`](crate::Settings::hash_keys)). For a test that looks a session up by the key of its cookie,
/// and for the [conformance suite](super::conformance) over such a pair.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jam_session::{HashKeys, MemoryStore, SessionLayer, SessionStore, testing::store_of};
///
/// let table = MemoryStore::new();
/// let layer = SessionLayer::new(table.clone()).hash_keys(HashKeys::On);
/// let key = layer.create().await?.session_key().expect("it is stored");
///
/// assert!(store_of(&layer).exists(&key).await?);
/// assert!(table.exists(&key.hashed()).await? && !table.exists(&key).await?);
/// # Ok(()) }
/// ```
#[must_use]
pub fn store_of<N>(layer: &SessionLayer<N>) -> ErasedStore {
    layer.store().clone()
}
