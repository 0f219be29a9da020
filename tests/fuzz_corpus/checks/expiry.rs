use jam_session::{Clock, Draft, Error, MemoryStore, SessionData, SessionKey, SessionLayer, SessionStore as _};
use time::Duration;

/// A date that somebody else wrote into a session: its expiry is a date and an age, never a panic.
pub(crate) fn date_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut data = SessionData::default();
    data.insert("_session_expiry", text).expect("a text is JSON");
    super::block_on(async {
        let (store, now) = (MemoryStore::new(), Clock::system().now());
        let key = SessionKey::parse("0123456789abcdefghijklmnopqrstuv").expect("a key");
        let draft = Draft::new(data, now + Duration::weeks(2));
        store.create(&key, &draft, now).await.expect("memory takes it");
        let layer = SessionLayer::new(store);
        let session = layer.open(&key).await.expect("it is there");
        let _ = session.get_expiry_age();
        let _ = session.get_expiry_date();
        let _ = session.get_expire_at_browser_close();
        session.insert("a", &1).expect("not committed yet");
        match session.save().await {
            Ok(()) => {}
            // No date at all: the name is told, and nothing was written.
            Err(Error::WrongType { key, .. }) => assert_eq!(key, "_session_expiry"),
            Err(error) => panic!("memory takes everything: {error}"),
        }
    });
}
