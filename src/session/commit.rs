//! Saving: one loop for all stores. A change that met another request's is made again on top of it, and a
//! session that was ended stays ended.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{attempt::Attempt, context::Context, queue::Turn};
use crate::{
    backends::{Draft, Record, Saved, deadline},
    delta::Delta,
    error::Error,
    events, random,
    session_data::SessionData,
    session_key::SessionKey,
    settings::SaveMode,
};

/// What a commit stored, and how.
pub(super) type Written = (Record, How);

/// What became of the session that a commit was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Created,
    Saved,
    /// It has a new key.
    Cycled,
}

/// What was stored, or why the session cannot be saved any more.
type Merged = Result<Written, Taken>;

/// Why a session cannot be saved any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It has ended, or has another key.
    Gone,
    /// Its user has changed under the same key.
    ByAnotherUser,
}

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
    pub(super) async fn run(&self) -> Result<Written, Error> {
        match &self.record {
            None => self.create().await,
            Some(record) => self.save(record).await,
        }
    }

    async fn create(&self) -> Result<Written, Error> {
        match self.write(None, self.data.clone(), false).await? {
            Saved::Done(record) => Ok((record, How::Created)),
            // Somebody ended it before we knew that it had begun.
            Saved::Gone | Saved::Conflict(_) => Err(Error::SessionInterrupted),
        }
    }

    async fn save(&self, record: &Record) -> Result<Written, Error> {
        let after = self.context.settings.save_deadline;
        let deadline = Instant::now() + after;
        let mut turn = deadline::wait(deadline::current(), self.context.queue.turn(&record.session_key)).await?;
        if turn.is_due_to_rest() {
            jitter().await;
        }
        // Nobody waits for this change any more, and nothing of it is written yet.
        if Instant::now() >= deadline {
            return Err(Error::Deadline { after });
        }
        match self.merge(record, &mut turn, deadline).await? {
            Ok(written) => Ok(written),
            Err(taken) => self.log_in(record, taken, deadline).await,
        }
    }

    /// Saves over what is stored, and tries again on top of what others left.
    async fn merge(&self, record: &Record, turn: &mut Turn, deadline: Instant) -> Result<Merged, Error> {
        let mut outcome = match turn.latest() {
            Some(latest) if latest.stored != record.stored => Saved::Conflict(latest),
            // Another request has given the session a new key, so that there is nothing under this one.
            _ if self.context.moved.newest(&record.session_key).is_some() => Saved::Gone,
            _ => self.write(Some(record), self.data.clone(), self.cycle).await?,
        };
        let mut base = record.session_key.clone();
        for attempt in 0_u32.. {
            let found = match outcome {
                // Under a new key it is no longer what this key's writers build on.
                Saved::Done(saved) if self.cycle => return Ok(Ok(self.cycled([&record.session_key, &base], saved))),
                Saved::Done(saved) => {
                    turn.leave(&saved);
                    return Ok(Ok((saved, How::Saved)));
                }
                Saved::Gone => return Ok(Err(Taken::Gone)),
                Saved::Conflict(found) => found,
            };
            let theirs = match self.left_by_others(record, found).await? {
                Ok(theirs) => theirs,
                Err(taken) => return Ok(Err(taken)),
            };
            events::overtaken();
            if Instant::now() >= deadline {
                break;
            }
            if self.is_done_by(&theirs) {
                return Ok(Ok((theirs, How::Saved)));
            }
            pause(attempt).await;
            outcome = self.write(Some(&theirs), self.rebase(&theirs)?, self.cycle).await?;
            base = theirs.session_key;
        }
        Err(Error::Deadline { after: self.context.settings.save_deadline })
    }

    /// What another request left in the place of `record`, if this one's changes may go into it.
    async fn left_by_others(&self, record: &Record, found: Record) -> Result<Result<Record, Taken>, Error> {
        let (latest, now) = (self.context.latest(found).await?, self.context.now());
        let Some(theirs) = latest.filter(|latest| self.context.lives(latest, now)) else {
            return Ok(Err(Taken::Gone));
        };
        let may_change = self.may_change(record, &theirs)?;
        Ok(if may_change { Ok(theirs) } else { Err(Taken::ByAnotherUser) })
    }

    /// Notes that the session of the old keys is `saved` under a new one.
    fn cycled(&self, old: [&SessionKey; 2], saved: Record) -> Written {
        // A store whose keys are the sessions themselves takes none away.
        if SessionKey::is_generated(saved.session_key.as_str()) {
            old.into_iter().for_each(|old| self.context.moved.insert(old, &saved.session_key));
        }
        self.context.count_end();
        (saved, How::Cycled)
    }

    /// Whether this request's changes may go into what another one left: it belongs to the user for whom they were
    /// made, or to the one whom they log in.
    fn may_change(&self, record: &Record, theirs: &Record) -> Result<bool, Error> {
        if self.same_identity(&record.session_data, &theirs.session_data) {
            return Ok(true);
        }
        Ok(self.own_login()?.is_some_and(|own| self.same_identity(&own, &theirs.session_data)))
    }

    /// All that was asked for was a new key, and somebody else has given it one.
    fn is_done_by(&self, theirs: &Record) -> bool {
        self.renew && !self.renews(theirs) && self.delta.is_empty()
    }

    /// This request's changes on top of what somebody else left.
    pub(super) fn rebase(&self, theirs: &Record) -> Result<SessionData, Error> {
        match self.context.settings.save_mode {
            SaveMode::Merge => self.delta.apply(theirs.session_data.clone()),
            SaveMode::Overwrite => Ok(self.data.clone()),
        }
    }

    /// Writes `data` over `loaded`, or as a new session; `cycle` gives it a new key.
    pub(super) async fn write(&self, loaded: Option<&Record>, data: SessionData, cycle: bool) -> Result<Saved, Error> {
        let draft = self.draft(loaded, data, cycle)?;
        let _permit = self.context.writes.permit().await?;
        if let Some(loaded) = loaded.filter(|loaded| self.renews(loaded)) {
            return self.renewed(loaded, draft).await;
        }
        Attempt { context: &self.context, loaded, cycle: cycle && loaded.is_some(), draft }.run().await
    }

    /// What is to be stored over `stored`.
    fn draft(&self, stored: Option<&Record>, mut data: SessionData, cycle: bool) -> Result<Draft, Error> {
        let now = self.context.now();
        let new_key = cycle || stored.is_none_or(|stored| self.renews(stored));
        self.context.stamp(&mut data, stored.map(|stored| &stored.session_data), now, new_key);
        let mut expire_date = self.context.expire_date(&data, now)?;
        if let Some(stored) = stored.filter(|_| self.keeps_expiry) {
            expire_date = expire_date.min(stored.expire_date);
        }
        Ok(Draft::new(data, expire_date))
    }
}

/// Writers in other processes that met twice are not to meet in step a third time.
pub(super) async fn pause(attempt: u32) {
    if attempt > 1 {
        jitter().await;
    }
}

/// Up to 5 ms: about as long as another process needs to read and to write.
pub(super) async fn jitter() {
    tokio::time::sleep(Duration::from_millis(5).mul_f64(random::fraction())).await;
}
