//! The session auth hash: what ties a session to the password that its user had at login.

use hmac::Mac as _;

use super::{Legacy, Signer, hex, keys};

const SALT: &str = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// What a stored session auth hash says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthHash {
    Current,
    /// It was made with a secret key that is a fallback by now.
    OfFallback,
    Wrong,
}

impl Signer {
    /// Django's `get_session_auth_hash`: `password` is the text of the user's column of that name, which is a hash
    /// itself. Feature `django_auth`. The key salt has no part in it.
    #[doc(alias = "get_session_auth_hash")]
    #[must_use]
    pub fn session_auth_hash(&self, password: &str) -> String {
        let secret = &self.0.secrets[0];
        match self.0.legacy {
            Legacy::Refuse | Legacy::Read => {
                hex::encode(&keys::sign_sha256(&keys::sha256(&[SALT], secret), password.as_bytes()))
            }
            Legacy::Write => hex::encode(&keys::sign_sha1(&keys::sha1(&[SALT], secret), password.as_bytes())),
        }
    }

    pub(crate) fn check_auth_hash(&self, hash: &str, password: &str) -> AuthHash {
        let Some(hash) = hex::decode(hash) else { return AuthHash::Wrong };
        let password = password.as_bytes();
        let made_with = self.0.secrets.iter().position(|secret| match hash.len() {
            20 if self.0.legacy != Legacy::Refuse => {
                keys::sha1(&[SALT], secret).chain_update(password).verify_slice(&hash).is_ok()
            }
            _ => keys::sha256(&[SALT], secret).chain_update(password).verify_slice(&hash).is_ok(),
        });
        match made_with {
            Some(0) => AuthHash::Current,
            Some(_) => AuthHash::OfFallback,
            None => AuthHash::Wrong,
        }
    }
}
