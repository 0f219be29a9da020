//! Saving: one loop for all stores. A change that met another request's is made again on top of it, and a
//! session that was ended stays ended.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{attempt::Attempt, context::Context};
use crate::{
    backends::{Draft, Record, Saved},
    delta::Delta,
    error::Error,
    events, random,
    session_data::SessionData,
    settings::SaveMode,
};

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
    /// The key is old enough for a new one.
    pub(super) renew: bool,
    /// The session is not to live longer than it did.
    pub(super) keeps_expiry: bool,
    /// What `Context::ends` was when this began.
    pub(super) ends: u64,
    /// How often the request had ended its session when this began.
    pub(super) flushes: u32,
}

impl Commit {
    pub(super) async fn run(&self) -> Result<Record, Error> {
        match &self.record {
            None => self.create().await,
            Some(record) => self.save(record).await,
        }
    }

    async fn create(&self) -> Result<Record, Error> {
        match self.write(None, self.data.clone()).await? {
            Saved::Done(record) => Ok(record),
            // Somebody ended it before we knew that it had begun.
            Saved::Gone | Saved::Conflict(_) => Err(Error::SessionInterrupted),
        }
    }

    async fn save(&self, record: &Record) -> Result<Record, Error> {
        let after = self.context.settings.save_deadline;
        let deadline = Instant::now() + after;
        let mut turn = self.context.queue.turn(&record.session_key).await;
        if turn.is_due_to_rest() {
            jitter().await;
        }
        // Nobody waits for this change any more, and nothing of it is written yet.
        if Instant::now() >= deadline {
            return Err(Error::Deadline { after });
        }
        let mut outcome = match turn.latest() {
            Some(latest) if latest.stored != record.stored => Saved::Conflict(latest),
            _ => self.write(Some(record), self.data.clone()).await?,
        };
        for attempt in 0_u32.. {
            let theirs = match outcome {
                Saved::Done(saved) => {
                    // Under a new key it is no longer what this key's writers build on.
                    if self.cycle {
                        self.context.count_end();
                    } else {
                        turn.leave(&saved);
                    }
                    return Ok(saved);
                }
                Saved::Gone => return Err(Error::SessionInterrupted),
                Saved::Conflict(theirs) => self.context.latest(theirs).await?.ok_or(Error::SessionInterrupted)?,
            };
            events::overtaken();
            if Instant::now() >= deadline {
                break;
            }
            same_identity(record, &theirs)?;
            if self.is_done_by(&theirs) {
                return Ok(theirs);
            }
            pause(attempt).await;
            outcome = self.write(Some(&theirs), self.rebase(&theirs)?).await?;
        }
        Err(Error::Deadline { after })
    }

    /// All that was asked for was a new key, and somebody else has given it one.
    fn is_done_by(&self, theirs: &Record) -> bool {
        self.renew && !self.renews(theirs) && self.delta.is_empty()
    }

    /// This request's changes on top of what somebody else left.
    fn rebase(&self, theirs: &Record) -> Result<SessionData, Error> {
        match self.context.settings.save_mode {
            SaveMode::Merge => self.delta.apply(theirs.session_data.clone()),
            SaveMode::Overwrite => Ok(self.data.clone()),
        }
    }

    async fn write(&self, loaded: Option<&Record>, data: SessionData) -> Result<Saved, Error> {
        let draft = self.draft(loaded, data)?;
        let _permit = self.context.writes.permit().await;
        if let Some(loaded) = loaded.filter(|loaded| self.renews(loaded)) {
            return self.renewed(loaded, draft).await;
        }
        Attempt { context: &self.context, loaded, cycle: self.cycle && loaded.is_some(), draft }.run().await
    }

    /// What is to be stored over `stored`.
    fn draft(&self, stored: Option<&Record>, mut data: SessionData) -> Result<Draft, Error> {
        let now = self.context.now();
        let new_key = self.cycle || stored.is_none_or(|stored| self.renews(stored));
        self.context.stamp(&mut data, stored.map(|stored| &stored.session_data), now, new_key);
        let mut expire_date = self.context.expire_date(&data, now)?;
        if let Some(stored) = stored.filter(|_| self.keeps_expiry) {
            expire_date = expire_date.min(stored.expire_date);
        }
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
        jitter().await;
    }
}

/// Up to 5 ms: about as long as another process needs to read and to write.
pub(super) async fn jitter() {
    tokio::time::sleep(Duration::from_millis(5).mul_f64(random::fraction())).await;
}
