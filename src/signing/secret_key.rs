//! [`SecretKey`]: Django's `SECRET_KEY`, as text or as bytes.

use std::{fmt, sync::Arc};

/// The secret that sessions are signed with: Django's `SECRET_KEY`. A text counts as its UTF-8 bytes.
///
/// `Debug` says nothing about it, and there is no way to print or serialize one.
///
/// ```
/// use jam_session::SecretKey;
///
/// let (text, bytes) = (SecretKey::from("s3cret"), SecretKey::from(&b"s3cret"[..]));
/// assert_eq!(format!("{text:?} {bytes:?}"), "SecretKey(..) SecretKey(..)");
/// ```
#[derive(Clone)]
#[doc(alias = "SECRET_KEY")]
pub struct SecretKey(Arc<[u8]>);

impl SecretKey {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for SecretKey {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for SecretKey {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&[u8]> for SecretKey {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for SecretKey {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.as_slice().into())
    }
}

impl From<Vec<u8>> for SecretKey {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}
