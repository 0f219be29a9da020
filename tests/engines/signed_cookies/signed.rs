//! What a cookie promises: who made it, when, and until when it is good.

use jam_session::{Draft, Saved, SessionKey, SessionStore, SignedCookieStore, Signer, StoreError};
use time::Duration;

use super::{NOW, done, draft, drawn, encrypted, signed};
use crate::TestResult;

/// The second in which a signed cookie of `NOW` says that it was made.
const SECOND: time::OffsetDateTime = NOW.saturating_sub(Duration::milliseconds(250));

async fn made(store: &SignedCookieStore, json: &str) -> TestResult<SessionKey> {
    Ok(store.create(&drawn(), &draft(json), NOW).await?.session_key)
}

#[tokio::test]
async fn a_signed_cookie_is_good_for_its_age_and_not_a_moment_longer() -> TestResult {
    let store = signed().cookie_age(std::time::Duration::from_secs(60));
    let cookie = made(&store, r#"{"a":1}"#).await?;

    let last = SECOND + Duration::MINUTE;
    let loaded = store.load(&cookie, last).await?.ok_or("at that age it is still good")?;
    assert_eq!(loaded.expire_date, last);
    for late in [Duration::MICROSECOND, Duration::SECOND, Duration::days(365)] {
        assert!(store.load(&cookie, last + late).await?.is_none(), "{late} too late");
    }
    // A cookie that was good when it was read, and is not any more, is not made anew.
    let late = last + Duration::SECOND;
    assert!(matches!(store.save(&loaded, &draft("{}"), late).await?, Saved::Gone));
    assert!(matches!(store.touch(&loaded, late + Duration::HOUR, late).await?, Saved::Gone));
    assert!(matches!(store.cycle(&loaded, &drawn(), &draft("{}"), late).await?, Saved::Gone));
    Ok(())
}

#[tokio::test]
async fn an_expiry_of_the_sessions_own_ends_it_sooner_and_never_later() -> TestResult {
    let day = Duration::DAY;
    for (json, lives) in [
        (r#"{"_session_expiry":60}"#, Duration::MINUTE),
        (r#"{"_session_expiry":"2023-11-15T22:13:20+00:00"}"#, day),
        (r#"{"_session_expiry":0}"#, Duration::weeks(2)),
        (r#"{"_session_expiry":99999999}"#, Duration::weeks(2)),
        (r#"{"_session_expiry":"2099-01-01T00:00:00+00:00"}"#, Duration::weeks(2)),
    ] {
        let store = signed();
        let cookie = made(&store, json).await?;

        let until = SECOND + lives;
        assert_eq!(store.load(&cookie, NOW).await?.ok_or(json)?.expire_date, until, "{json}");
        assert!(store.load(&cookie, until - Duration::MICROSECOND).await?.is_some(), "{json}");
        assert!(store.load(&cookie, until + Duration::MICROSECOND).await?.is_none(), "{json}");
    }
    Ok(())
}

#[tokio::test]
async fn an_encrypted_cookie_expires_when_it_was_told_to() -> TestResult {
    let store = encrypted();
    let record = store.create(&drawn(), &draft("{}"), NOW).await?;
    assert_eq!(record.expire_date, NOW + Duration::HOUR);

    for until in [NOW + Duration::days(400), NOW + Duration::MICROSECOND] {
        let record = done(store.touch(&record, until, NOW).await?);
        let loaded = store.load(&record.session_key, until - Duration::MICROSECOND).await?.ok_or("live")?;
        assert_eq!((loaded.expire_date, record.expire_date), (until, until));
        assert!(store.load(&record.session_key, until).await?.is_none());
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_of_a_time_to_come_is_refused() -> TestResult {
    for (store, made_at) in [(signed(), SECOND), (encrypted(), NOW)] {
        let cookie = made(&store, "{}").await?;
        for behind in [Duration::ZERO, Duration::SECOND, Duration::MINUTE] {
            assert!(store.load(&cookie, made_at - behind).await?.is_some(), "a clock {behind} behind");
        }
        for behind in [Duration::MINUTE + Duration::MICROSECOND, Duration::HOUR] {
            assert!(store.load(&cookie, made_at - behind).await?.is_none(), "a clock {behind} behind");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_of_another_key_salt_kind_or_name_is_no_session() -> TestResult {
    let data = r#"{"_auth_user_id":"1"}"#;
    let table = Signer::new("secret").dumps(data.as_bytes(), NOW);
    let theirs = [
        SessionKey::parse(&table)?,
        made(&SignedCookieStore::new(Signer::new("other")), data).await?,
        made(&SignedCookieStore::encrypted(Signer::new("other")), data).await?,
        made(&encrypted().cookie_name("another"), data).await?,
    ];
    for store in [signed(), encrypted()] {
        for cookie in &theirs {
            assert!(store.load(cookie, NOW).await?.is_none());
        }
    }
    assert!(encrypted().load(&made(&signed(), data).await?, NOW).await?.is_none());
    assert!(signed().load(&made(&encrypted(), data).await?, NOW).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_fallback_key_is_read_and_not_written() -> TestResult {
    let rotated = || Signer::new("new").fallbacks(["secret"]);
    for (old, new) in
        [(signed(), SignedCookieStore::new(rotated())), (encrypted(), SignedCookieStore::encrypted(rotated()))]
    {
        let loaded = new.load(&made(&old, r#"{"a":1}"#).await?, NOW).await?.ok_or("of a fallback")?;
        let saved = done(new.save(&loaded, &draft(r#"{"a":2}"#), NOW).await?);

        assert!(new.load(&saved.session_key, NOW).await?.is_some());
        assert!(old.load(&saved.session_key, NOW).await?.is_none(), "it is of the new key");
    }
    Ok(())
}

#[tokio::test]
async fn no_changed_cookie_is_a_session() -> TestResult {
    let mut tried = 0;
    for store in [signed(), encrypted()] {
        let cookie = made(&store, r#"{"_auth_user_id":"1","a":[1,2,3]}"#).await?;
        let text = cookie.as_str();
        for at in 0..text.len() {
            for other in [b'A', b'B', b'-', b'0', b':', b'.'] {
                let mut changed = text.as_bytes().to_vec();
                if std::mem::replace(&mut changed[at], other) == other {
                    continue;
                }
                let changed = SessionKey::parse(std::str::from_utf8(&changed)?)?;
                let loaded = store.load(&changed, NOW).await;
                assert!(matches!(loaded, Ok(None)), "byte {at} as {}: {loaded:?}", char::from(other));
                tried += 1;
            }
        }
        for length in 1..text.len() {
            assert!(store.load(&SessionKey::parse(&text[..length])?, NOW).await?.is_none(), "{length} bytes");
        }
    }
    println!("signed_cookies: {tried} changed cookies, signed and encrypted: 0 accepted");
    Ok(())
}

#[tokio::test]
async fn a_cookie_that_no_browser_keeps_is_an_error_and_nothing_is_made() -> TestResult {
    for store in [signed(), encrypted()] {
        let longest = |bytes: usize| {
            let noise: String = (0..bytes).map(|_| rand::random_range('a'..='z')).collect();
            format!(r#"{{"a":"{noise}"}}"#)
        };
        let record = store.create(&drawn(), &draft("{}"), NOW).await?;
        let (mut fits, mut refused) = (0, 0);
        for bytes in (500..20_000).step_by(499) {
            match store.save(&record, &draft(&longest(bytes)), NOW).await {
                Ok(saved) => {
                    let cookie = done(saved).session_key;
                    assert!("sessionid".len() + cookie.as_str().len() <= 4096);
                    assert!(store.load(&cookie, NOW).await?.is_some());
                    fits += 1;
                }
                Err(StoreError::TooLarge { what, size, limit }) => {
                    assert!(what.contains("cookie") && size > limit && limit == 4096);
                    refused += 1;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(fits > 0 && refused > 0, "{fits} fit, {refused} are refused");
    }
    Ok(())
}

#[tokio::test]
async fn cookies_from_before_the_instant_of_their_user_are_refused() -> TestResult {
    let logged_out = |user: &str| (user == "7").then_some(NOW + Duration::HOUR);
    for (of, make) in [("signed", signed as fn() -> SignedCookieStore), ("encrypted", encrypted)] {
        let (plain, store) = (make(), make().not_before(logged_out));
        let asked = make().not_before_async(move |user| async move { Ok(logged_out(&user)) });
        for store in [&store, &asked] {
            for (json, refused) in [
                (r#"{"_auth_user_id":"7"}"#, true),
                (r#"{"_auth_user_id":7}"#, true),
                (r#"{"_auth_user_id":"8"}"#, false),
                (r#"{"a":1}"#, false),
            ] {
                let loaded = plain.load(&made(&plain, json).await?, NOW).await?.ok_or("live")?;
                assert_eq!(store.load(&loaded.session_key, NOW).await?.is_none(), refused, "{of} {json}");
                let saved = store.save(&loaded, &draft(json), NOW).await?;
                assert_eq!(matches!(saved, Saved::Gone), refused, "{of} {json}");
            }
        }
        let later = NOW + Duration::HOUR * 2;
        let login = Draft::new(r#"{"_auth_user_id":"7"}"#.parse()?, later + Duration::HOUR);
        let again = store.create(&drawn(), &login, later).await?;
        assert!(store.load(&again.session_key, later).await?.is_some(), "{of}: a later login");
    }
    Ok(())
}

#[tokio::test]
async fn a_store_that_cannot_ask_gives_nobody_a_session() -> TestResult {
    let store = signed().not_before_async(|_| async { Err("the database is down".into()) });
    let error = store.load(&made(&signed(), r#"{"_auth_user_id":"7"}"#).await?, NOW).await.expect_err("unknown");
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    assert!(store.load(&made(&signed(), "{}").await?, NOW).await?.is_some(), "nobody to ask about");
    Ok(())
}

#[tokio::test]
async fn nothing_shows_the_session_or_the_secret() -> TestResult {
    for store in [signed(), encrypted()] {
        let record = store.create(&drawn(), &draft(r#"{"password":"hunter2"}"#), NOW).await?;
        let shown = format!("{store:?} {store:#?} {record:?} {:?} {:?}", record.session_key, record.stored);
        let cookie = record.session_key.as_str();
        assert!(!shown.contains("hunter2") && !shown.contains("\"secret\"") && !shown.contains(cookie), "{shown}");
        assert!(!shown.contains(&cookie[..24]), "{shown}");
    }
    Ok(())
}
