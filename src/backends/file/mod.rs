//! [`FileStore`]: a file for each session.

use std::{fmt, path::PathBuf, sync::Arc};

use time::{Duration, OffsetDateTime, UtcOffset};

use crate::{backends::LocalTime, codec::Codec, error::StoreError, serializers::Serializer, session_key::SessionKey};

mod clean;
mod entry;
mod failure;
mod folder;
mod operations;
mod owner;
mod permissions;
mod store;
mod url;
pub(crate) use url::open_url;

use folder::Folder;

/// Keeps each session in a file of its own: Django's `file` engine. For one machine, without a database.
///
/// What was told to be saved is on the disk: it is written beside the session, synced, and put in its place, so that
/// a crash leaves the old session or the new one. Processes that share the directory take turns with locks on its
/// files, and lose none of each other's changes.
///
/// The names of the files are the session keys, so nobody else may list the directory: it is made with mode 0700, the
/// files with 0600. All who use the directory are one user, also the job that cleans it; what another user has made
/// there is not believed. What lies in it under other names is left alone.
///
/// No other user may be able to put another directory in its place: of the directories above it, those to which others
/// may write need the sticky bit, as `/tmp` has it. To a group that the process is in they may be open, as mounted
/// volumes are. Whoever owns a directory above it is trusted.
///
/// A session without an expiry of its own ends [`cookie_age`](Self::cookie_age) after the time of modification of its
/// file, as in Django; that is where the store keeps the expiry, to the microsecond. An instant given to
/// `set_expiry` counts as it is in the data.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path().join("sessions");
/// use jam_session::{FileStore, SessionLayer};
///
/// let layer = SessionLayer::new(FileStore::new(directory)?);
/// # Ok(()) }
/// ```
///
/// A clone is another handle of the same directory.
#[derive(Clone)]
#[doc(alias = "django.contrib.sessions.backends.file")]
#[doc(alias = "SESSION_FILE_PATH")]
pub struct FileStore {
    folder: Arc<Folder>,
    /// What stands before the key in the name of a file.
    prefix: Arc<str>,
    cookie_age: Duration,
    codec: Codec,
    local_time: LocalTime,
}

impl FileStore {
    /// Keeps sessions in this directory, which is made if it is missing: Django's `SESSION_FILE_PATH`.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made or written to, is a symbolic link or belongs to another user; when other users
    /// may list it or write to it, or write to a directory above it that has no sticky bit. The error says what to do.
    pub fn new(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Ok(Self::over(Folder::private(directory.into())?))
    }

    /// Keeps sessions in the directory `jam-session` below the system's temporary directory. What lies there may be
    /// gone after a restart of the machine.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); also when another user has made that directory.
    pub fn in_temp_dir() -> Result<Self, StoreError> {
        Self::new(std::env::temp_dir().join("jam-session"))
    }

    /// [`new`](Self::new) in a directory that other users may see, that is there already, or that a symbolic link
    /// leads to. Only files that belong to the user of this process, and to which nobody else may write, are taken
    /// for sessions. The directory itself belongs to this user, to the administrator, or to a group that the process is
    /// in.
    ///
    /// Whoever may list the directory learns the keys of all sessions, and whoever may remove its files can end them:
    /// it is for a directory that is shared with people who are trusted.
    ///
    /// # Errors
    ///
    /// When the directory is missing, cannot be written to or belongs to somebody else, or another user keeps sessions
    /// in it; when other users may write to it, or to a directory above it, and it has no sticky bit.
    pub fn in_shared_directory(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Ok(Self::over(Folder::shared(directory.into())?))
    }

    fn over(folder: Folder) -> Self {
        Self {
            folder: Arc::new(folder),
            prefix: "sessionid".into(),
            cookie_age: Duration::weeks(2),
            codec: Codec::default(),
            local_time: LocalTime::default(),
        }
    }

    /// What stands before the key in the name of a file: as in Django, the name of the cookie. `sessionid` by
    /// default.
    ///
    /// # Panics
    ///
    /// When the name has other characters than letters, digits, `-` and `_`, or none.
    #[doc(alias = "SESSION_COOKIE_NAME")]
    #[must_use]
    pub fn cookie_name(mut self, name: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(plain), "the name of a cookie is also that of a file");
        self.prefix = name.into();
        self
    }

    /// The `SESSION_COOKIE_AGE` of a Django that shares the directory; two weeks by default. How long sessions live
    /// is up to the layer; this is by how much the time of a file differs from the expiry of its session, so all who
    /// share the directory have to agree on it.
    #[doc(alias = "SESSION_COOKIE_AGE")]
    #[must_use]
    pub fn cookie_age(mut self, age: std::time::Duration) -> Self {
        self.cookie_age = Duration::try_from(age).unwrap_or(Duration::MAX);
        self
    }

    /// Encodes sessions with `serializer`, whose bytes have to be UTF-8 text where they are not signed. The default
    /// is [`JsonSerializer`](crate::JsonSerializer).
    #[doc(alias = "SESSION_SERIALIZER")]
    #[must_use]
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.codec.serializer = Arc::new(serializer);
        self
    }

    /// Reads and writes dates in local time, beside a Django whose settings say `USE_TZ = False`: the date that a
    /// session may have as its own expiry carries no offset then. `offset_at` gives the offset of Django's `TIME_ZONE`
    /// at an instant, daylight saving time included. The time of a
    /// file is an instant in any case.
    ///
    /// ```
    /// # fn main() -> Result<(), jam_session::BoxError> {
    /// # let directory = tempfile::tempdir()?;
    /// use jam_session::FileStore;
    /// use time::UtcOffset;
    ///
    /// // India has one offset all year; for other zones ask a crate that knows them.
    /// let india = UtcOffset::from_hms(5, 30, 0)?;
    /// let store = FileStore::new(directory.path().join("sessions"))?.local_time(move |_at| india);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "USE_TZ")]
    #[doc(alias = "TIME_ZONE")]
    #[must_use]
    pub fn local_time(mut self, offset_at: impl Fn(OffsetDateTime) -> UtcOffset + Send + Sync + 'static) -> Self {
        self.local_time = LocalTime::of(offset_at);
        self
    }

    /// Signs sessions as Django does, so that a Django with the `file` engine shares the directory; feature
    /// `signing`. Without it a file is plain JSON. A store with a signer takes nothing that is not signed.
    ///
    /// Django takes no locks: what it saves overwrites what was saved since it read the session.
    #[cfg(feature = "signing")]
    #[must_use]
    pub fn signing(mut self, signer: crate::signing::Signer) -> Self {
        self.codec.signer = Some(signer);
        self
    }

    /// Where the session of this key is. Nothing of a key that was not drawn by a store gets into a path.
    fn path(&self, session_key: &SessionKey) -> Option<PathBuf> {
        let key = session_key.as_str();
        SessionKey::is_storable(key).then(|| self.folder.file(&format!("{}{key}", self.prefix)))
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileStore").field(&self.folder.directory()).finish()
    }
}
