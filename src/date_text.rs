//! Dates as text: what Python's `isoformat` writes and `fromisoformat` reads, the form that Django keeps in SQLite, and
//! the one of HTTP. Written by hand because Python before 3.11 reads exactly six fraction digits
//! or none, and no `Z`, and because SQLite compares the texts.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// `YYYY-MM-DD HH:MM:SS.ffffff` in UTC; fixed width, so that texts sort as the instants do.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) fn to_column(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let mut text = String::with_capacity("YYYY-MM-DD HH:MM:SS.ffffff".len());
    push_date(&mut text, at);
    text.push(' ');
    push_clock(&mut text, at);
    text.push('.');
    push_digits(&mut text, at.microsecond().into(), 6);
    text
}

/// `YYYY-MM-DDTHH:MM:SS[.ffffff]±HH:MM` with the offset that `at` carries.
pub(crate) fn to_iso(at: OffsetDateTime) -> String {
    let mut text = String::with_capacity("YYYY-MM-DDTHH:MM:SS.ffffff+HH:MM".len());
    push_date(&mut text, at);
    text.push('T');
    push_clock(&mut text, at);
    if at.microsecond() != 0 {
        text.push('.');
        push_digits(&mut text, at.microsecond().into(), 6);
    }
    let (hours, minutes, _) = at.offset().as_hms();
    text.push(if at.offset().is_negative() { '-' } else { '+' });
    push_digits(&mut text, hours.unsigned_abs().into(), 2);
    text.push(':');
    push_digits(&mut text, minutes.unsigned_abs().into(), 2);
    text
}

/// [`to_iso`] without the offset: what `isoformat` writes of a date that has none.
pub(crate) fn to_naive_iso(at: OffsetDateTime) -> String {
    let mut text = to_iso(at);
    text.truncate(text.len() - "+00:00".len());
    text
}

/// The instant of a date in local time, whose offset at an instant `offset_at` says. An hour that clocks show twice is
/// one of the two.
pub(crate) fn to_instant(local: PrimitiveDateTime, offset_at: impl Fn(OffsetDateTime) -> UtcOffset) -> OffsetDateTime {
    // The offset of about then leads to an instant near enough to ask for the right one.
    let near = local.assume_offset(offset_at(local.assume_utc()));
    // At the ends of the calendar there is no such date in UTC: they are as good.
    let instant = local.assume_offset(offset_at(near));
    instant.checked_to_offset(UtcOffset::UTC).unwrap_or_else(|| local.assume_utc())
}

/// `Tue, 28 Nov 2023 22:13:20 GMT`, with a year of four digits (RFC 9110).
pub(crate) fn push_http(text: &mut String, at: OffsetDateTime) {
    const DAYS: [&str; 7] = ["Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "];
    const MONTHS: [&str; 12] =
        [" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "];
    let at = at.to_offset(UtcOffset::UTC);
    text.push_str(DAYS[usize::from(at.weekday().number_days_from_monday())]);
    push_digits(text, at.day().into(), 2);
    text.push_str(MONTHS[usize::from(u8::from(at.month())) - 1]);
    push_digits(text, at.year().clamp(0, 9999).unsigned_abs().into(), 4);
    text.push(' ');
    push_clock(text, at);
    text.push_str(" GMT");
}

/// A whole number, in decimal digits.
pub(crate) fn push_integer(text: &mut String, number: i64) {
    if number < 0 {
        text.push('-');
    }
    push_digits(text, number.unsigned_abs(), 1);
}

fn push_date(text: &mut String, at: OffsetDateTime) {
    if at.year() < 0 {
        text.push('-');
    }
    push_digits(text, at.year().unsigned_abs().into(), if at.year() < 0 { 3 } else { 4 });
    text.push('-');
    push_digits(text, u8::from(at.month()).into(), 2);
    text.push('-');
    push_digits(text, at.day().into(), 2);
}

fn push_clock(text: &mut String, at: OffsetDateTime) {
    push_digits(text, at.hour().into(), 2);
    text.push(':');
    push_digits(text, at.minute().into(), 2);
    text.push(':');
    push_digits(text, at.second().into(), 2);
}

/// At least `width` decimal digits. Every statement binds a date or two, and the machinery of `format!` is most of
/// what that would cost.
fn push_digits(text: &mut String, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 || digits.len() - first < width {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    digits[first..].iter().for_each(|&digit| text.push(char::from(digit)));
}

/// Reads either form: `T` or a space, any number of fraction digits, `Z`, an offset, or none of them.
pub(crate) fn parse(text: &str) -> Option<(PrimitiveDateTime, Option<UtcOffset>)> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = parse_date(date)?;
    if rest.is_empty() {
        return Some((PrimitiveDateTime::new(date, Time::MIDNIGHT), None));
    }
    let rest = rest.strip_prefix(['T', ' '])?;
    let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    Some((PrimitiveDateTime::new(date, parse_clock(clock)?), parse_zone(zone)?))
}

