//! [`SessionStore`]: what a store does, with every edge stated.

use std::future::Future;

use time::{OffsetDateTime, UtcOffset};

use crate::{
    base_session::StoredText, error::StoreError, session_data::SessionData, session_key::SessionKey,
    settings::CookieFormat,
};

/// A session as it stands in its store.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Record {
    /// The key that it is stored under, and that the cookie is to carry.
    pub session_key: SessionKey,
    /// The dictionary.
    pub session_data: SessionData,
    /// When it expires, in UTC.
    pub expire_date: OffsetDateTime,
    /// The text that the store compares with before it overwrites anything.
    pub stored: StoredText,
}

impl Record {
    /// A record, as a store hands it out from `load`, `create` and `save`.
    #[must_use]
    pub fn new(
        session_key: SessionKey,
        session_data: SessionData,
        expire_date: OffsetDateTime,
        stored: StoredText,
    ) -> Self {
        Self { session_key, session_data, expire_date, stored }
    }
}

/// What is to be written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Draft {
    /// The dictionary.
    pub session_data: SessionData,
    /// When the session is to expire, in UTC.
    pub expire_date: OffsetDateTime,
    /// The key that the session had, where this is the same session under a new one: what a row says of it since it
    /// began stays.
    #[cfg_attr(not(feature = "_sql"), expect(dead_code, reason = "tables alone have such columns"))]
    pub(crate) renews: Option<SessionKey>,
}

impl Draft {
    /// A draft, as a test of a store makes it.
    #[must_use]
    pub fn new(session_data: SessionData, expire_date: OffsetDateTime) -> Self {
        Self { session_data, expire_date, renews: None }
    }
}

/// What came of a write to a session that was there before.
#[derive(Debug)]
#[must_use = "a conflict has written nothing"]
pub enum Saved {
    /// It is written; the record is what the next write builds on.
    Done(Record),
    /// Somebody else wrote in between, and this is what they left. Nothing was written.
    Conflict(Record),
    /// The session is deleted or expired. Nothing was written.
    #[doc(alias = "UpdateError")]
    Gone,
}

