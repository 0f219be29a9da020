//! What can go wrong, one small enum per floor: [`Error`] for handlers, [`StoreError`] for stores,
//! [`SettingsError`] at start-up.
//!
//! No message contains a session key or a stored value.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

/// Any error, kept as the cause of one of ours.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What went wrong with a session, for handlers.
///
/// With feature `axum` it is a response, so that a handler can use `?`: 503 when the store failed and may work again,
/// 400 when the session was ended by another request, 500 otherwise, with a log line and without details. Statuses
/// that [`Settings`](crate::Settings) has for the first two take their place. [`ErrorKind`] has the whole table.
///
/// No message contains a session key or a value.
///
/// ```
/// use jam_session::Error;
///
/// let error = Error::MissingKey { key: "cart".into() };
/// assert_eq!(error.to_string(), "the session has no `cart`");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// [`require`](crate::Session::require) found nothing under this name.
    #[doc(alias = "KeyError")]
    MissingKey {
        /// The name that was asked for.
        key: String,
    },
    /// The value under this name is of another type than the one asked for; it is still there.
    /// [`remove`](crate::Session::remove) gets rid of it.
    WrongType {
        /// The name that was asked for.
        key: String,
        /// What the deserializer said.
        source: BoxError,
    },
    /// The value cannot be kept as JSON, or is nested more than 64 deep. Nothing was changed.
    Serialize {
        /// The name it was meant for.
        key: String,
        /// Why not.
        source: BoxError,
    },
    /// The response is already on its way: use [`detached`](crate::Session::detached) and its own `save`.
    Committed,
    /// A detached session that was never saved has no key yet: `save().await` before `detached()`.
    NotCommitted,
    /// Another request ended the session meanwhile, or its user changed. Nothing was saved.
    SessionInterrupted,
    /// The store failed, or refused. [`kind`](Self::kind) says whether it may be tried again later. Where a connection
    /// broke, a write may have happened.
    Store(StoreError),
    /// The store did not answer within [`load_deadline`](crate::Settings::load_deadline) or
    /// [`save_deadline`](crate::Settings::save_deadline). The outcome of a write is unknown.
    Deadline {
        /// How long was waited: the deadline.
        after: Duration,
    },
    /// The operating system gave no random bytes, so there is no new key. Nothing was saved.
    NoRandomness(BoxError),
    /// No [`SessionLayer`](crate::SessionLayer) saw this request.
    MissingLayer,
    /// Two [`SessionLayer`](crate::SessionLayer)s of one name saw this request.
    DuplicateLayer,
}

impl Error {
    /// What this error means for the response, for those who make their own of it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::SessionInterrupted => ErrorKind::Interrupted,
            Self::Store(error) => error.kind(),
            Self::Deadline { .. } | Self::NoRandomness(_) => ErrorKind::StoreFailure,
            Self::MissingKey { .. }
            | Self::WrongType { .. }
            | Self::Serialize { .. }
            | Self::Committed
            | Self::NotCommitted
            | Self::MissingLayer
            | Self::DuplicateLayer => ErrorKind::Application,
        }
    }
}

/// What kind of session error a response stands for. It is among the extensions of a response that the
/// layer put in the place of the handler's, and of one that an [`Error`] was turned into: an outer layer can
/// make a page of it.
///
/// A 503 tells proxies that the same request may work in a moment, here or on another server, and takes this server out
/// of their rotation. So only what may pass is one.
///
/// | kind | errors | status | `Retry-After` |
/// |---|---|---|---|
/// | `Interrupted` | `SessionInterrupted` | 400, or `on_interrupted` | no |
/// | `StoreFailure` | `Deadline`, `NoRandomness`, and of the store `KeyTaken`, `Lost`, `Contended`, `Overloaded`, `Backend` | 503, or `store_failure_status` | yes |
/// | `TooLarge` | of the store `TooLarge` | 500 | no |
/// | `Refused` | of the store `Refused`, `Unsupported`, `Undecodable` | 500 | no |
/// | `Application` | `MissingKey`, `WrongType`, `Serialize`, `Committed`, `NotCommitted`, `MissingLayer`, `DuplicateLayer` | 500 | no |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another request ended the session: 400, or what `on_interrupted` says.
    Interrupted,
    /// The store failed or was too slow, or a new key could not be drawn, which may pass: 503, or what
    /// `store_failure_status` says.
    StoreFailure,
    /// The session is larger than its store allows: 500. Nothing was written.
    TooLarge,
    /// The store refuses what it was asked for, and would refuse it again: no table, no permission, a value or an
    /// operation that it does not take. 500.
    Refused,
    /// The application used the session in a way that cannot work: 500.
    Application,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingKey { key } => write!(f, "the session has no `{key}`"),
            Self::WrongType { key, .. } => write!(f, "the value of `{key}` is of another type"),
            Self::Serialize { key, .. } => write!(f, "the value for `{key}` cannot be stored"),
            Self::Committed => {
                f.write_str("the response was already sent; change the session through `detached()` and `save().await`")
            }
            Self::NotCommitted => f.write_str("the session has no key yet; call `save().await` before `detached()`"),
            Self::SessionInterrupted => f.write_str(
                "the session was ended before the request completed; the user may have logged out in another request",
            ),
            Self::Store(error) => f.write_str(match error.kind() {
                ErrorKind::TooLarge => "the session is too large",
                ErrorKind::Refused => "the session store refused",
                ErrorKind::StoreFailure | ErrorKind::Interrupted | ErrorKind::Application => "the session store failed",
            }),
            Self::Deadline { after } => {
                write!(f, "the session store did not answer within {after:?}; a write may or may not have happened")
            }
            Self::MissingLayer => f.write_str(
                "no session in this request: add `.layer(SessionLayer::new(store))` to the router after the routes \
                 that use it; in axum the layer added last runs first",
            ),
            Self::NoRandomness(_) => f.write_str("the system gave no random bytes for a new session key"),
            Self::DuplicateLayer => f.write_str(
                "two session layers on one route: give one a name with `SessionLayer::named` and its own cookie name",
            ),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::WrongType { source, .. } | Self::Serialize { source, .. } | Self::NoRandomness(source) => {
                Some(&**source)
            }
            Self::Store(error) => Some(error),
            Self::MissingKey { .. }
            | Self::Committed
            | Self::NotCommitted
            | Self::SessionInterrupted
            | Self::Deadline { .. }
            | Self::MissingLayer
            | Self::DuplicateLayer => None,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What went wrong in a [`SessionStore`](crate::SessionStore). The cause, for instance the error of the
