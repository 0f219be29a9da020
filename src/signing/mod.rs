//! [`Signer`]: bytes as Django's `signing.dumps` signs them, and back.

use std::{fmt, sync::Arc};

use time::OffsetDateTime;

use crate::limits::Limits;

#[cfg(feature = "django_auth")]
mod auth_hash;
#[cfg(feature = "django_auth")]
pub(crate) use auth_hash::AuthHash;
mod base62;
mod container;
mod cookies;
mod error;
pub use error::SigningError;
mod hex;
mod keys;
mod legacy;
#[cfg(feature = "encryption")]
mod sealed;
#[cfg(feature = "encryption")]
pub(crate) use sealed::{Opened, Sealer, VERSION as SEALED};
mod secret_key;
pub use secret_key::SecretKey;
mod zlib;

use keys::Keys;

/// The salt of every session store that comes with Django.
const KEY_SALT: &str = "django.contrib.sessions.SessionStore";

/// Signs sessions as Django does, byte for byte, so that a running Django reads them and is read.
///
/// A signed session is not encrypted: whoever sees it can read it. What the signature tells is that it comes from
/// somebody with the secret key.
///
/// ```
/// use jam_session::{Limits, Signer};
/// use time::OffsetDateTime;
///
/// let now = OffsetDateTime::from_unix_timestamp(1_700_000_000)?;
/// let signer = Signer::new("the SECRET_KEY of Django's settings").fallbacks(["the one before"]);
///
/// let text = signer.dumps(br#"{"cat":"dog"}"#, now);
/// assert!(text.starts_with("eyJjYXQiOiJkb2cifQ:1r31eq:"));
/// assert_eq!(signer.loads(&text, &Limits::default())?, br#"{"cat":"dog"}"#);
/// assert!(Signer::new("another").loads(&text, &Limits::default()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `Debug` shows nothing of the secrets. A clone shares the keys.
///
/// ```compile_fail,E0277
/// # let signer = jam_session::Signer::new("secret");
/// serde_json::to_string(&signer);
/// ```
#[derive(Clone)]
#[doc(alias = "django.core.signing")]
#[doc(alias = "TimestampSigner")]
#[doc(alias = "salted_hmac")]
pub struct Signer(Arc<Inner>);

struct Inner {
    secrets: Vec<SecretKey>,
    key_salt: Box<str>,
    legacy: Legacy,
    keys: Keys,
}

/// What a [`Signer`] does with the format of Django up to 3.0, which rests on SHA-1, and with the SHA-1 signatures
/// that Django 3.1 and 3.2 write when their settings say `DEFAULT_HASHING_ALGORITHM = "sha1"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "DEFAULT_HASHING_ALGORITHM")]
pub enum Legacy {
    /// It is not accepted: what Django does since 4.0.
    #[default]
    Refuse,
    /// It is read; what is written is in the format of today. For sessions that an old Django left behind.
    Read,
    /// It is read and written, beside a Django that is still 3.0 or older. The format of today is read, too, so that
    /// an upgrade that is under way logs nobody out.
    Write,
}

impl Signer {
    /// A signer for Django's `SECRET_KEY`.
    ///
    /// # Panics
    ///
    /// When the secret is empty: everybody knows that one.
    pub fn new(secret: impl Into<SecretKey>) -> Self {
        Self::of(vec![secret.into()], KEY_SALT.into(), Legacy::default())
    }

    /// Secrets that are still accepted, in order, and never written with: Django's `SECRET_KEY_FALLBACKS`.
    ///
    /// # Panics
    ///
    /// When one of them is empty.
    #[doc(alias = "SECRET_KEY_FALLBACKS")]
    #[must_use]
    pub fn fallbacks(self, secrets: impl IntoIterator<Item = impl Into<SecretKey>>) -> Self {
        let secrets = self.0.secrets.iter().take(1).cloned().chain(secrets.into_iter().map(Into::into)).collect();
        Self::of(secrets, self.0.key_salt.clone(), self.0.legacy)
    }

    /// The salt, where Django's store is of a class of the project's own:
    /// `"django.contrib.sessions."` and the qualified name of the class. What is signed under one salt is not
    /// accepted under another. The old format goes by the part after the last dot.
    #[must_use]
    pub fn key_salt(self, key_salt: &str) -> Self {
        Self::of(self.0.secrets.clone(), key_salt.into(), self.0.legacy)
    }

    /// What to do with the format of Django up to 3.0.
    #[must_use]
    pub fn legacy(self, legacy: Legacy) -> Self {
        Self::of(self.0.secrets.clone(), self.0.key_salt.clone(), legacy)
    }

    fn of(secrets: Vec<SecretKey>, key_salt: Box<str>, legacy: Legacy) -> Self {
        let known_to_all = secrets.iter().any(|secret| secret.as_bytes().is_empty());
        assert!(!known_to_all, "a secret key is empty: anybody could sign with it");
        let keys = Keys::new(&secrets, &key_salt, legacy);
        Self(Arc::new(Inner { secrets, key_salt, legacy, keys }))
    }

    /// The signed text of `raw`, compressed where that saves something. A text of 1 to 16 KiB is compressed more
    /// quickly than Django does it, and so a little less; Django reads it.
    #[must_use]
    pub fn dumps(&self, raw: &[u8], now: OffsetDateTime) -> String {
        match self.0.legacy {
            Legacy::Refuse | Legacy::Read => container::dumps(&self.0.keys, raw, now, zlib::deflate_quickly),
            Legacy::Write => legacy::dumps(&self.0.keys, raw),
        }
    }

    /// What [`dumps`](Self::dumps) signed. The signature is verified before anything behind it is decoded, and
    /// nothing is inflated beyond [`Limits::stored_bytes`]. How long ago it was signed does not matter.
    ///
    /// # Errors
    ///
    /// [`SigningError`] says whether the signature, the format or the size is wrong.
    pub fn loads(&self, text: &str, limits: &Limits) -> Result<Vec<u8>, SigningError> {
        let limit = limits.stored_bytes;
        check("the number of bytes of the stored text", text.len(), longest_text(limit))?;
        // No text of the old format has a colon, and every one of the new format has two.
        let raw = match self.0.legacy {
            Legacy::Read | Legacy::Write if !text.contains(':') => legacy::loads(&self.0.keys, text)?,
            // How old a stored session is does not matter: its row says when it expires.
            _ => container::loads(&self.0.keys, text, limit)?.0,
        };
        check("the number of bytes of the session", raw.len(), limit)?;
        Ok(raw)
    }
}

/// What so many bytes may take in base64, signed and not compressed, generously.
fn longest_text(limit: usize) -> usize {
    limit.saturating_add(limit / 2).saturating_add(256)
}

fn check(what: &'static str, size: usize, limit: usize) -> Result<(), SigningError> {
    if size > limit { Err(SigningError::TooLarge { what, size, limit }) } else { Ok(()) }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fallbacks = self.0.secrets.len() - 1;
        let mut signer = f.debug_struct("Signer");
        signer.field("fallbacks", &fallbacks).field("key_salt", &self.0.key_salt).field("legacy", &self.0.legacy);
        signer.finish_non_exhaustive()
    }
}
