use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jam_session::{JsonSerializer, Legacy, Limits, Serializer as _, Signer};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

pub(crate) const SECRET: &str = "a secret for the check";
const SALT: &str = "django.contrib.sessions.SessionStore";

/// A signed text, as it came and with a right signature: only what is signed is decoded, within the limits, and
/// what was decoded and is signed again reads the same.
pub(crate) fn signed_cookie(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut limits = Limits::default();
    limits.stored_bytes = 64 * 1024;
    for legacy in [Legacy::Refuse, Legacy::Write] {
        let signer = Signer::new(SECRET).legacy(legacy);
        assert!(signer.loads(text, &limits).is_err(), "nobody has signed this");
        match signer.loads(&format!("{text}:{}", signature(text)), &limits) {
            Ok(raw) => {
                assert!(raw.len() <= limits.stored_bytes);
                let again = signer.dumps(&raw, OffsetDateTime::UNIX_EPOCH);
                assert_eq!(signer.loads(&again, &limits).as_deref(), Ok(raw.as_slice()));
                let _ = JsonSerializer::default().loads(&raw);
            }
            Err(error) => assert!(!error.to_string().contains(SECRET)),
        }
    }
}

/// What Django signs with: HMAC-SHA-256 under a key that is made of salt and secret.
pub(crate) fn signature(value: &str) -> String {
    let key = Sha256::digest(format!("{SALT}signer{SECRET}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length is a key");
    mac.update(value.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}
