//! What is peculiar to encrypted cookies, and to serializers of one's own.

use std::collections::HashSet;

use jam_session::{Serializer, SessionData, SessionKey, SessionStore as _, StoreError};

use super::{NOW, draft, drawn, encrypted, signed};
use crate::TestResult;

#[tokio::test]
async fn two_cookies_of_one_session_have_nothing_in_common() -> TestResult {
    let (store, mut seen) = (encrypted(), HashSet::new());
    for _ in 0..1_000 {
        let record = store.create(&drawn(), &draft(r#"{"name":"hunter2"}"#), NOW).await?;
        let text = record.session_key.as_str();
        // Behind the version and the two times.
        assert!(text.starts_with("v1.") && seen.insert(text[26..58].to_owned()), "a nonce was used twice");
        assert!(store.accepts(text) && !signed().accepts(text));
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_of_another_version_is_no_session() -> TestResult {
    let store = encrypted();
    let cookie = store.create(&drawn(), &draft("{}"), NOW).await?.session_key;
    let rest = cookie.as_str().strip_prefix("v1").ok_or("its version")?;

    assert!(store.load(&cookie, NOW).await?.is_some());
    for version in ["v0", "v2", "v10", "V1", ""] {
        let other = SessionKey::parse(&format!("{version}{rest}"))?;
        assert!(store.load(&other, NOW).await?.is_none(), "{version}");
    }
    Ok(())
}

/// Bytes that are no text.
struct Inverted;

impl Serializer for Inverted {
    fn dumps(&self, data: &SessionData) -> Result<Vec<u8>, StoreError> {
        Ok(data.to_json().bytes().map(|byte| !byte).collect())
    }

    fn loads(&self, bytes: &[u8]) -> Result<SessionData, StoreError> {
        let text = String::from_utf8(bytes.iter().map(|byte| !byte).collect());
        text.map_err(|error| StoreError::Undecodable(error.into()))?.parse()
    }
}

#[tokio::test]
async fn a_serializer_may_write_any_bytes() -> TestResult {
    for (plain, store) in [(signed(), signed().serializer(Inverted)), (encrypted(), encrypted().serializer(Inverted))] {
        let record = store.create(&drawn(), &draft(r#"{"a":1}"#), NOW).await?;

        let loaded = store.load(&record.session_key, NOW).await?.ok_or("the session")?;
        assert_eq!(loaded.session_data.to_json(), r#"{"a":1}"#);
        // It is of our key, so it is not a stranger's: it is one that cannot be read.
        let error = plain.load(&record.session_key, NOW).await.expect_err("another serializer");
        assert!(matches!(error, StoreError::Undecodable(_)), "{error:?}");
    }
    Ok(())
}
