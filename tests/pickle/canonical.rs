//! One text for each value, which `tests/django/pickles.py` writes the same way: with the type of everything.

use jam_session::PickledValue;
use time::{Duration, UtcOffset};

use crate::hex;

pub(crate) fn of(value: &PickledValue) -> String {
    match value {
        PickledValue::None => "None".to_owned(),
        PickledValue::Bool(value) => format!("bool:{}", u8::from(*value)),
        PickledValue::Int(number) => format!("int:{number}"),
        PickledValue::BigInt(digits) => format!("int:{digits}"),
        PickledValue::Float(value) if value.is_nan() => "float:nan".to_owned(),
        PickledValue::Float(value) => format!("float:{}", hex(&value.to_be_bytes())),
        PickledValue::Str(text) => format!("str:{}", hex(text.as_bytes())),
        PickledValue::Surrogates(text) => format!("str:{}", hex(text)),
        PickledValue::Bytes(bytes) => format!("bytes:{}", hex(bytes)),
        PickledValue::ByteArray(bytes) => format!("bytearray:{}", hex(bytes)),
        PickledValue::List(items) => format!("list[{}]", all(items)),
        PickledValue::Tuple(items) => format!("tuple[{}]", all(items)),
        PickledValue::Set(items) => format!("set[{}]", sorted(items)),
        PickledValue::FrozenSet(items) => format!("frozenset[{}]", sorted(items)),
        PickledValue::Dict(items) => {
            let items: Vec<_> = items.iter().map(|(name, value)| format!("{}={}", of(name), of(value))).collect();
            format!("dict[{}]", items.join(","))
        }
        PickledValue::Date(date) => format!("date:{date}"),
        PickledValue::DateTime(at) => format!("datetime:{} {} naive", at.date(), clock(at.time())),
        PickledValue::AwareDateTime(at) => {
            format!("datetime:{} {} {}", at.date(), clock(at.time()), seconds(at.offset()))
        }
        PickledValue::ZonedDateTime(at, key) => format!("datetime:{} {} {key}", at.date(), clock(at.time())),
        PickledValue::Time(at, offset) => {
            format!("time:{} {}", clock(*at), offset.map_or("naive".to_owned(), seconds))
        }
        PickledValue::TimeDelta(length) => format!("timedelta:{}", micros(*length)),
        PickledValue::Decimal(text) => format!("Decimal:{text}"),
        PickledValue::Uuid(int) => format!("UUID:{int:032x}"),
        other => panic!("{other:?} has no text"),
    }
}

fn all(items: &[PickledValue]) -> String {
    items.iter().map(of).collect::<Vec<_>>().join(",")
}

fn sorted(items: &[PickledValue]) -> String {
    let mut items: Vec<_> = items.iter().map(of).collect();
    items.sort();
    items.join(",")
}

fn clock(time: time::Time) -> String {
    let (hour, minute, second, micro) = time.as_hms_micro();
    format!("{hour:02}:{minute:02}:{second:02}.{micro:06}")
}

fn seconds(offset: UtcOffset) -> String {
    offset.whole_seconds().to_string()
}

fn micros(length: Duration) -> i128 {
    length.whole_microseconds()
}
