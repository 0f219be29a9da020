//! Random values of Python.

use jam_session::PickledValue;
use time::{Date, Duration, PrimitiveDateTime, Time, UtcOffset};

use crate::random::Random;

const TEXTS: [&str; 6] = ["", "a", "Jürgen", "🎷 \u{7f}\u{0}\n\"\\", "\u{ffff}\u{d7ff}", "None"];

/// A value nested at most so deep.
pub(crate) fn value(random: &mut Random, depth: u64) -> PickledValue {
    if depth == 0 || random.below(3) > 0 {
        return scalar(random);
    }
    let length = random.below(5);
    let items = |random: &mut Random| (0..length).map(|_| value(random, depth - 1)).collect();
    match random.below(6) {
        0 => PickledValue::List(items(random)),
        1 => PickledValue::Tuple(items(random)),
        2 => PickledValue::Set(distinct(random, length)),
        3 => PickledValue::FrozenSet(distinct(random, length)),
        _ => PickledValue::Dict(
            distinct(random, length).into_iter().map(|name| (name, value(random, depth - 1))).collect(),
        ),
    }
}

/// Values that Python can hash, none of which equals another.
fn distinct(random: &mut Random, length: u64) -> Vec<PickledValue> {
    let name = |random: &mut Random, n: u64| match random.below(5) {
        0 => PickledValue::Int(n as i64),
        1 => PickledValue::Bytes(vec![n as u8]),
        2 => PickledValue::Tuple(vec![PickledValue::Int(n as i64), scalar_but_nan(random)]),
        3 => PickledValue::FrozenSet(vec![PickledValue::Str(n.to_string())]),
        _ => PickledValue::Str(format!("name {n}")),
    };
    (0..length).map(|n| name(random, n)).collect()
}

fn scalar_but_nan(random: &mut Random) -> PickledValue {
    loop {
        match scalar(random) {
            PickledValue::Float(value) if value.is_nan() => {}
            PickledValue::ByteArray(_) => {}
            value => return value,
        }
    }
}

fn scalar(random: &mut Random) -> PickledValue {
    let text = |random: &mut Random| (*random.pick(&TEXTS)).to_owned();
    match random.below(20) {
        0 => PickledValue::None,
        1 => PickledValue::Bool(random.below(2) == 0),
        2 => PickledValue::Int(random.next() as i64),
        3 => PickledValue::Int(*random.pick(&[0, 1, -1, 255, 256, -129, 65535, 65536, i64::MAX, i64::MIN])),
        4 => big(random),
        5 => PickledValue::Float(f64::from_bits(random.next())),
        6 => {
            PickledValue::Float(*random.pick(&[0.0, -0.0, 1.0, 1e16, 1e-7, f64::NAN, f64::INFINITY, -1.5e300, 5e-324]))
        }
        7 => PickledValue::Surrogates(b"a\xed\xa0\x80b\xed\xb0\x80".to_vec()),
        8 => PickledValue::Bytes(bytes(random)),
        9 => PickledValue::ByteArray(bytes(random)),
        10 => PickledValue::Date(date(random)),
        11 => PickledValue::DateTime(date_time(random)),
        12 => PickledValue::AwareDateTime(date_time(random).assume_offset(offset(random))),
        13 => PickledValue::ZonedDateTime(date_time(random), "Europe/Berlin".to_owned()),
        14 => PickledValue::Time(time(random), None),
        15 => PickledValue::Time(time(random), Some(offset(random))),
        16 => PickledValue::TimeDelta(Duration::microseconds(random.next() as i64)),
        17 => PickledValue::Decimal((*random.pick(&["1.50", "-0", "1E+28", "NaN", "-Infinity", "0.1"])).to_owned()),
        18 => PickledValue::Uuid(u128::from(random.next()) << 64 | u128::from(random.next())),
        _ => PickledValue::Str(text(random)),
    }
}

/// Beyond 64 bits.
fn big(random: &mut Random) -> PickledValue {
    let sign = if random.below(2) == 0 { "-" } else { "" };
    let digits: String = (0..random.below(800) + 20).map(|_| char::from(b'0' + random.below(10) as u8)).collect();
    PickledValue::BigInt(format!("{sign}9{digits}"))
}

fn bytes(random: &mut Random) -> Vec<u8> {
    let length = *random.pick(&[0, 1, 5, 300]);
    (0..length).map(|_| random.next() as u8).collect()
}

fn date(random: &mut Random) -> Date {
    let days = Date::MAX.to_julian_day().min(5_373_484) - 1_721_426;
    Date::from_julian_day(1_721_426 + random.below(days as u64) as i32).expect("of the years 1 to 9999")
}

fn time(random: &mut Random) -> Time {
    let micros = if random.below(2) == 0 { 0 } else { random.below(1_000_000) as u32 };
    let (hour, minute, second) = (random.below(24) as u8, random.below(60) as u8, random.below(60) as u8);
    Time::from_hms_micro(hour, minute, second, micros).expect("a time of a day")
}

fn date_time(random: &mut Random) -> PrimitiveDateTime {
    PrimitiveDateTime::new(date(random), time(random))
}

fn offset(random: &mut Random) -> UtcOffset {
    let seconds = *random.pick(&[0, 3600, -12_600, 86_399, -86_399, 1]);
    UtcOffset::from_whole_seconds(seconds).expect("less than a day")
}
