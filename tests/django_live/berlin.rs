//! The time of Berlin, for a Django with `USE_TZ = False` and `TIME_ZONE = "Europe/Berlin"`.

use serde_json::{Value, json};
use time::{Date, Month, OffsetDateTime, Time, UtcOffset, Weekday, macros::offset};

/// Two hours before UTC from the last Sunday of March to the last Sunday of October, one o'clock in UTC, else one.
pub(crate) fn offset(at: OffsetDateTime) -> UtcOffset {
    let summer = change(at.year(), Month::March)..change(at.year(), Month::October);
    if summer.contains(&at) { offset!(+2) } else { offset!(+1) }
}

fn change(year: i32, month: Month) -> OffsetDateTime {
    let last = Date::from_calendar_date(year, month, 31).expect("both months have 31 days");
    let sunday = if last.weekday() == Weekday::Sunday { last } else { last.prev_occurrence(Weekday::Sunday) };
    sunday.with_time(Time::from_hms(1, 0, 0).expect("one o'clock")).assume_utc()
}

/// What Django's settings say about it.
pub(crate) fn settings() -> Value {
    json!({ "USE_TZ": false, "TIME_ZONE": "Europe/Berlin" })
}