/// database, is its [`source`](StdError::source).
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The key is taken: the caller tries another one. Django's `CreateError`.
    #[doc(alias = "CreateError")]
    KeyTaken,
    /// The stored session does not verify or decode. It is left as it is. Django logs a `SuspiciousSession`.
    #[doc(alias = "SuspiciousSession")]
    Undecodable(BoxError),
    /// The session is larger than the store allows. Nothing was written.
    TooLarge {
        /// What is too large, in words.
        what: &'static str,
        /// How large it is, in the unit that `what` names.
        size: usize,
        /// How large it may be, in the same unit: see [`Limits`](crate::Limits).
        limit: usize,
    },
    /// The connection broke before the backend answered: it may have done it, or not.
    Lost(BoxError),
    /// Others were in the way (a deadlock, a serialization failure): nothing was written, and it may be tried
    /// again.
    Contended(BoxError),
    /// The operation, in words, is not one that this store can do.
    Unsupported(&'static str),
    /// The backend refuses, and would refuse the same again: there is no table, permission is denied, a value does
    /// not fit its column. Somebody has to change something first. Nothing was written.
    Refused(BoxError),
    /// The operation was not sent, for this reason, in words: its deadline passed while it waited, too many were waiting
    /// already, or no connection became free. Nothing was written, and it may be tried again.
    Overloaded(&'static str),
    /// The backend itself failed, and may work again later: no connection, no space.
    Backend(BoxError),
}

impl StoreError {
    /// What this error means for the response. [`ErrorKind`] has the table.
    ///
    /// ```
    /// use jam_session::{ErrorKind, StoreError};
    ///
    /// assert_eq!(StoreError::Backend("no space left".into()).kind(), ErrorKind::StoreFailure);
    /// assert_eq!(StoreError::Refused("no such table".into()).kind(), ErrorKind::Refused);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::KeyTaken | Self::Lost(_) | Self::Contended(_) | Self::Overloaded(_) | Self::Backend(_) => {
                ErrorKind::StoreFailure
            }
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Undecodable(_) | Self::Unsupported(_) | Self::Refused(_) => ErrorKind::Refused,
        }
    }

    /// The same error, for one more of those who asked.
    pub(crate) fn shared(error: &Arc<Self>) -> Self {
        let source = || Box::new(Told(Arc::clone(error)));
        match **error {
            Self::KeyTaken => Self::KeyTaken,
            Self::Undecodable(_) => Self::Undecodable(source()),
            Self::TooLarge { what, size, limit } => Self::TooLarge { what, size, limit },
            Self::Lost(_) => Self::Lost(source()),
            Self::Contended(_) => Self::Contended(source()),
            Self::Unsupported(what) => Self::Unsupported(what),
            Self::Refused(_) => Self::Refused(source()),
            Self::Overloaded(why) => Self::Overloaded(why),
            Self::Backend(_) => Self::Backend(source()),
        }
    }

    /// What is read and larger than the limits allow counts as undecodable: it is not the reader's session that is too
    /// large, and nothing that this request does differently would help.
    pub(crate) fn on_load(self) -> Self {
        match self {
            Self::TooLarge { .. } => Self::Undecodable(Box::new(self)),
            error => error,
        }
    }
}

/// The cause of an error that several were told.
#[derive(Debug)]
struct Told(Arc<StoreError>);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(cause) => fmt::Display::fmt(cause, f),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl StdError for Told {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().and_then(StdError::source)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyTaken => f.write_str("the session key is taken"),
            Self::Undecodable(_) => f.write_str("the stored session cannot be decoded and is left as it is"),
            Self::TooLarge { what, size, limit } => write!(f, "{what} is {size}, the limit is {limit}"),
            Self::Lost(_) => f.write_str("the connection broke before the backend answered"),
            Self::Contended(_) => f.write_str("others were in the way"),
            Self::Unsupported(what) => write!(f, "this store cannot {what}"),
            Self::Refused(_) => f.write_str("the backend refused"),
            Self::Overloaded(why) => write!(f, "it was not sent to the store: {why}"),
            Self::Backend(_) => f.write_str("the backend failed"),
        }
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Undecodable(source)
            | Self::Lost(source)
            | Self::Contended(source)
            | Self::Refused(source)
            | Self::Backend(source) => Some(&**source),
            Self::KeyTaken | Self::TooLarge { .. } | Self::Unsupported(_) | Self::Overloaded(_) => None,
        }
    }
}

/// A text that cannot be a session key: [`SessionKey::parse`](crate::SessionKey::parse) says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSessionKey;

impl fmt::Display for InvalidSessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session key has 1 to 4096 characters that may stand in a cookie")
    }
}

impl StdError for InvalidSessionKey {}

/// A setting, or a combination of settings, that cannot work. The message says what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(pub(crate) String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for SettingsError {}

/// An error and its causes in one line, for a log.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
