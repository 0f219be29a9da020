//! Ending a person's sessions, which no cache may outlive.

use jam_session::{
    CachedDbStore, Draft, LocMemCache, SessionHandle, SessionKey, SessionStore, SqliteStore, UserSession,
};
use time::OffsetDateTime;

use crate::TestResult;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

#[tokio::test]
async fn the_sessions_of_a_person_end_in_the_cache_as_well() -> TestResult {
    let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
    let table: SqliteStore<UserSession> = SqliteStore::new(pool);
    table.migrate().await?;
    let store = CachedDbStore::new(table, LocMemCache::new());
    let mut keys = Vec::new();
    for (n, user) in [42, 42, 42, 42, 43].into_iter().enumerate() {
        let draft = Draft::new(format!(r#"{{"_auth_user_id":"{user}"}}"#).parse()?, NOW + time::Duration::days(1));
        keys.push(store.create(&SessionKey::parse(&format!("{n:032}"))?, &draft, NOW).await?.session_key);
    }
    let live = async || -> TestResult<Vec<bool>> {
        let mut live = Vec::new();
        for key in &keys {
            live.push(store.load(key, NOW).await?.is_some());
        }
        Ok(live)
    };
    assert_eq!(live().await?, [true; 5]);

    let handle = store.get_ref().user("43").list(None, NOW).await?.remove(0).handle;
    assert!(!store.revoke("42", &handle, NOW).await? && !store.revoke("43", &SessionHandle::from("x"), NOW).await?);
    assert!(store.revoke("43", &handle, NOW).await?);
    assert_eq!(live().await?, [true, true, true, true, false]);
    assert_eq!(store.revoke_others("42", &keys[1], NOW).await?, 3);
    assert_eq!(live().await?, [false, true, false, false, false]);
    assert_eq!(store.revoke_all("42", NOW).await?, 1);
    assert_eq!(live().await?, [false; 5]);
    Ok(())
}
