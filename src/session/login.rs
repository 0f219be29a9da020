//! A request that logs a user in while its session is renewed or ended: a login form that was sent twice, or beside a
//! logout. What it set is a login by itself, so that it gets a session, and nothing of an ended one comes back.

use tokio::time::Instant;

use super::commit::{Commit, How, Taken, Written, pause};
use crate::{
    backends::{Record, Saved, deadline},
    error::Error,
    raw::Raw,
    session_data::SessionData,
};

impl Commit {
    /// Whether two dictionaries belong to the same user, or both to none.
    pub(super) fn same_identity(&self, one: &SessionData, other: &SessionData) -> bool {
        self.context.settings.identity_keys.iter().all(|key| one.raw(key) == other.raw(key))
    }

    /// This request's own changes, if they alone make the user that its handler saw: a login, and not the change of one
    /// key among others.
    pub(super) fn own_login(&self) -> Result<Option<SessionData>, Error> {
        let own = self.delta.apply(SessionData::default())?;
        let is_set = |key: &String| own.raw(key).is_some_and(|value: &Raw| value.as_str() != "null");
        let logs_in = self.context.settings.identity_keys.iter().any(is_set);
        Ok(Some(own).filter(|own| logs_in && self.same_identity(own, &self.data)))
    }

    /// Saves a login whose session is not what was loaded as `old` any more; any other change is interrupted. Where
    /// another login of the same user took the session along, this one joins it. Otherwise it begins a session, which
    /// further logins may join if the old one is gone.
    pub(super) async fn log_in(&self, old: &Record, taken: Taken, deadline: Instant) -> Result<Written, Error> {
        let own = self.own_login()?.ok_or(Error::SessionInterrupted)?;
        if let Some(joined) = self.join(old, &own, deadline).await? {
            return Ok((joined, How::Saved));
        }
        match self.write(None, own, false).await? {
            Saved::Done(record) => {
                if taken == Taken::Gone {
                    self.context.moved.insert(&old.session_key, &record.session_key);
                }
                Ok((record, How::Created))
            }
            Saved::Gone | Saved::Conflict(_) => Err(Error::SessionInterrupted),
        }
    }

    /// Adds the changes to the session that had the key of `old` and got another one in this process, if it belongs to
    /// the user that logs in. It keeps the key that it has got.
    async fn join(&self, old: &Record, own: &SessionData, deadline: Instant) -> Result<Option<Record>, Error> {
        let context = &self.context;
        let Some(session_key) = context.moved.newest(&old.session_key) else { return Ok(None) };
        let mut turn = deadline::wait(Some(deadline), context.queue.turn(&session_key)).await?;
        let now = context.now();
        let mut theirs = context.load(&session_key, now).await?;
        for attempt in 0_u32.. {
            let usable = |found: &Record| context.lives(found, now) && self.same_identity(own, &found.session_data);
            let Some(found) = theirs.filter(usable) else { break };
            match self.write(Some(&found), self.rebase(&found)?, false).await? {
                Saved::Done(saved) => {
                    turn.leave(&saved);
                    return Ok(Some(saved));
                }
                Saved::Gone => break,
                Saved::Conflict(latest) => theirs = context.latest(latest).await?,
            }
            if Instant::now() >= deadline {
                return Err(Error::Deadline { after: context.settings.save_deadline });
            }
            pause(attempt).await;
        }
        Ok(None)
    }
}
