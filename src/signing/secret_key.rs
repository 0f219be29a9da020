//! [`SecretKey`]: Django's `SECRET_KEY`, as text or as bytes.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

/// The secret that sessions are signed with: Django's `SECRET_KEY`. A text counts as its UTF-8 bytes.
///
/// `Debug` says nothing about it, and there is no way to print or serialize one. When the last clone goes, and with it
/// the last [`Signer`](crate::Signer) that holds one, its memory is overwritten; a `String` or a `Vec<u8>` that was
/// given away for it, too. What a `Signer` has computed from it for its signatures is not.
///
/// ```
/// use jam_session::SecretKey;
///
/// let (text, bytes) = (SecretKey::from("s3cret"), SecretKey::from(&b"s3cret"[..]));
/// assert_eq!(format!("{text:?} {bytes:?}"), "SecretKey(..) SecretKey(..)");
/// ```
/// ```compile_fail,E0277
/// # let secret = jam_session::SecretKey::from("s3cret");
/// println!("{secret}");
/// ```
///
/// ```compile_fail,E0277
/// # let secret = jam_session::SecretKey::from("s3cret");
/// serde_json::to_string(&secret);
/// ```
#[derive(Clone)]
#[doc(alias = "SECRET_KEY")]
pub struct SecretKey(Arc<Zeroizing<Vec<u8>>>);

impl SecretKey {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for SecretKey {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for SecretKey {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&[u8]> for SecretKey {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<&[u8; N]> for SecretKey {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<Vec<u8>> for SecretKey {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt as _};

    use super::*;

    /// The memory of this process as it is, also where nothing lives any more.
    fn memory(at: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let memory = File::open("/proc/self/mem").unwrap();
        memory.read_exact_at(&mut bytes, at as u64).unwrap();
        bytes
    }

    #[test]
    fn the_memory_of_a_secret_is_overwritten_when_the_last_clone_goes() {
        let secret = "nobody else has this text: 5d0c6e2b".repeat(8);
        let key = SecretKey::from(secret.clone());
        let (at, clone) = (key.as_bytes().as_ptr() as usize, key.clone());

        drop(key);
        assert_eq!(memory(at, secret.len()), secret.as_bytes());
        drop(clone);

        // The allocator writes to the beginning of what it got back.
        let left = memory(at, secret.len());
        assert!(!left.windows(8).any(|bytes| secret.as_bytes().windows(8).any(|part| part == bytes)));
    }
}
