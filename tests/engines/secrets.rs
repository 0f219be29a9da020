//! Nothing that is logged, and no error, contains a key, a cookie or a value.

use jam_session::{
    Draft, Error, FileStore, SessionKey, SessionLayer, SessionStore, SignedCookieStore, Signer, testing::TestClock,
};
use std::time::Duration;

use crate::{TestResult, log::Log};

const VALUE: &str = "hunter2";

/// Uses a session, then damages it, lets it expire, and asks for more than the store can keep.
async fn lived_through(
    store: impl SessionStore + Clone,
    damaged: impl Fn(&SessionKey) -> SessionKey,
) -> TestResult<Vec<String>> {
    let clock = TestClock::new();
    let layer = SessionLayer::new(store.clone()).clock(clock.clock());
    let session = layer.create().await?;
    session.insert("password", VALUE)?;
    session.save().await?;
    let key = session.session_key().ok_or("a key")?;
    let mut secrets = vec![VALUE.to_owned(), key.as_str().to_owned()];
    let damaged = damaged(&key);
    secrets.push(damaged.as_str().to_owned());

    assert!(layer.open(&damaged).await?.is_empty());
    let noise: String = (0..2_000_000).map(|_| rand::random_range('a'..='z')).collect();
    session.insert("noise", &noise)?;
    let error = session.save().await.expect_err("it is too large");
    assert!(matches!(error, Error::Store(_)));
    let shown = format!("{error} {error:?} {session:?} {layer:?}");
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    clock.advance(Duration::from_secs(3600 * 24 * 99));
    assert!(layer.open(&key).await?.is_empty());
    store.clear_expired(clock.now()).await?;
    Ok(secrets)
}

#[tokio::test]
async fn nothing_that_is_logged_contains_a_key_or_a_value() -> TestResult {
    let log = Log::of_all_threads();
    let parent = tempfile::tempdir()?;
    let directory = parent.path().join("sessions");
    let mut secrets = lived_through(FileStore::new(&directory)?, |key| {
        let other = SessionKey::parse(&key.as_str().chars().rev().collect::<String>()).expect("a key");
        std::fs::write(directory.join(format!("sessionid{}", other.as_str())), "damaged").expect("a file");
        other
    })
    .await?;
    let signer = || Signer::new("secret");
    for store in [SignedCookieStore::new(signer()), SignedCookieStore::encrypted(signer())] {
        let changed = |key: &SessionKey| {
            let text = key.as_str();
            SessionKey::parse(&format!("{}{}", &text[..text.len() - 1], if text.ends_with('A') { 'B' } else { 'A' }))
                .expect("a cookie")
        };
        secrets.extend(lived_through(store, changed).await?);
    }
    let store = SignedCookieStore::new(signer());
    let now = TestClock::new().now();
    let draft = Draft::new(r#"{"password":"hunter2"}"#.parse()?, now);
    let early = store.create(&SessionKey::parse("a")?, &draft, now).await?.session_key;
    assert!(store.load(&early, now - time::Duration::HOUR).await?.is_none(), "of a time to come");
    secrets.push(early.as_str().to_owned());

    let lines: Vec<_> = log.take().into_iter().filter(|line| line.contains("jam_session")).collect();

    assert!(lines.len() >= 3, "{lines:?}");
    for line in &lines {
        assert!(secrets.iter().all(|secret| !line.contains(&secret[..secret.len().min(20)])), "{line}");
    }
    Ok(())
}