/// Reads a date of a database column, which is in UTC unless it says otherwise.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) fn parse_column(text: &str) -> Option<OffsetDateTime> {
    let (at, offset) = parse(text)?;
    at.assume_offset(offset.unwrap_or(UtcOffset::UTC)).checked_to_offset(UtcOffset::UTC)
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year = number(parts.next()?, 4)?;
    let month = Month::try_from(u8::try_from(number(parts.next()?, 2)?).ok()?).ok()?;
    let day = u8::try_from(number(parts.next()?, 2)?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, day).ok()
}

fn parse_clock(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let [hour, minute, second] = hms(whole)?;
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Microseconds are what databases keep; further digits are cut off as Python does.
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let micro = digits.fold(0, |micro, digit| micro * 10 + u32::from(digit - b'0'));
    Time::from_hms_micro(hour, minute, second, micro).ok()
}

fn parse_zone(text: &str) -> Option<Option<UtcOffset>> {
    let sign = match text.as_bytes() {
        [] => return Some(None),
        b"Z" => return Some(Some(UtcOffset::UTC)),
        [b'-', ..] => -1,
        _ => 1,
    };
    let [hours, minutes, seconds] = hms(&text[1..])?.map(|n| i8::try_from(n).unwrap_or(i8::MAX) * sign);
    UtcOffset::from_hms(hours, minutes, seconds).ok().map(Some)
}

/// `HH:MM` or `HH:MM:SS`.
fn hms(text: &str) -> Option<[u8; 3]> {
    let mut parts = text.split(':').map(|part| u8::try_from(number(part, 2)?).ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    parts.next().is_none().then_some([hour, minute, second])
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(all(test, any(feature = "sqlite", feature = "mysql")))]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn dates_are_written_as_python_reads_them() {
        let whole = datetime!(2023-11-28 22:13:20 UTC);
        let fraction = datetime!(2023-11-28 22:13:20.000250 +2);

        assert_eq!(to_iso(whole), "2023-11-28T22:13:20+00:00");
        assert_eq!(to_iso(fraction), "2023-11-28T22:13:20.000250+02:00");
        assert_eq!(to_column(whole), "2023-11-28 22:13:20.000000");
        assert_eq!(to_column(fraction), "2023-11-28 20:13:20.000250");
    }

    #[test]
    fn dates_are_written_as_http_has_them() {
        let text = |at| {
            let mut text = String::new();
            push_http(&mut text, at);
            text
        };

        assert_eq!(text(datetime!(2023-11-29 00:13:20 +2)), "Tue, 28 Nov 2023 22:13:20 GMT");
        assert_eq!(text(datetime!(1994-11-06 08:49:37 UTC)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(text(datetime!(0099-01-01 00:00:00 UTC)), "Thu, 01 Jan 0099 00:00:00 GMT");
    }

    #[test]
    fn numbers_are_written_with_their_sign() {
        for number in [0, 7, -10, 1_209_600, i64::MAX, i64::MIN] {
            let mut text = String::new();
            push_integer(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn dates_are_read_in_every_form_that_python_writes() {
        for (text, expected) in [
            ("2023-11-28 22:13:20", datetime!(2023-11-28 22:13:20 UTC)),
            ("2023-11-28 22:13:20.25", datetime!(2023-11-28 22:13:20.25 UTC)),
            ("2023-11-28T22:13:20.123456789Z", datetime!(2023-11-28 22:13:20.123456 UTC)),
            ("2023-11-28T22:13-03:30", datetime!(2023-11-29 01:43:00 UTC)),
            ("2023-11-28", datetime!(2023-11-28 00:00:00 UTC)),
        ] {
            assert_eq!(parse_column(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "zzzz",
            "2023-13-01",
            "2023-1-01",
            "2023-11-28X22:13:20",
            "2023-11-28 24:00:00",
            "2023-11-28 22:13:20.",
            "2023-11-28 22:13:20.1x",
            "2023-11-28 22",
            "2023-11-28 22:13:20+99:00",
            "2023-11-28 1:2:3:4",
            "ééééé",
            "2023-11-28 22:13:20+",
            "+023-11-28",
        ] {
            assert_eq!(parse_column(text), None, "{text}");
        }
    }
}
