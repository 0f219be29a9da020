//! The dates of Python's `datetime`, in the states that it pickles, and as the texts of its `isoformat`.

use std::fmt::Write as _;

use time::{Date, Month, PrimitiveDateTime, Time};

use super::tape::{Token, Zone};

const DAY: i64 = 86_400_000_000;

/// Says in the highest bit of a byte that an hour which a change of clocks repeats is the second one.
const FOLD: u8 = 0x80;

pub(super) fn date(state: [u8; 4]) -> Option<Date> {
    let month = Month::try_from(state[2] & !FOLD).ok()?;
    let year = i32::from(u16::from_be_bytes([state[0], state[1]]));
    if year == 0 { None } else { Date::from_calendar_date(year, month, state[3]).ok() }
}

pub(super) fn time(state: [u8; 6]) -> Option<Time> {
    let [hour, minute, second, micros @ ..] = state;
    let micros = u32::from_be_bytes([0, micros[0], micros[1], micros[2]]);
    Time::from_hms_micro(hour & !FOLD, minute, second, micros).ok()
}

pub(super) fn date_time(state: [u8; 10]) -> Option<PrimitiveDateTime> {
    let (day, clock) = state.split_first_chunk::<4>()?;
    let clock: [u8; 6] = clock.try_into().ok()?;
    // Only a time on its own has its mark in the hour.
    if clock[0] & FOLD != 0 { None } else { Some(PrimitiveDateTime::new(date(*day)?, time(clock)?)) }
}

/// The state of a date, `None` beyond the years that Python has.
pub(super) fn date_state(date: Date) -> Option<[u8; 4]> {
    let [high, low] = u16::try_from(date.year()).ok().filter(|year| (1..=9999).contains(year))?.to_be_bytes();
    Some([high, low, date.month().into(), date.day()])
}

pub(super) fn time_state(time: Time) -> [u8; 6] {
    let [_, high, middle, low] = time.microsecond().to_be_bytes();
    [time.hour(), time.minute(), time.second(), high, middle, low]
}

pub(super) fn date_time_state(at: PrimitiveDateTime) -> Option<[u8; 10]> {
    let mut state = [0; 10];
    state[..4].copy_from_slice(&date_state(at.date())?);
    state[4..].copy_from_slice(&time_state(at.time()));
    Some(state)
}

/// Whether `datetime.timezone` takes this distance from UTC.
pub(super) fn is_offset(micros: i64) -> bool {
    micros.abs() < DAY
}

/// The parts that Python's `timedelta` has; `None` beyond its range.
pub(super) fn timedelta(days: i128, seconds: i128, micros: i128) -> Option<(i32, i32, i32)> {
    let micros = days * i128::from(DAY) + seconds * 1_000_000 + micros;
    let (days, rest) = (micros.div_euclid(DAY.into()), micros.rem_euclid(DAY.into()));
    let days = i32::try_from(days).ok().filter(|days| days.abs() <= 999_999_999)?;
    Some((days, i32::try_from(rest / 1_000_000).ok()?, i32::try_from(rest % 1_000_000).ok()?))
}

pub(super) fn total_seconds(days: i32, seconds: i32, micros: i32) -> f64 {
    (f64::from(days) * 86_400.0 + f64::from(seconds)) + f64::from(micros) / 1_000_000.0
}

/// The text of a date, a time, a decimal or a UUID.
pub(super) fn to_text(token: Token<'_>) -> String {
    match token {
        Token::Date(state) => date(state).map_or_else(String::new, date_text),
        Token::DateTime(state, zone) => date_time(state).map_or_else(String::new, |at| {
            format!("{}T{}{}", date_text(at.date()), time_text(at.time()), zone_text(zone))
        }),
        Token::Time(state, zone) => {
            time(state).map_or_else(String::new, |at| format!("{}{}", time_text(at), zone_text(zone)))
        }
        Token::Decimal(text) => text.to_owned(),
        Token::Uuid { int, .. } => {
            let hex = format!("{int:032x}");
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
        }
        _ => String::new(),
    }
}

fn date_text(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

fn time_text(time: Time) -> String {
    let whole = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    if time.microsecond() == 0 { whole } else { format!("{whole}.{:06}", time.microsecond()) }
}

/// `+HH:MM[:SS[.ffffff]]`. A zone of the database of time zones is named in brackets: its distance from UTC is not
/// known here.
fn zone_text(zone: Zone<'_>) -> String {
    match zone {
        Zone::Naive => String::new(),
        Zone::PytzUtc => "+00:00".to_owned(),
        Zone::Named("UTC") => "+00:00".to_owned(),
        Zone::Named(key) => format!("[{key}]"),
        Zone::Fixed { micros, .. } => {
            let (seconds, fraction) = (micros.abs() / 1_000_000, micros.abs() % 1_000_000);
            let sign = if micros < 0 { '-' } else { '+' };
            let mut text = format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
            if seconds % 60 != 0 || fraction != 0 {
                let _ = write!(text, ":{:02}", seconds % 60);
            }
            if fraction != 0 {
                let _ = write!(text, ".{fraction:06}");
            }
            text
        }
    }
}
