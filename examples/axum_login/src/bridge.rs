//! [`bridge`]: the session of a request, in the type that axum-login asks for.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use axum::{extract::Request, http::StatusCode, middleware::Next, response::Response};
use axum_login::tower_sessions::{
    self, SessionStore,
    session::{Id, Record},
    session_store::{Error as StoreError, Result as StoreResult},
};
use jam_session::{Error, Session};
use serde_json::Value;

type Values = HashMap<String, Value>;

/// The session that their handle is opened with. The key stays with us: these two numbers are the same in every
/// request, and never leave it.
const SESSION: Id = Id(1);
/// What the loaded record calls itself. `cycle_id` gives up the record, `flush` the session: so `delete` knows
/// which of the two it is asked for.
const RECORD: Id = Id(2);

/// Puts a `tower_sessions::Session` into the request that reads and writes the [`Session`] of our layer, and hands
/// over what it changed when the handler is done. Our layer then saves it with everything else, in one statement.
///
/// Put it below [`SessionLayer`](jam_session::SessionLayer) and above what needs their session.
pub async fn bridge(session: Session, mut request: Request, next: Next) -> Result<Response, StatusCode> {
    let store = Arc::new(OneSession { session, seen: Mutex::default() });
    let theirs = tower_sessions::Session::new(Some(SESSION), Arc::clone(&store), None);
    request.extensions_mut().insert(theirs.clone());
    let response = next.run(request).await;
    if theirs.is_modified() {
        theirs.save().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    }
    Ok(response)
}

/// A store of one session: that of the request.
struct OneSession {
    session: Session,
    /// The values that their side has been given, or has written.
    seen: Mutex<Values>,
}

impl OneSession {
    fn seen(&self) -> MutexGuard<'_, Values> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what their side changed, and nothing else: what a handler changed through our side stays.
    fn write(&self, record: &Record) -> Result<(), Error> {
        let mut seen = self.seen();
        for key in seen.keys().filter(|key| !record.data.contains_key(*key)) {
            self.session.remove(key)?;
        }
        for (key, value) in record.data.iter().filter(|(key, value)| seen.get(*key) != Some(*value)) {
            self.session.insert(key, value)?;
        }
        seen.clone_from(&record.data);
        Ok(())
    }
}

/// Without the values.
impl fmt::Debug for OneSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSession").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for OneSession {
    async fn load(&self, _: &Id) -> StoreResult<Option<Record>> {
        let items = self.session.items().into_iter();
        // What is no JSON to serde_json stays on our side, untouched.
        let data: Values = items.filter_map(|(key, raw)| Some((key, raw.get().ok()?))).collect();
        self.seen().clone_from(&data);
        let expiry_date = self.session.get_expiry_date().map_err(failed)?;
        Ok(Some(Record { id: RECORD, data, expiry_date }))
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        self.write(record).map_err(failed)
    }

    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        self.save(record).await
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        if *id == RECORD {
            return self.session.cycle_key().map_err(failed);
        }
        self.session.flush().await.map_err(failed)?;
        self.seen().clear();
        Ok(())
    }
}

fn failed(error: Error) -> StoreError {
    StoreError::Backend(error.to_string())
}
