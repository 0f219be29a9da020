//! [`LocalTime`]: the clock of a Django whose settings say `USE_TZ = False`.

use std::{fmt, sync::Arc};

use time::{OffsetDateTime, UtcOffset};

type OffsetAt = Arc<dyn Fn(OffsetDateTime) -> UtcOffset + Send + Sync>;

/// The offset of Django's `TIME_ZONE` at an instant; by default there is none, because dates carry their own.
#[derive(Clone, Default)]
pub(super) struct LocalTime(Option<OffsetAt>);

impl LocalTime {
    pub(super) fn of(offset_at: impl Fn(OffsetDateTime) -> UtcOffset + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(offset_at)))
    }

    pub(super) fn offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.0.as_ref().map(|offset_at| offset_at(at))
    }
}

impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "LocalTime(..)" } else { "LocalTime(UTC)" })
    }
}
