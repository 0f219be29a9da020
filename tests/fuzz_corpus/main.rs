//! What the fuzzer has found interesting, once more through its own checks, on any compiler.

use std::{fs, path::Path};

mod checks;

use checks::signed::{SECRET, signature};
use jam_session::Signer;
use time::OffsetDateTime;

/// Calls `check` with every file of the corpus `name`.
fn replay(name: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz_corpus/corpus").join(name);
    let mut files = 0;
    for entry in fs::read_dir(&corpus).expect("every target has a corpus") {
        let path = entry.expect("the directory is readable").path();
        let bytes = fs::read(&path).expect("a file of the corpus");
        let outcome = std::panic::catch_unwind(|| check(&bytes));
        assert!(outcome.is_ok(), "see {}", path.display());
        files += 1;
    }
    println!("fuzz: {name}: {files} inputs");
    assert!(files > 10, "the corpus of {name} is missing");
}

#[test]
fn what_is_stored_as_a_session_is_kept_or_refused() {
    replay("session_data", checks::session_data);
}

#[test]
fn only_what_is_signed_is_decoded() {
    replay("signed_cookie", checks::signed_cookie);
}

#[test]
fn a_date_is_a_date_or_an_error() {
    replay("date_text", checks::date_text);
}

#[test]
fn a_cookie_header_gives_the_key_that_a_plain_reading_gives() {
    replay("cookie_header", checks::cookie_header);
}

#[test]
fn a_key_is_kept_as_it_came_or_refused() {
    replay("session_key", checks::session_key);
}

#[test]
fn settings_are_valid_or_refused() {
    replay("settings", checks::settings);
}

#[test]
fn a_pickle_is_data_or_an_error() {
    replay("pickle", checks::pickle);
}

/// Without this the check of signed texts might never get past the signature.
#[test]
fn the_check_signs_as_the_signer_does() {
    let signed = Signer::new(SECRET).dumps(br#"{"a":1}"#, OffsetDateTime::UNIX_EPOCH);
    let (value, right) = signed.rsplit_once(':').expect("a signed text has colons");
    assert_eq!(signature(value), right);
}
