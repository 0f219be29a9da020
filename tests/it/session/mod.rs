//! The dictionary, the life of a session, and sessions outside of a request.

mod conflict;
mod dict;
mod expiry;
mod late;
mod life;
mod lost_reply;
mod secrets;

use jam_session::{MemoryStore, Session, SessionLayer};

fn layer() -> SessionLayer {
    SessionLayer::new(MemoryStore::new())
}

/// A stored session with these names and values, and nothing changed yet.
async fn stored(layer: &SessionLayer, items: &[(&str, serde_json::Value)]) -> Session {
    let session = layer.create().await.expect("a store in memory works");
    session.update(items.iter().map(|(key, value)| (*key, value))).expect("they are JSON");
    session.save().await.expect("a store in memory works");
    again(layer, &session).await
}

/// The same session as another request opens it.
async fn again(layer: &SessionLayer, session: &Session) -> Session {
    let key = session.session_key().expect("the session is stored");
    layer.open(&key).await.expect("a store in memory works")
}
