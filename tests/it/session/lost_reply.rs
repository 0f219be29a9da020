//! The reply of a write is lost, and the session gets another key before the request looks what became of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jam_session::{
    Draft, Error, ErrorKind, MemoryStore, Record, Saved, SessionKey, SessionLayer, SessionStore, StoreError,
};
use time::OffsetDateTime;

use crate::support::TestResult;

const RENEWED: &str = "renewedrenewedrenewedrenewed0000";

/// Loses the reply of its first write.
#[derive(Clone, Default)]
struct LosesReply {
    store: MemoryStore,
    writes: Arc<AtomicUsize>,
}

fn lost<T>() -> Result<T, StoreError> {
    Err(StoreError::Lost("the connection broke".into()))
}

fn same(record: &Record) -> Draft {
    Draft::new(record.session_data.clone(), record.expire_date)
}

impl SessionStore for LosesReply {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.store.load(session_key, now).await
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.store.create(session_key, draft, now).await
    }

    /// The write is done, and another request renews the key before the reply would arrive.
    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let Saved::Done(saved) = self.store.save(loaded, draft, now).await? else { return lost() };
        let renewed = SessionKey::parse(RENEWED).expect("it is a key");
        let _renewed = self.store.cycle(&saved, &renewed, &same(&saved), now).await?;
        lost()
    }

    async fn touch(&self, loaded: &Record, to: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.store.touch(loaded, to, now).await
    }

    /// The first write waits for a lock of the database, which executes it before the second one.
    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        if self.writes.fetch_add(1, Ordering::SeqCst) == 0 {
            return lost();
        }
        let _first = self.store.cycle(loaded, session_key, draft, now).await?;
        self.store.cycle(loaded, session_key, draft, now).await
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), StoreError> {
        self.store.delete(session_key).await
    }

    async fn exists(&self, session_key: &SessionKey) -> Result<bool, StoreError> {
        self.store.exists(session_key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }
}

#[tokio::test]
async fn a_write_that_another_request_carried_on_under_a_new_key_is_not_said_to_have_failed() -> TestResult {
    let layer = SessionLayer::new(LosesReply::default());
    let session = layer.create().await?;
    session.insert("n", &1)?;

    let error = session.save().await.expect_err("its outcome is unknown");

    assert!(!matches!(error, Error::SessionInterrupted), "that would say that nothing of it was kept");
    assert_eq!(error.kind(), ErrorKind::StoreFailure);
    assert_eq!(layer.open(&SessionKey::parse(RENEWED)?).await?.get("n")?, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_renewal_that_was_done_after_it_was_looked_for_is_found_under_its_key() -> TestResult {
    let layer = SessionLayer::new(LosesReply::default());
    let session = layer.create().await?;
    session.insert("n", &1)?;
    session.cycle_key()?;

    session.save().await?;

    let key = session.session_key().ok_or("it is stored")?;
    assert_eq!(layer.open(&key).await?.get("n")?, Some(1));
    Ok(())
}
