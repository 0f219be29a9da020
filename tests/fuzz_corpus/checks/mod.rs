//! What has to hold for any bytes, one function a target. The fuzzer calls them, and the ordinary tests call them
//! with what the fuzzer has found interesting so far.

mod cookie;
pub(crate) use cookie::cookie_header;
mod expiry;
pub(crate) use expiry::date_text;
pub(crate) mod signed;
pub(crate) use signed::signed_cookie;

use jam_session::{JsonSerializer, PickleSerializer, Serializer as _, SessionData, SessionKey, Settings, StoreError};

/// A stored text: what is read is written back as it was, and what any JSON reader takes is read.
pub(crate) fn session_data(bytes: &[u8]) {
    let serializer = JsonSerializer::default();
    match serializer.loads(bytes) {
        Ok(data) => kept(&serializer, &data),
        Err(StoreError::TooLarge { .. }) => {}
        Err(StoreError::Undecodable(_)) => {
            let object = serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|value| value.is_object());
            assert!(!object || !bytes.is_ascii(), "this is a JSON object");
        }
        Err(error) => panic!("reading failed in a way that is not the text's: {error}"),
    }
}

fn kept(serializer: &JsonSerializer, data: &SessionData) {
    let written = match serializer.dumps(data) {
        Ok(written) => written,
        // Escaped as ASCII it may be longer than what was read.
        Err(StoreError::TooLarge { .. }) => return,
        Err(error) => panic!("what was read cannot be written: {error}"),
    };
    assert!(written.is_ascii());
    let again = serializer.loads(&written).expect("what was written is read");
    assert_eq!(serializer.dumps(&again).expect("and written again"), written);

    let names: Vec<String> = data.keys().map(|name| name.into_owned()).collect();
    let mut changed = data.clone();
    for name in &names {
        let raw = data.raw(name).expect("a name has a value");
        // Whether it is a value for serde or not: no panic.
        let _ = raw.get::<serde_json::Value>();
    }
    changed.insert("a name of the check's own", &1).expect("a number is JSON");
    for name in names.iter().filter(|name| *name != "a name of the check's own") {
        assert_eq!(changed.raw(name), data.raw(name), "a value that nobody touched");
    }
}

/// A pickle: data is written so that it reads the same again, and everything else is an error.
pub(crate) fn pickle(bytes: &[u8]) {
    let mut serializer = PickleSerializer::default();
    serializer.limits.stored_bytes = 64 * 1024;
    let Ok(data) = serializer.loads(bytes) else { return };
    let written = match serializer.dumps(&data) {
        Ok(written) => written,
        // Another protocol may need more bytes than the one that it came in.
        Err(StoreError::TooLarge { .. }) => return,
        Err(error) => panic!("what was read cannot be written: {error}"),
    };
    let again = serializer.loads(&written).expect("what was written is read");
    assert!(again == data, "it does not read the same");
}

/// A key is a key or is not, and is kept as it came.
pub(crate) fn session_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match SessionKey::parse(text) {
        Ok(key) => {
            assert_eq!(key.as_str(), text);
            assert!(!format!("{key:?}").contains(text) || "SessionKey(..)".contains(text));
        }
        Err(_) => assert!(!SessionKey::is_generated(text)),
    }
}

/// Settings from a file: they are refused with a sentence, or valid ones are taken.
pub(crate) fn settings(bytes: &[u8]) {
    let Ok(settings) = serde_json::from_slice::<Settings>(bytes) else { return };
    if settings.validate().is_ok() {
        let _ = jam_session::SessionLayer::with_settings(jam_session::MemoryStore::new(), settings)
            .expect("what is valid makes a layer");
    }
}

/// A runtime whose clock is that of the machine.
fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
