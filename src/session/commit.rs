//! Saving: one loop for all stores. A change that met another request's is made again on top of it, and a
//! session that was ended stays ended.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use tokio::time::Instant;

use super::context::Context;
use crate::{
    backends::{Draft, Record, Saved, SessionStore},
    delta::Delta,
    error::{Error, StoreError},
    session_data::SessionData,
    session_key::SessionKey,
    settings::SaveMode,
};

/// A key is 165 random bits: a second one that is taken, too, means that something is badly wrong.
const KEYS_TO_TRY: usize = 5;
/// Who the session belongs to. A change made for one user is never applied to another's session.
const IDENTITY: [&str; 3] = ["_auth_user_id", "_auth_user_backend", "_auth_user_hash"];

/// Everything that saving needs, so that it can go on when the request is gone.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) context: Arc<Context>,
    pub(super) record: Option<Record>,
    pub(super) data: SessionData,
    pub(super) delta: Delta,
    pub(super) cycle: bool,
}

impl Commit {
    pub(super) async fn run(&self) -> Result<Record, Error> {
        match &self.record {
            None => self.create().await,
            Some(record) => self.save(record).await,
        }
    }

    async fn create(&self) -> Result<Record, Error> {
        let draft = self.draft(self.data.clone())?;
        for _ in 0..KEYS_TO_TRY {
            match self.context.store.create(&SessionKey::generate(), &draft, self.context.now()).await {
                Err(StoreError::KeyTaken) => {}
                result => return Ok(result?),
            }
        }
        Err(StoreError::KeyTaken.into())
    }

    async fn save(&self, record: &Record) -> Result<Record, Error> {
        let after = self.context.settings.save_deadline;
        let deadline = Instant::now() + after;
        let mut turn = self.context.queue.turn(&record.session_key).await;
        let mut outcome = match turn.latest() {
            Some(latest) if latest.stored != record.stored => Saved::Conflict(latest),
            _ => self.write(record, self.data.clone()).await?,
        };
        for attempt in 0_u32.. {
            let theirs = match outcome {
                Saved::Done(saved) => {
                    // Under a new key it is no longer what this key's writers build on.
                    if !self.cycle {
                        turn.leave(&saved);
                    }
                    return Ok(saved);
                }
                Saved::Gone => return Err(Error::SessionInterrupted),
                Saved::Conflict(theirs) => theirs,
            };
            if Instant::now() >= deadline {
                break;
            }
            same_identity(record, &theirs)?;
            pause(attempt).await;
            outcome = self.write(&theirs, self.rebase(&theirs)?).await?;
        }
        Err(Error::Deadline { after })
    }

    /// This request's changes on top of what somebody else left.
    fn rebase(&self, theirs: &Record) -> Result<SessionData, Error> {
        match self.context.settings.save_mode {
            SaveMode::Merge => self.delta.apply(theirs.session_data.clone()),
            SaveMode::Overwrite => Ok(self.data.clone()),
        }
    }

    async fn write(&self, loaded: &Record, data: SessionData) -> Result<Saved, Error> {
        let draft = self.draft(data)?;
        let store = &self.context.store;
        if !self.cycle {
            return Ok(store.save(loaded, &draft, self.context.now()).await?);
        }
        for _ in 0..KEYS_TO_TRY {
            match store.cycle(loaded, &SessionKey::generate(), &draft, self.context.now()).await {
                Err(StoreError::KeyTaken) => {}
                result => return Ok(result?),
            }
        }
        Err(StoreError::KeyTaken.into())
    }

    fn draft(&self, data: SessionData) -> Result<Draft, Error> {
        let expire_date = self.context.expire_date(&data, self.context.now())?;
        Ok(Draft::new(data, expire_date))
    }
}

fn same_identity(ours: &Record, theirs: &Record) -> Result<(), Error> {
    let same = IDENTITY.iter().all(|key| ours.session_data.raw(key) == theirs.session_data.raw(key));
    if same { Ok(()) } else { Err(Error::SessionInterrupted) }
}

/// Writers in other processes that met twice are not to meet in step a third time.
async fn pause(attempt: u32) {
    if attempt > 1 {
        let jitter = rand::rng().random_range(0..10_000);
        tokio::time::sleep(Duration::from_micros(jitter)).await;
    }
}