/// A place that keeps sessions. Implementers write plain `async fn`; the session's own rules (merging, key
/// renewal, expiry) are above it, the same for every store. `now` is the time to go by, in UTC.
///
/// A store keeps these promises, and `jam_session::testing` checks them:
///
/// * An expired session is never returned and never written to. It expires at `expire_date`: at that very
///   instant it is no longer live.
/// * Only `create` makes a session. Nothing brings a deleted one back.
/// * `save`, `touch`, `cycle` and `delete_loaded` change only what `loaded` says is there.
/// * An operation is done or not done, never half, also when its future is dropped.
///
/// ```
/// use jam_session::{Clock, Draft, MemoryStore, Saved, SessionKey, SessionStore};
/// use time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jam_session::BoxError> {
/// let (store, now) = (MemoryStore::new(), Clock::system().now());
/// let key = SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?;
///
/// let draft = Draft::new(r#"{"visits":1}"#.parse()?, now + Duration::weeks(2));
/// let loaded = store.create(&key, &draft, now).await?;
/// let draft = Draft::new(r#"{"visits":2}"#.parse()?, now + Duration::weeks(2));
/// assert!(matches!(store.save(&loaded, &draft, now).await?, Saved::Done(_)));
/// // What was loaded is not what is there any more.
/// assert!(matches!(store.save(&loaded, &draft, now).await?, Saved::Conflict(_)));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "a store is a type like `MemoryStore`, or `SqliteStore` with feature `sqlite`"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// The live session of `session_key`, `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Undecodable`] when what is stored does not verify or decode, [`StoreError::Backend`]
    /// when the backend fails.
    #[doc(alias = "aload")]
    fn load(
        &self,
        session_key: &SessionKey,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Option<Record>, StoreError>> + Send;

    /// Stores a new session under `session_key`, which the caller drew at random.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyTaken`] when there is a session of this key, also an expired one; it is left alone.
    /// [`StoreError::TooLarge`], [`StoreError::Backend`].
    #[doc(alias = "acreate")]
    #[doc(alias = "CreateError")]
    fn create(
        &self,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Record, StoreError>> + Send;

    /// Writes `draft` over `loaded`, if that is still what is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`], and what `load` says.
    #[doc(alias = "asave")]
    #[doc(alias = "must_create")]
    fn save(
        &self,
        loaded: &Record,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Saved, StoreError>> + Send;

    /// Moves the expiry of `loaded` to `expire_date`, and never writes its data. When somebody wrote in
    /// between, their write has moved the expiry already: that is a [`Saved::Gone`], too.
    ///
    /// # Errors
    ///
    /// When the backend fails.
    fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Saved, StoreError>> + Send;

    /// Writes `draft` over `loaded` and gives it a new key, in one step: there is never a moment with both
    /// keys, or with none.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyTaken`] when there is a session of the new key, and what `save` says.
    fn cycle(
        &self,
        loaded: &Record,
        session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Saved, StoreError>> + Send;

    /// Deletes the session of `session_key`. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// When the backend fails; the session may still be there then.
    #[doc(alias = "adelete")]
    fn delete(&self, session_key: &SessionKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes `loaded`, if that is still what is there: so an end never takes away what it does not know, a pointer to
    /// the key that the session has now. [`Saved::Done`] gives what was deleted.
    ///
    /// By default a save of nothing that expires at once, and then `delete`. A store that can do it in one step does, and
    /// a store that wraps another hands it on.
    ///
    /// # Errors
    ///
    /// What `save` says.
    fn delete_loaded(
        &self,
        loaded: &Record,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Saved, StoreError>> + Send {
        async move {
            let saved = self.save(loaded, &Draft::new(SessionData::default(), now), now).await?;
            if matches!(saved, Saved::Done(_)) {
                self.delete(&loaded.session_key).await?;
            }
            Ok(saved)
        }
    }

    /// Whether the key is taken, be it by an expired session.
    ///
    /// # Errors
    ///
    /// When the backend fails.
    #[doc(alias = "aexists")]
    fn exists(&self, session_key: &SessionKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes the sessions that expired before `now` and says how many it removed. A store whose
    /// sessions go away by themselves removes none.
    ///
    /// # Errors
    ///
    /// When the backend fails, or [`StoreError::Unsupported`].
    #[doc(alias = "aclear_expired")]
    #[doc(alias = "clearsessions")]
    #[doc(alias = "delete_expired")]
    #[doc(alias = "ExpiredDeletion")]
    fn clear_expired(&self, now: OffsetDateTime) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Whether `text` from a cookie can be a key of this store: 32 × `[a-z0-9]` by default. What cannot is never
    /// looked up.
    fn accepts(&self, text: &str) -> bool {
        SessionKey::is_generated(text)
    }

    /// The offset of local time at an instant, if that is what a date is in that a session has as its own expiry: so it
    /// is beside a Django whose settings say `USE_TZ = False`. `None`, as by default, where such a date carries its
    /// offset. A store that wraps another hands this on, and [`accepts`](Self::accepts).
    #[doc(alias = "USE_TZ")]
    fn local_offset(&self, _at: OffsetDateTime) -> Option<UtcOffset> {
        None
    }

    /// The same store for a layer whose cookie has this name and format, where what it stores depends on them: a store
    /// whose cookies are the sessions binds each to its name. `None`, as by default, where it does not. A layer asks for
    /// it, and follows its settings. A store that wraps another hands this on.
    fn for_cookie(&self, _name: &str, _format: CookieFormat) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// What kind of store it is, in a word, for the [numbers](crate::events) of the feature `metrics`. A store that wraps
    /// another says that of the other, unless it is a kind of its own.
    fn engine(&self) -> &'static str {
        "other"
    }
}
