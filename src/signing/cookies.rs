//! Sessions that are their own cookie: what Django's `signed_cookies` engine signs, with the time that it looks at.

use time::OffsetDateTime;

use super::{Legacy, Signer, SigningError, check, container, longest_text, zlib};
use crate::limits::Limits;

/// The name that Django's settings have by default.
const DJANGOS_NAME: &str = "sessionid";
/// The salt of that engine.
const SALT: &str = "django.contrib.sessions.backends.signed_cookies";

impl Signer {
    /// The same keys, for cookies: what is signed for a table is nothing worth as a cookie.
    pub(crate) fn for_cookies(self) -> Self {
        self.key_salt(SALT)
    }

    /// The same keys, for cookies of this name alone. Django binds no cookie to its name, and its own name is the default
    /// here. No cookie name has a colon, so that no two names read alike.
    pub(crate) fn for_cookies_named(&self, name: &str) -> Self {
        let salt = match name {
            DJANGOS_NAME => SALT.to_owned(),
            name => format!("{SALT}:{name}"),
        };
        self.clone().key_salt(&salt)
    }

    /// The text of a cookie, as short as Django's: browsers take 4096 bytes. The one format that Django had before 3.1
    /// for rows, it never had for cookies: what is old about those is the signature.
    pub(crate) fn dumps_cookie(&self, raw: &[u8], now: OffsetDateTime) -> String {
        match self.0.legacy {
            Legacy::Refuse | Legacy::Read => container::dumps(&self.0.keys, raw, now, zlib::deflate),
            Legacy::Write => container::dumps_sha1(&self.0.keys, raw, now),
        }
    }

    /// What the text of a cookie says, and the second in which it was signed.
    pub(crate) fn loads_cookie(&self, text: &str, limits: &Limits) -> Result<(Vec<u8>, i64), SigningError> {
        let limit = limits.stored_bytes;
        check("the number of bytes of the cookie", text.len(), longest_text(limit))?;
        let (raw, signed_at) = container::loads(&self.0.keys, text, limit)?;
        check("the number of bytes of the session", raw.len(), limit)?;
        Ok((raw, signed_at))
    }
}
