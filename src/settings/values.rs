//! How durations, instants and statuses are written in a configuration: whole seconds, dates with an offset, and numbers.

use time::OffsetDateTime;

use crate::{date_text, error::SettingsError};

/// Reads an instant: a date, a time and an offset.
pub(super) fn instant(text: &str) -> Result<OffsetDateTime, SettingsError> {
    match date_text::parse(text.trim()) {
        Some((at, Some(offset))) => Ok(at.assume_offset(offset)),
        _ => Err(SettingsError("the value is not a date with an offset, like 2026-01-31T12:00:00Z".into())),
    }
}

pub(super) mod optional_instant {
    use serde::{Deserialize, Deserializer, de::Error as _};
    use time::OffsetDateTime;

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<OffsetDateTime>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::instant(&text)).transpose().map_err(D::Error::custom)
    }
}

pub(super) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer};

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

pub(super) mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer};

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_secs))
    }
}

pub(super) mod status {
    use http::StatusCode;
    use serde::{Deserialize, Deserializer, de::Error as _};

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
