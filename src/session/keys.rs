//! Ending a session and renewing its key: `flush`, `cycle_key`.

use super::Session;
use crate::{backends::Record, error::Error, events, session_key::SessionKey};

impl Session {
    /// Ends the session: deletes what is stored, forgets the data and the key. What is inserted afterwards
    /// begins a new session. Call it when a user logs out.
    ///
    /// It happens at once, whatever becomes of the response, and no other request brings it back. The
    /// response tells the browser to forget the cookie. A session that is not stored has nothing to delete: that
    /// is no error. Where [several cookies](crate::DuplicateCookie::OneLive) contradict each other and none of them is
    /// used, the sessions of all of them end.
    /// A session that was loaded and is not there any more was ended elsewhere, or lives under a key that
    /// this request does not know: that is [`Error::SessionInterrupted`], because nothing was ended. Where
    /// [`renew_after`](crate::Settings::renew_after) renewed the key less than 10 minutes ago, or within `renewal_grace`
    /// if that is longer, the session is found under its new key.
    ///
    /// Pages that the browser has seen may still be behind its back button, unless they were answered with
    /// `Cache-Control: no-store`. [`Settings::clear_site_data`](crate::Settings::clear_site_data) has it drop the others.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Deadline`] when the store failed: the session may still live, and this
    /// request still has it. [`Error::SessionInterrupted`] when there was nothing to end of what had been loaded.
    /// [`Error::Committed`] after the response.
    #[doc(alias = "aflush")]
    #[doc(alias = "delete")]
    #[doc(alias = "logout")]
    pub async fn flush(&self) -> Result<(), Error> {
        self.edit(|_| ())?;
        if self.0.context.named {
            // The key may be of another layer's session, which is not to be ended here.
            self.0.load().await?;
        }
        for session_key in self.0.contradicting_keys() {
            self.end_stored(session_key, None).await?;
        }
        let (mut stored, mut was_loaded, mut ended) = (self.ended_key(), false, false);
        loop {
            if let Some(session_key) = &stored {
                let loaded = self.stored_record().filter(|record| record.session_key == *session_key);
                was_loaded |= loaded.is_some();
                ended |= self.end_stored(session_key.clone(), loaded).await?;
            }
            // The session has ended although the response may have gone out meanwhile.
            let mut state = self.0.lock();
            match state.session_key().filter(|&key| Some(key) != stored.as_ref()) {
                // A clone of the handle has saved it under another key meanwhile.
                Some(other) => stored = Some(other.clone()),
                None if was_loaded && !ended => break,
                None => {
                    state.install_end();
                    return Ok(());
                }
            }
        }
        stored.iter().for_each(events::interrupted);
        Err(Error::SessionInterrupted)
    }

    /// Ends the session of a key, and returns whether there was one.
    async fn end_stored(&self, session_key: SessionKey, loaded: Option<Record>) -> Result<bool, Error> {
        let was_loaded = loaded.is_some();
        let ended = self.0.context.end_once(&session_key, loaded).await?;
        if ended || !was_loaded {
            events::flushed(&session_key);
        }
        Ok(ended)
    }

    /// Gives the session a new key, and keeps its data. Call it when a user logs in, or gains a right:
    /// whoever planted the old key is left with nothing (session fixation).
    ///
    /// It happens when the request ends well, in one step with every other change: there is never a moment
    /// with two keys. A session that is not stored yet is created, even if it is empty.
    ///
    /// Where another request has ended or renewed the session meanwhile, this one is answered 400; not so if it also
    /// logs a user in, by the keys that [`Settings::identity_keys`](crate::Settings::identity_keys) names. A login form
    /// that was sent twice logs in twice.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    #[doc(alias = "acycle_key")]
    #[doc(alias = "cycle_id")]
    #[doc(alias = "login")]
    pub fn cycle_key(&self) -> Result<(), Error> {
        self.edit(|state| {
            state.cycle = true;
            state.set_modified();
        })
    }
}
