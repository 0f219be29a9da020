//! What the types of secrets cannot do.

use std::{borrow::Borrow, fmt::Display, marker::PhantomData, ops::Deref, str::FromStr};

use jam_session::{
    CacheStore, CachedDbStore, DjangoCache, Draft, ErasedStore, FileStore, LazySession, LocMemCache, MemoryStore,
    MySqlStore, NamedSession, PostgresStore, Record, RedisCache, SecretKey, Session, SessionData, SessionKey,
    SessionLayer, SessionMiddleware, SignedCookieStore, Signer, SqliteStore, StoredText, UserSession,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    TestResult,
    support::{cookie_of, key_in, page, send},
};

/// Whether a type implements a trait, as a value: the constant of the type itself comes before that of the trait.
macro_rules! implements {
    ($type:ty: $($bound:tt)+) => {{
        struct Of<T: ?Sized>(PhantomData<T>);
        #[allow(dead_code, reason = "where the type implements it")]
        trait Otherwise {
            const YES: bool = false;
        }
        impl<T: ?Sized> Otherwise for Of<T> {}
        #[allow(dead_code, reason = "where the type does not implement it")]
        impl<T: ?Sized + $($bound)+> Of<T> {
            const YES: bool = true;
        }
        let _ = PhantomData::<Of<$type>>;
        <Of<$type>>::YES
    }};
}

#[test]
fn the_question_has_both_answers() {
    assert!(implements!(String: Display) && implements!(String: Serialize) && implements!(String: Into<String>));
    assert!(!implements!(Vec<u8>: Display) && !implements!(std::io::Error: Serialize));
}

#[test]
fn nothing_with_a_key_or_a_secret_can_be_printed_or_serialized() {
    let mut asked = 0;
    macro_rules! mute {
        ($($type:ty),+ $(,)?) => {$(
            assert!(!implements!($type: Display), "{}: Display", stringify!($type));
            assert!(!implements!($type: Serialize), "{}: Serialize", stringify!($type));
            assert!(!implements!($type: Into<String>), "{}: Into<String>", stringify!($type));
            asked += 1;
        )+};
    }
    mute!(
        SessionKey,
        SecretKey,
        Signer,
        Session,
        LazySession,
        NamedSession<()>,
        SessionLayer,
        SessionMiddleware<()>,
        Record,
        Draft,
        StoredText,
        SessionData,
        UserSession,
        MemoryStore,
        FileStore,
        SqliteStore,
        PostgresStore,
        MySqlStore,
        SignedCookieStore,
        CacheStore<LocMemCache>,
        CachedDbStore<MemoryStore, LocMemCache>,
        DjangoCache<MemoryStore, LocMemCache>,
        ErasedStore,
        LocMemCache,
        RedisCache,
    );
    assert_eq!(asked, 25);
}

#[test]
fn a_key_becomes_text_where_it_says_so_alone() {
    assert!(!implements!(SessionKey: AsRef<str>) && !implements!(SessionKey: AsRef<[u8]>));
    assert!(!implements!(SessionKey: Borrow<str>) && !implements!(SessionKey: Deref<Target = str>));
    assert!(!implements!(SecretKey: AsRef<[u8]>) && !implements!(SecretKey: Borrow<[u8]>));
    assert!(!implements!(SecretKey: PartialEq) && !implements!(Signer: PartialEq));
}

#[test]
fn no_text_becomes_a_key_in_passing() {
    assert!(!implements!(SessionKey: From<String>) && !implements!(SessionKey: From<&'static str>));
    assert!(!implements!(SessionKey: FromStr) && !implements!(SessionKey: DeserializeOwned));
    assert!(!implements!(SessionKey: Default));
}

#[tokio::test]
async fn whoever_chooses_a_key_gets_another() -> TestResult {
    let chosen = SessionKey::parse("abcdefghijklmnopqrstuvwxyz012345")?;
    let layer = SessionLayer::new(MemoryStore::new());

    let opened = layer.open(&chosen).await?;
    opened.insert("n", &1)?;
    opened.save().await?;
    assert!(opened.session_key().is_some_and(|key| key != chosen));

    let app = page(layer.clone(), |session: Session| async move { session.cycle_key() });
    let answer = send(&app, "/", &format!("sessionid={}", chosen.as_str())).await;
    assert_ne!(key_in(&cookie_of(&answer).ok_or("a new session")?), chosen);
    assert!(!layer.exists(&chosen).await?);
    Ok(())
}
