//! What is forged, cut, oversized or malicious is refused, and costs next to nothing.

use std::time::{Duration, Instant};

use jam_session::{JsonSerializer, Legacy, Limits, Serializer as _, Signer, SigningError, StoreError};
use time::OffsetDateTime;

use super::{signer, text, trace};
use crate::support::TestResult;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

/// More than any of these takes, on any machine: what is refused is refused quickly.
const QUICK: Duration = Duration::from_millis(100);

/// A session that is worth compressing, and one that is not.
const SESSIONS: [&str; 2] =
    [r#"{"_auth_user_id":"42","a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#, r#"{"a":1}"#];

fn refused(signer: &Signer, text: &str) -> bool {
    signer.loads(text, &Limits::default()) == Err(SigningError::BadSignature)
}

#[test]
fn no_character_can_be_changed_left_out_or_added() {
    for mode in [Legacy::Read, Legacy::Write] {
        let signer = Signer::new("secret").legacy(mode);
        for session in SESSIONS {
            let good = signer.dumps(session.as_bytes(), NOW);
            assert_eq!(signer.loads(&good, &Limits::default()).as_deref(), Ok(session.as_bytes()));
            for at in 0..good.len() {
                let (before, after) = (&good[..at], &good[at + 1..]);
                for other in ["A", "z", "_", ":", "."].into_iter().filter(|other| !good[at..].starts_with(other)) {
                    assert!(refused(&signer, &format!("{before}{other}{after}")), "{at} became {other}");
                }
                assert!(refused(&signer, before), "cut at {at}");
                assert!(refused(&signer, &format!("{before}{after}")), "without {at}");
                assert!(refused(&signer, &format!("{before}\n{}", &good[at..])), "a line break at {at}");
            }
            for more in ["=", "A", "\n", " ", ":"] {
                assert!(refused(&signer, &format!("{good}{more}")), "{more:?} behind");
            }
        }
    }
}

#[test]
fn another_key_and_another_salt_are_refused_in_every_pair() {
    let now = NOW;
    // Salt and key are joined without a separator; "a" + "bc" is not to be "ab" + "c".
    let (keys, salts) = (["a", "ab", "abc"], ["x.A", "x.B", "y.A", "y.Ab"]);
    for (key, salt) in keys.into_iter().flat_map(|key| salts.map(|salt| (key, salt))) {
        let text = Signer::new(key).key_salt(salt).dumps(b"{}", now);
        for (other_key, other_salt) in keys.into_iter().flat_map(|key| salts.map(|salt| (key, salt))) {
            let same = (key, salt) == (other_key, other_salt);
            assert_eq!(refused(&Signer::new(other_key).key_salt(other_salt), &text), !same, "{key} {salt}");
        }
    }
}

#[test]
fn a_fallback_is_read_until_it_is_removed_and_never_written() {
    let (old, older) = (Signer::new("old"), Signer::new("older"));
    let signer = Signer::new("new").fallbacks(["old", "older"]);
    for before in [&old, &older] {
        assert!(signer.loads(&before.dumps(b"{}", NOW), &Limits::default()).is_ok());
        assert!(refused(before, &signer.dumps(b"{}", NOW)));
    }
    let signer = signer.fallbacks(["old"]);
    assert!(signer.loads(&old.dumps(b"{}", NOW), &Limits::default()).is_ok());
    assert!(refused(&signer, &older.dumps(b"{}", NOW)));
}

#[test]
fn what_rests_on_sha_1_is_refused_unless_it_is_asked_for() {
    let old = Signer::new("secret").legacy(Legacy::Write).dumps(b"{}", NOW);

    assert!(refused(&Signer::new("secret"), &old));
    assert!(Signer::new("secret").legacy(Legacy::Read).loads(&old, &Limits::default()).is_ok());
}

/// Every one of these texts fails in some decoder once its signature is right. Were a decoder asked first, the error
/// of a forgery would be the decoder's.
#[test]
fn nothing_is_decoded_before_its_signature_is_verified() -> TestResult {
    let (rows, mut compared) = (trace(include_str!("../../data/django_decode_cases.json"))?, 0);
    for row in rows.iter().filter(|row| row["secret"] == "ascii") {
        let (signed, signer) = (text(row, "session_data"), signer(row)?);
        let Err(error) = signer.loads(signed, &Limits::default()) else { continue };
        if error == SigningError::BadSignature {
            continue;
        }
        assert!(refused(&Signer::new("another secret"), signed), "{}", row["name"]);
        let forged = format!("{}{}", &signed[..signed.len() - 43], "A".repeat(43));
        assert!(refused(&signer, &forged), "{}", row["name"]);
        compared += 1;
    }
    println!("signing: verified before decoded: {compared} texts");
    assert!(compared > 10);
    Ok(())
}

#[test]
fn a_bomb_is_stopped_where_the_limit_is() {
    let signer = Signer::new("secret");
    let bomb = signer.dumps(&vec![0; 100_000_000], NOW);
    assert!(bomb.len() < 200_000, "100 MB in {} bytes", bomb.len());

    let start = Instant::now();
    let error = signer.loads(&bomb, &Limits::default());
    assert!(start.elapsed() < QUICK, "{:?}", start.elapsed());

    // No more was inflated than it takes to know.
    let limit = Limits::default().stored_bytes;
    let what = "the number of bytes of the session";
    assert_eq!(error, Err(SigningError::TooLarge { what, size: limit + 1, limit }));
}

#[test]
fn a_text_that_is_too_long_is_not_looked_at() {
    let mut limits = Limits::default();
    limits.stored_bytes = 1000;
    for mode in [Legacy::Refuse, Legacy::Write] {
        let signer = Signer::new("secret").legacy(mode);
        let size_of = |length: usize| signer.loads(&"A".repeat(length), &limits);
        assert_eq!(size_of(1756), Err(SigningError::BadSignature));
        assert!(matches!(size_of(1757), Err(SigningError::TooLarge { size: 1757, .. })));
        // What fits is never refused for the length of its text.
        let noise: Vec<u8> = (0..1000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(signer.loads(&signer.dumps(&noise, NOW), &limits), Ok(noise.clone()));
        let more = [&noise[..], b"x"].concat();
        assert!(matches!(
            signer.loads(&signer.dumps(&more, NOW), &limits),
            Err(SigningError::TooLarge { size: 1001, .. })
        ));
    }
}

#[test]
fn a_value_nested_100_000_deep_is_refused() -> TestResult {
    let signer = Signer::new("secret");
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let json = format!(r#"{{"a":{}1{}}}"#, open.repeat(100_000), close.repeat(100_000));
        let text = signer.dumps(json.as_bytes(), NOW);

        let start = Instant::now();
        let raw = signer.loads(&text, &Limits::default())?;
        let error = JsonSerializer::default().loads(&raw).expect_err("it is nested too deep");
        assert!(start.elapsed() < QUICK, "{:?}", start.elapsed());
        assert!(matches!(error, StoreError::Undecodable(_)), "{error:?}");
    }
    Ok(())
}

#[test]
#[should_panic(expected = "a secret key is empty")]
fn an_empty_secret_is_refused() {
    let _ = Signer::new("");
}

#[test]
#[should_panic(expected = "a secret key is empty")]
fn an_empty_fallback_is_refused() {
    let _ = Signer::new("secret").fallbacks(["old", ""]);
}

#[test]
fn nothing_shows_a_secret() {
    let signer = Signer::new("swordfish").fallbacks(["mackerel"]);
    let shown = format!("{signer:?} {:#?} {}", signer.clone(), SigningError::BadSignature);

    assert!(!shown.contains("swordfish") && !shown.contains("mackerel"), "{shown}");
    assert!(shown.contains("django.contrib.sessions.SessionStore") && shown.contains("fallbacks: 1,"), "{shown}");
}
