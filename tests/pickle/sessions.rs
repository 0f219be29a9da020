//! What a handler sees of values that JSON has no word for.

use std::collections::{BTreeSet, HashMap};

use jam_session::{JsonSerializer, PickleSerializer, PickledValue, Raw, Serializer as _, SessionData, StoreError};
use serde::Deserialize;
use serde_json::json;
use time::macros::{date, datetime};

use crate::{TestResult, bombs::session};

fn read(value: &[u8]) -> TestResult<Raw> {
    let data = PickleSerializer::default().loads(&session(value))?;
    Ok(data.raw("v").ok_or("the value")?.clone())
}

fn raw(value: PickledValue) -> TestResult<Raw> {
    Ok(Raw::try_from(value)?)
}

#[test]
fn what_json_holds_is_json_and_keeps_its_type() -> TestResult {
    for (pickled, json) in [
        (&b"K\x01"[..], "1"),
        (b"G\x3f\xf0\x00\x00\x00\x00\x00\x00", "1.0"),
        (b"\x88", "true"),
        (b"N", "null"),
        (b"G\x7f\xf8\x00\x00\x00\x00\x00\x00", "NaN"),
        (b"X\x03\x00\x00\x00\xed\xa0\x80", r#""\ud800""#),
        (b"](K\x01}\x8c\x01a]se", r#"[1,{"a":[]}]"#),
    ] {
        let raw = read(pickled)?;
        assert!(raw.is_json() && raw.pickled().is_none(), "{json}");
        assert_eq!(raw.as_str(), json);
    }
    assert_eq!(raw(PickledValue::Int(1))?, Raw::new(&1)?);
    assert_ne!(raw(PickledValue::Float(1.0))?, Raw::new(&1)?);
    Ok(())
}

#[test]
fn what_json_does_not_hold_is_none_of_it() -> TestResult {
    for (pickled, nearest) in [
        (&b"K\x01\x85"[..], "[1]"),
        (b"C\x02\x00\xff", "[0,255]"),
        (b"\x8f(K\x01\x90", "[1]"),
        (b"}K\x01K\x02s", r#"{"1":2}"#),
        (b"](K\x01)e", "[1,[]]"),
        // Read as JSON these two would be one character.
        (b"X\x06\x00\x00\x00\xed\xa0\xbd\xed\xb8\x80", r#""\ud83d\ude00""#),
    ] {
        let raw = read(pickled)?;
        assert!(!raw.is_json() && raw.pickled().is_some(), "{nearest}");
        assert_eq!(raw.as_str(), nearest);
    }
    Ok(())
}

#[derive(Deserialize, PartialEq, Debug)]
enum Plan {
    Free,
    Paid(u32),
}

#[derive(Deserialize, PartialEq, Debug)]
struct Visit {
    at: String,
    plans: (Plan, Plan),
    note: Option<String>,
}

#[test]
fn typed_accessors_read_every_kind_of_value() -> TestResult {
    let at = PickledValue::AwareDateTime(datetime!(2023-11-14 22:13:20.25 +2));
    assert_eq!(raw(at)?.get::<String>()?, "2023-11-14T22:13:20.250000+02:00");
    assert_eq!(raw(PickledValue::Date(date!(2023 - 11 - 14)))?.get::<String>()?, "2023-11-14");
    assert_eq!(raw(PickledValue::Decimal("1.50".into()))?.get::<String>()?, "1.50");
    assert_eq!(raw(PickledValue::Uuid(5))?.get::<String>()?, "00000000-0000-0000-0000-000000000005");
    assert_eq!(raw(PickledValue::TimeDelta(time::Duration::milliseconds(-1500)))?.get::<f64>()?, -1.5);
    assert_eq!(raw(PickledValue::Bytes(vec![1, 255]))?.get::<Vec<u8>>()?, [1, 255]);
    let numbers = vec![PickledValue::Int(2), PickledValue::Int(1)];
    assert_eq!(raw(PickledValue::Set(numbers.clone()))?.get::<BTreeSet<u8>>()?, BTreeSet::from([1, 2]));
    assert_eq!(raw(PickledValue::Tuple(numbers.clone()))?.get::<(u8, i64)>()?, (2, 1));
    assert_eq!(raw(PickledValue::Tuple(numbers))?.get::<serde_json::Value>()?, json!([2, 1]));
    let big = PickledValue::Tuple(vec![PickledValue::BigInt(u128::MAX.to_string())]);
    assert_eq!(raw(big.clone())?.get::<(u128,)>()?, (u128::MAX,));
    assert_eq!(raw(big)?.get::<(String,)>()?, (u128::MAX.to_string(),));
    let names = PickledValue::Dict(vec![(PickledValue::Int(-7), PickledValue::None)]);
    assert_eq!(raw(names)?.get::<HashMap<i8, Option<u8>>>()?, HashMap::from([(-7, None)]));

    let text = |text: &str| PickledValue::Str(text.to_owned());
    let paid = PickledValue::Dict(vec![(text("Paid"), PickledValue::Int(3))]);
    let visit = PickledValue::Dict(vec![
        (text("at"), PickledValue::DateTime(datetime!(2023-11-14 22:13:20))),
        (text("plans"), PickledValue::Tuple(vec![text("Free"), paid])),
        (text("note"), PickledValue::None),
    ]);
    let expected = Visit { at: "2023-11-14T22:13:20".to_owned(), plans: (Plan::Free, Plan::Paid(3)), note: None };
    assert_eq!(raw(visit)?.get::<Visit>()?, expected);
    Ok(())
}

#[test]
fn a_value_of_another_type_is_an_error_that_does_not_quote_it() -> TestResult {
    let secret = raw(PickledValue::Tuple(vec![PickledValue::Str("swordfish".to_owned())]))?;

    for why in [secret.get::<u32>().err(), secret.get::<(u32,)>().err(), secret.get::<(String, u8)>().err()] {
        let why = why.ok_or("it is of another type")?;
        assert!(why.to_string().starts_with("not a ") && !format!("{why:?}").contains("swordfish"), "{why:?}");
    }
    assert!(secret.get::<()>().is_err() && secret.get::<[u8; 0]>().is_err());
    assert!(!format!("{secret:?}").contains("swordfish"));
    Ok(())
}

#[test]
fn what_python_could_not_make_is_refused() {
    let nested = (0..65).fold(PickledValue::Tuple(vec![]), |inner, _| PickledValue::Tuple(vec![inner]));
    for value in [
        nested,
        PickledValue::BigInt("1x".into()),
        PickledValue::Decimal("one".into()),
        PickledValue::Surrogates(vec![0xff]),
        PickledValue::Date(date!(0000 - 01 - 01)),
        PickledValue::Set(vec![PickledValue::List(vec![])]),
        PickledValue::Dict(vec![(PickledValue::Tuple(vec![PickledValue::ByteArray(vec![])]), PickledValue::None)]),
    ] {
        assert!(Raw::try_from(value).is_err());
    }
}

#[test]
fn json_is_not_made_of_what_it_cannot_hold() -> TestResult {
    let mut data: SessionData = r#"{"a":1}"#.parse()?;
    data.set("when", raw(PickledValue::Date(date!(2023 - 11 - 14)))?);

    let why = JsonSerializer::default().dumps(&data).err().ok_or("a date is no JSON")?;

    assert!(matches!(why, StoreError::Unsupported(_)));
    assert!(why.to_string().contains("PickleSerializer"), "{why}");
    assert_eq!(data.to_json(), r#"{"a":1,"when":"2023-11-14"}"#);
    Ok(())
}
