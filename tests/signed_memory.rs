//! What a hostile signed text may cost: the most memory at one moment, counted, and the time.

use std::time::{Duration, Instant};

use jam_session::{JsonSerializer, Limits, SecretKey, Serializer as _, Signer};
use time::OffsetDateTime;

const MEMORY: u64 = 16 << 20;
const QUICK: Duration = Duration::from_millis(100);

fn signer(secret: impl Into<SecretKey>) -> Signer {
    Signer::new(secret)
}

/// What an attacker may send, or may have had signed.
fn hostile() -> Vec<(&'static str, String)> {
    let now = OffsetDateTime::UNIX_EPOCH;
    let sign = |raw: &[u8]| signer("secret").dumps(raw, now);
    let nested = |open: &str, close: &str| format!(r#"{{"a":{}1{}}}"#, open.repeat(100_000), close.repeat(100_000));
    let good = sign(br#"{"_auth_user_id":"42"}"#);
    let bomb = sign(&vec![0; 100_000_000]);
    let (payload, rest) = good.split_once(':').expect("a signed text has colons");
    vec![
        ("100 MB of zeros, deflated", bomb.clone()),
        ("the same under another key", signer("another").dumps(&vec![0; 100_000_000], now)),
        ("the same under another salt", signer("secret").key_salt("other").dumps(&vec![0; 100_000_000], now)),
        ("lists nested 100,000 deep", sign(nested("[", "]").as_bytes())),
        ("objects nested 100,000 deep", sign(nested(r#"{"a":"#, "}").as_bytes())),
        ("a forged payload", format!("{}A:{rest}", &payload[..payload.len() - 1])),
        ("a cut text", good[..good.len() - 1].to_owned()),
        ("a cut bomb", bomb[..bomb.len() / 2].to_owned()),
        ("no signature at all", r#"{"_auth_user_id":"1"}"#.to_owned()),
        ("10 MB of noise", "A".repeat(10_000_000)),
    ]
}

#[test]
fn what_is_hostile_is_refused_quickly_and_in_little_memory() {
    let (signer, serializer) = (signer("secret"), JsonSerializer::default());
    for (what, text) in hostile() {
        let mut refused = false;
        let start = Instant::now();
        let memory = allocation_counter::measure(|| {
            let raw = signer.loads(&text, &Limits::default());
            refused = raw.is_err() || raw.is_ok_and(|raw| serializer.loads(&raw).is_err());
        });
        let took = start.elapsed();
        println!("signing: {what}: {} kB, {} ms", memory.bytes_max / 1000, took.as_millis());
        assert!(refused, "{what}");
        assert!(memory.bytes_max < MEMORY, "{what}: {} bytes", memory.bytes_max);
        assert!(took < QUICK, "{what}: {took:?}");
    }
}

/// The counter counts: what is not refused takes memory.
#[test]
fn a_session_of_a_megabyte_takes_more_than_that() {
    let json = format!(r#"{{"a":"{}"}}"#, "x".repeat(1_000_000));
    let text = signer("secret").dumps(json.as_bytes(), OffsetDateTime::UNIX_EPOCH);

    let memory = allocation_counter::measure(|| {
        let raw = signer("secret").loads(&text, &Limits::default()).expect("it is signed");
        assert_eq!(raw.len(), json.len());
    });

    assert!(memory.bytes_max > 1_000_000, "{}", memory.bytes_max);
}
