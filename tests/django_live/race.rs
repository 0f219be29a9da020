//! Both sides write one session at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jam_session::{Draft, Driver, Record, Saved, SessionKey, SessionLayer, SessionStore, Settings, StoreError};
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    site::{Site, key_of},
    support::TestResult,
};

/// How often Django counts in one round.
const TIMES: u64 = 300;
/// Rounds until the two have met.
const ROUNDS: u64 = 10;

/// A store that counts its saves, and those that found that somebody else had written.
#[derive(Clone)]
struct Counted<S> {
    store: S,
    saves: Arc<AtomicU64>,
    conflicts: Arc<AtomicU64>,
}

/// Django counts, and saves whatever it has loaded; we count, and merge. Nothing that Django has saved is lost.
pub(crate) async fn of_two_writers<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let store = Counted { store: site.store.clone(), saves: Arc::default(), conflicts: Arc::default() };
    // SQLite lets a writer wait who comes at the wrong moment, and Django never pauses for long.
    let layer = SessionLayer::with_settings(store.clone(), Settings::django())?.save_deadline(Duration::from_secs(60));
    let layer = layer.clock(site.clock.clock());
    let key = layer.create().await?.session_key().ok_or("it is stored")?;
    let conflicts = || store.conflicts.load(Ordering::Relaxed);

    let (mut djangos, mut ours) = (0, 0);
    while djangos == 0 || (conflicts() == 0 && djangos < ROUNDS * TIMES) {
        let over = AtomicBool::new(false);
        let counting = json!({ "key": key.as_str(), "first": djangos, "times": TIMES });
        let (lost, counted) = tokio::join!(
            async {
                let lost = site.ask("increment", counting).await;
                over.store(true, Ordering::Relaxed);
                lost
            },
            count(&layer, &key, &over)
        );
        assert_eq!(lost?, 0, "{}: what Django had saved was gone when it looked again", site.name);
        (djangos, ours) = (djangos + TIMES, ours + counted?);
    }

    let session = layer.open(&key).await?;
    let (theirs, left) = (session.get::<u64>("django")?, session.get::<u64>("ours")?.unwrap_or(0));
    let (tries, met, overwritten) = (store.saves.load(Ordering::Relaxed), conflicts(), ours - left);
    site.report(format!(
        "one session: {djangos} saves of Django's, 0 lost; {ours} of ours in {tries} tries, of which {met} met one of \
         Django's; {overwritten} overwritten by Django"
    ));
    assert_eq!(theirs, Some(djangos), "{}: the last save of Django's", site.name);
    assert!(conflicts() > 0, "{}: the two have met", site.name);
    assert_eq!(key_of(&session), key.as_str());
    Ok(())
}

async fn count(layer: &SessionLayer, key: &SessionKey, over: &AtomicBool) -> TestResult<u64> {
    let mut counted = 0;
    while !over.load(Ordering::Relaxed) {
        let session = layer.open(key).await?;
        session.modify("ours", |n: Option<u64>| n.unwrap_or(0) + 1)?;
        session.save().await?;
        counted += 1;
    }
    Ok(counted)
}

impl<S> Counted<S> {
    fn note(&self, saved: Result<Saved, StoreError>) -> Result<Saved, StoreError> {
        self.saves.fetch_add(1, Ordering::Relaxed);
        if matches!(saved, Ok(Saved::Conflict(_))) {
            self.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        saved
    }
}

impl<S: SessionStore> SessionStore for Counted<S> {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.store.load(session_key, now).await
    }

    async fn create(&self, session_key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.store.create(session_key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.note(self.store.save(loaded, draft, now).await)
    }

    async fn touch(&self, loaded: &Record, expire: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.store.touch(loaded, expire, now).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
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
