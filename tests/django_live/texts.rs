//! Session data at random: as values of serde_json, and as JSON texts that say what it cannot.

use jam_session::Raw;
use serde_json::{Map, Value, json};

use crate::random::Random;

/// Bytes that the longest text of every hundredth session is stored as.
const LONG: usize = 100_000;

/// Numbers and texts that not every JSON library takes, or gives back as they were.
const EXTREMES: &[&str] = &[
    "NaN",
    "Infinity",
    "-Infinity",
    "-0.0",
    "-0",
    "1e400",
    "1E5",
    "1e-07",
    "5e-324",
    "100000.0",
    "123456789012345678901234567890123456789012345678901234567890",
    "-18446744073709551617",
    r#""\ud800""#,
    r#""\udfff x \ud83c\udfb2 \uD83C\uDFB2""#,
    r#""\u0000\u001f\u007f\/\b\f""#,
    r#"{"\ud83c":{"\u0061":1,"a":2}}"#,
    "[ 1 ,\n\t{ } , [ ] ]",
];

/// An object of values; names and values in every alphabet.
pub(crate) fn object(random: &mut Random, number: u64) -> Map<String, Value> {
    let mut object = Map::new();
    for _ in 0..random.below(9) {
        object.insert(string(random) + "n", value(random, 4));
    }
    if number % 100 == 6 {
        let text = string(random).repeat(700);
        let escaped = Raw::new(&text).expect("a text").as_str().len();
        object.insert("long".into(), (text + &".".repeat(LONG - escaped)).into());
    }
    object
}

/// A JSON text, with blanks, doubled names and extremes.
pub(crate) fn json(random: &mut Random, number: u64) -> String {
    let mut members: Vec<_> = object(random, number - 1)
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", Value::String(name)))
        .collect();
    for _ in 0..1 + random.below(3) {
        members.push(format!("\"x{}\" : [{}]", random.below(1000), random.choose(EXTREMES)));
        members.push(format!(
            "{} :{}",
            random.choose(&[r#""\ud801""#, r#""\u00e9""#, r#""é""#]),
            random.choose(EXTREMES)
        ));
    }
    if random.below(20) == 0 {
        members.push(format!("\"deep\":{}1{}", "[".repeat(60), "]".repeat(60)));
    }
    format!("{{{}}}", members.join(", "))
}

fn value(random: &mut Random, depth: u32) -> Value {
    match random.below(if depth == 0 { 6 } else { 8 }) {
        0 => random.choose(&[Value::Null, Value::Bool(true), Value::Bool(false)].each_ref()).clone(),
        1 => json!(random.next() >> random.below(64)),
        2 => json!(-i64::try_from(random.next() >> (1 + random.below(63))).expect("63 bits")),
        3 => json!(f64::from_bits(random.next())),
        4 | 5 => string(random).into(),
        6 => (0..random.below(5)).map(|_| value(random, depth - 1)).collect(),
        _ => (0..random.below(5)).map(|_| (string(random), value(random, depth - 1))).collect::<Map<_, _>>().into(),
    }
}

/// Up to eleven characters of one alphabet.
fn string(random: &mut Random) -> String {
    let (first, last) = random.choose(&[
        (0x20, 0x7e),
        (0x00, 0x1f),
        (0x7f, 0xff),
        (0x100, 0x2fff),
        (0xe000, 0xffff),
        (0x1_f300, 0x1_faff),
        (0x20, 0x10_ffff),
    ]);
    let length = random.below(12);
    (0..length)
        .filter_map(|_| char::from_u32(first + u32::try_from(random.below((last - first + 1).into())).ok()?))
        .collect()
}
