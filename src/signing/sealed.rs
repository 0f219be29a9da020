//! [`Sealer`]: texts that nobody without the secret key can read or change. The format is this crate's own.
//!
//! `v1.` and, in base64, two times (8 bytes each, microseconds since 1970, big-endian), a random nonce of 24 bytes,
//! and what XChaCha20-Poly1305 makes of the data. The version, the times and the purpose are authenticated with it.
//! Nothing is compressed: how long a text is would tell what is in it.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{SecretKey, Signer, SigningError};
use crate::{error::BoxError, random};

/// What every text begins with.
pub(crate) const VERSION: &str = "v1.";
/// Of the two times.
const HEADER: usize = 16;
const NONCE: usize = 24;
const TAG: usize = 16;
/// What keys are derived for; another use of the same secret has other keys.
const CONTEXT: &[u8] = b"jam-session sealed session v1";

/// Encrypts with the first key of a signer, and decrypts with any.
///
/// The cipher is made for each text, which costs nothing: it is its key. Kept, it would be wiped by a feature of its
/// crate alone, which would change the random generator of the whole program, too.
#[derive(Clone)]
pub(crate) struct Sealer(Arc<[Key]>);

type Key = Zeroizing<[u8; 32]>;

/// A text that was opened. Times are microseconds since 1970.
pub(crate) struct Opened {
    pub(crate) raw: Vec<u8>,
    pub(crate) sealed_at: i64,
    pub(crate) expires_at: i64,
}

impl Sealer {
    pub(crate) fn new(signer: &Signer) -> Self {
        Self(signer.0.secrets.iter().map(derived).collect())
    }

    /// `purpose` has to be the same when the text is opened. It fails where the system gives no random bytes.
    pub(crate) fn seal(&self, raw: &[u8], purpose: &str, sealed_at: i64, expires_at: i64) -> Result<String, BoxError> {
        let mut bytes = Vec::with_capacity(HEADER + NONCE + raw.len() + TAG);
        bytes.extend_from_slice(&sealed_at.to_be_bytes());
        bytes.extend_from_slice(&expires_at.to_be_bytes());
        let nonce: [u8; NONCE] = random::bytes()?;
        bytes.extend_from_slice(&nonce);
        let aad = authenticated(&bytes[..HEADER], purpose);
        let sealed = cipher(&self.0[0]).encrypt(&XNonce::from(nonce), Payload { msg: raw, aad: &aad });
        bytes.extend(sealed.expect("a session is far shorter than the cipher allows"));
        let mut text = VERSION.to_owned();
        BASE64_URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Ok(text)
    }

    pub(crate) fn open(&self, text: &str, purpose: &str) -> Result<Opened, SigningError> {
        let text = text.strip_prefix(VERSION).ok_or(SigningError::BadSignature)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| SigningError::BadSignature)?;
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(SigningError::BadSignature)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(SigningError::BadSignature)?;
        let (nonce, aad) = (XNonce::from(*nonce), authenticated(header, purpose));
        let mut opened =
            self.0.iter().filter_map(|key| cipher(key).decrypt(&nonce, Payload { msg: sealed, aad: &aad }).ok());
        let raw = opened.next().ok_or(SigningError::BadSignature)?;
        let time = |at: usize| i64::from_be_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        Ok(Opened { raw, sealed_at: time(0), expires_at: time(8) })
    }
}

/// The version, the times and the purpose. All but the last have one length, so no two of them read alike.
fn authenticated(header: &[u8], purpose: &str) -> Vec<u8> {
    [VERSION.as_bytes(), header, purpose.as_bytes()].concat()
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**key).into())
}

/// HKDF with SHA-256 (RFC 5869): the first 32 bytes for this use.
fn derived(secret: &SecretKey) -> Key {
    let hmac = |key: &[u8], parts: &[&[u8]]| -> Key {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
        parts.iter().for_each(|part| hmac.update(part));
        Zeroizing::new(hmac.finalize().into_bytes().into())
    };
    let extracted = hmac(&[0; 32], &[secret.as_bytes()]);
    hmac(&*extracted, &[CONTEXT, &[1]])
}
