//! How durations and statuses are written in a configuration: whole seconds, and numbers.

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
