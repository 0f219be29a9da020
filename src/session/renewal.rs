//! Renewing a key from time to time. The session is stored under the new key first, and then what is under the old one
//! is replaced by a pointer to it, which compares: there is no moment without a session, and who ended or changed it
//! meanwhile is not passed over. The pointer lives for the grace, and is followed once.

use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::{attempt::Attempt, commit::Commit, context::Context};
use crate::{
    backends::{Draft, Record, Saved, SessionStore as _},
    error::{Error, StoreError},
    events,
    raw::Raw,
    session_data::SessionData,
    session_key::SessionKey,
};

/// The only name in what is left under an old key.
const ROTATED_KEY: &str = "_rotated_to";
/// What is hashed before an old key, so that the pad is like no hash that is stored.
const CONTEXT: &[u8] = b"jam_session.rotated_to:";
/// How often an end is tried against other writers.
const TRIES: usize = 16;

/// What is left under `old`. Only who has the old key can read the new one from it: the table alone opens nothing,
/// where keys are hashed.
fn pointer(old: &SessionKey, new: &SessionKey) -> SessionData {
    let hidden: String = masked(old, new.as_str().as_bytes()).map(|byte| format!("{byte:02x}")).collect();
    let mut data = SessionData::default();
    data.set(ROTATED_KEY, Raw::new(&hidden).expect("a text is JSON"));
    data
}

/// A key is as long as a hash of SHA-256, and a pad is used once: a key is renewed once.
fn masked(old: &SessionKey, bytes: &[u8]) -> impl Iterator<Item = u8> {
    let pad = Sha256::new_with_prefix(CONTEXT).chain_update(old.as_str()).finalize();
    bytes.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect::<Vec<_>>().into_iter()
}

fn is_pointer(record: &Record) -> bool {
    record.session_data.len() == 1 && record.session_data.raw(ROTATED_KEY).is_some()
}

/// Where `pointer` leads to, if it is one that we wrote.
fn target(pointer: &Record) -> Option<SessionKey> {
    let hidden: String = pointer.session_data.get(ROTATED_KEY).ok()??;
    let digits = hidden.as_bytes().chunks_exact(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    let bytes = digits.collect::<Option<Vec<_>>>()?;
    let key = String::from_utf8(masked(&pointer.session_key, &bytes).collect()).ok()?;
    SessionKey::is_generated(&key).then(|| SessionKey::parse(&key).ok()).flatten()
}

impl Context {
    /// The session of `session_key`, be it renewed a moment ago.
    pub(super) async fn load(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        match self.store.load(key, now).await? {
            Some(found) if is_pointer(&found) => self.follow(&found, now).await,
            found => Ok(found),
        }
    }

    async fn follow(&self, pointer: &Record, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let Some(key) = target(pointer) else { return Ok(None) };
        Ok(self.store.load(&key, now).await?.filter(|found| !is_pointer(found)))
    }

    /// What somebody else left, be it under a new key; nothing if it has ended.
    pub(super) async fn latest(&self, theirs: Record) -> Result<Option<Record>, StoreError> {
        if is_pointer(&theirs) { self.follow(&theirs, self.now()).await } else { Ok(Some(theirs)) }
    }

    /// Ends a session for good, also one that is being renewed.
    pub(crate) async fn end(&self, session_key: &SessionKey) -> Result<(), Error> {
        if self.settings.renew_after.is_some() {
            self.end_before_renewal(session_key).await?;
        }
        self.delete(session_key).await
    }

    /// A renewal could take the session away from under a deletion. A write that compares says which came first: after
    /// it no renewal finds what it has loaded, and before it there is a pointer that leads to the session.
    async fn end_before_renewal(&self, session_key: &SessionKey) -> Result<(), Error> {
        for _ in 0..TRIES {
            let now = self.now();
            let found = match self.store.load(session_key, now).await {
                Ok(Some(found)) => found,
                Ok(None) | Err(StoreError::Undecodable(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if is_pointer(&found) {
                return match target(&found) {
                    Some(renewed) => self.delete(&renewed).await,
                    None => Ok(()),
                };
            }
            match self.store.save(&found, &Draft::new(SessionData::default(), now), now).await? {
                Saved::Done(_) | Saved::Gone => return Ok(()),
                Saved::Conflict(_) => super::commit::jitter().await,
            }
        }
        Err(StoreError::Contended("others write the session all the time".into()).into())
    }
}

impl Commit {
    /// Whether a write over `loaded` gives it a new key, and leaves a pointer.
    pub(super) fn renews(&self, loaded: &Record) -> bool {
        // Somebody else has renewed it when its key is another one.
        self.renew && self.record.as_ref().is_some_and(|record| record.session_key == loaded.session_key)
    }

    /// Stores `draft` under a new key, and a pointer to it in place of `loaded`.
    pub(super) async fn renewed(&self, loaded: &Record, draft: Draft) -> Result<Saved, Error> {
        let context = &self.context;
        let created = Attempt { context, loaded: None, cycle: false, draft }.run().await?;
        let Saved::Done(new) = created else { return Ok(created) };
        let grace = Duration::try_from(context.settings.renewal_grace).unwrap_or(Duration::MAX);
        let draft = Draft::new(pointer(&loaded.session_key, &new.session_key), context.now() + grace);
        let left = Attempt { context, loaded: Some(loaded), cycle: false, draft }.run().await;
        match &left {
            // The pointer may be there or not.
            Err(error) if !matches!(error, Error::Store(StoreError::Overloaded(_))) => return left,
            _ => {}
        }
        if matches!(left, Ok(Saved::Done(_))) {
            events::cycled(&loaded.session_key, &new.session_key);
            return Ok(Saved::Done(new));
        }
        // It was ended or changed meanwhile, or it is too late for it, and nobody has seen the new key.
        context.delete_now(&new.session_key).await?;
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base_session::StoredText;

    /// A key of 32 times this character.
    fn key(of: char) -> SessionKey {
        SessionKey::parse(&String::from(of).repeat(32)).unwrap()
    }

    fn record(session_key: &SessionKey, session_data: SessionData) -> Record {
        Record::new(session_key.clone(), session_data, OffsetDateTime::UNIX_EPOCH, StoredText("".into()))
    }

    #[test]
    fn a_pointer_leads_to_the_new_key_with_the_old_key_alone() {
        let (old, new) = (key('a'), key('b'));
        let left = pointer(&old, &new);

        assert!(!left.to_json().contains(new.as_str()));
        assert_eq!(target(&record(&old, left.clone())), Some(new));
        assert_eq!(target(&record(&key('c'), left)), None);
    }

    #[test]
    fn what_others_put_there_leads_nowhere() {
        let key = key('a');
        for json in
            ["{\"_rotated_to\":1}", "{\"_rotated_to\":\"\"}", "{\"_rotated_to\":\"zz\"}", "{\"_rotated_to\":\"é0\"}"]
        {
            let data: SessionData = json.parse().unwrap();
            assert_eq!(target(&record(&key, data)), None, "{json}");
        }
    }
}
