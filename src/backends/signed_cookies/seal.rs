//! [`Seal`]: how the bytes of a session become a cookie and back, and the times that go with them.

use std::fmt;

use time::{Duration, OffsetDateTime};

#[cfg(feature = "encryption")]
use crate::signing::{Opened, Sealer};
use crate::{
    backends::LocalTime,
    error::StoreError,
    expiry::Stored,
    limits::Limits,
    session_data::SessionData,
    signing::{Signer, SigningError},
};

/// So far a clock may be ahead of the one that reads.
const AHEAD: Duration = Duration::MINUTE;

#[derive(Clone)]
pub(super) enum Seal {
    Signed(Signer),
    #[cfg(feature = "encryption")]
    Encrypted(Sealer),
}

/// What a cookie says.
pub(super) struct Unsealed {
    pub(super) raw: Vec<u8>,
    pub(super) sealed_at: OffsetDateTime,
    /// A signed cookie says only when it was made.
    expires_at: Option<OffsetDateTime>,
}

impl Seal {
    /// The same seal for cookies of one name. An encrypted cookie is given its name when it is sealed.
    pub(super) fn for_cookies_named(&self, name: &str) -> Self {
        match self {
            Self::Signed(signer) => Self::Signed(signer.for_cookies_named(name)),
            #[cfg(feature = "encryption")]
            Self::Encrypted(_) => self.clone(),
        }
    }

    /// Seals bytes under the cookie's name.
    pub(super) fn seal(
        &self,
        raw: &[u8],
        name: &str,
        now: OffsetDateTime,
        expire_date: OffsetDateTime,
    ) -> Result<String, StoreError> {
        // A signed cookie has its name in its salt, and no expiry.
        let _ = (name, expire_date);
        match self {
            Self::Signed(signer) => Ok(signer.dumps_cookie(raw, now)),
            #[cfg(feature = "encryption")]
            Self::Encrypted(sealer) => {
                sealer.seal(raw, name, micros(now), micros(expire_date)).map_err(StoreError::Backend)
            }
        }
    }

    /// `None` for what nobody with a key of ours has sealed.
    pub(super) fn unseal(&self, text: &str, name: &str, limits: &Limits) -> Result<Option<Unsealed>, StoreError> {
        // The name of a signed cookie is in its salt.
        let _ = name;
        let unsealed = match self {
            Self::Signed(signer) => signer.loads_cookie(text, limits).and_then(signed),
            #[cfg(feature = "encryption")]
            Self::Encrypted(sealer) => sealer.open(text, name).and_then(encrypted),
        };
        match unsealed {
            Err(SigningError::BadSignature) => Ok(None),
            unsealed => Ok(unsealed.map(Some)?),
        }
    }

    /// When a session with this data expires that is sealed now and is to expire at `wanted`.
    pub(super) fn expire_date(
        &self,
        data: &SessionData,
        now: OffsetDateTime,
        wanted: OffsetDateTime,
        age: Duration,
        local_time: &LocalTime,
    ) -> OffsetDateTime {
        // A signed cookie cannot say it.
        let _ = wanted;
        match self {
            Self::Signed(_) => of_age(data, whole_second(now), age, local_time),
            #[cfg(feature = "encryption")]
            Self::Encrypted(_) => wanted,
        }
    }

    /// Whether a text can be one of ours, before anything is computed.
    pub(super) fn accepts(&self, text: &str) -> bool {
        let octet = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let formed = match self {
            Self::Signed(_) => text.bytes().filter(|&byte| byte == b':').count() >= 2,
            #[cfg(feature = "encryption")]
            Self::Encrypted(_) => text.starts_with(crate::signing::SEALED),
        };
        formed && text.len() <= super::LONGEST_COOKIE && text.bytes().all(octet)
    }
}

impl Unsealed {
    /// When the session ends; `None` if its cookie is too old, or of a time to come.
    pub(super) fn live_until(
        &self,
        data: &SessionData,
        now: OffsetDateTime,
        age: Duration,
        local_time: &LocalTime,
    ) -> Option<OffsetDateTime> {
        if self.sealed_at - now > AHEAD {
            tracing::warn!("a session cookie is of a time to come; it is not believed");
            return None;
        }
        match self.expires_at {
            Some(expires_at) => (now < expires_at).then_some(expires_at),
            // At the very age a cookie is still good, as in Django; at an instant of the session's own it is not.
            None => Some(of_age(data, self.sealed_at, age, local_time))
                .filter(|&until| now < until || (now == until && until == self.sealed_at.saturating_add(age))),
        }
    }
}

/// An expiry of the session's own cannot make its cookie last longer.
fn of_age(data: &SessionData, sealed_at: OffsetDateTime, age: Duration, local_time: &LocalTime) -> OffsetDateTime {
    let at_most = sealed_at.saturating_add(age);
    let own = Stored::of(data, &|at| local_time.offset(at)).and_then(|stored| stored.date(sealed_at, age));
    own.map_or(at_most, |own| own.min(at_most))
}

fn signed((raw, seconds): (Vec<u8>, i64)) -> Result<Unsealed, SigningError> {
    let sealed_at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| OUT_OF_RANGE)?;
    Ok(Unsealed { raw, sealed_at, expires_at: None })
}

#[cfg(feature = "encryption")]
fn encrypted(opened: Opened) -> Result<Unsealed, SigningError> {
    let date =
        |micros: i64| OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).map_err(|_| OUT_OF_RANGE);
    let (sealed_at, expires_at) = (date(opened.sealed_at)?, date(opened.expires_at)?);
    Ok(Unsealed { raw: opened.raw, sealed_at, expires_at: Some(expires_at) })
}

const OUT_OF_RANGE: SigningError = SigningError::Malformed { what: "its time is out of range" };

#[cfg(feature = "encryption")]
fn micros(at: OffsetDateTime) -> i64 {
    // A date of the `time` crate is within 10,000 years of 1970.
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(signer) => signer.fmt(f),
            #[cfg(feature = "encryption")]
            Self::Encrypted(_) => f.write_str("Encrypted(..)"),
        }
    }
}
