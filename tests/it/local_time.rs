//! Tables whose dates are local: Django's `USE_TZ = False`.

use jam_session::{
    Clock, DbStore, Draft, Driver, ErasedStore, Saved, SessionKey, SessionLayer, SessionStore as _, sqlx::Pool,
};
use time::{
    Duration, OffsetDateTime, UtcOffset,
    macros::{datetime, offset},
};

use crate::support::TestResult;

/// Berlin in 2024: summer time from 31 March to 27 October, one o'clock in UTC.
fn berlin(at: OffsetDateTime) -> UtcOffset {
    let summer = datetime!(2024-03-31 01:00 UTC)..datetime!(2024-10-27 01:00 UTC);
    if summer.contains(&at) { offset!(+2) } else { offset!(+1) }
}

fn key() -> TestResult<SessionKey> {
    Ok(SessionKey::parse("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk")?)
}

/// A case of `databases.rs`.
pub(crate) async fn in_local_time_sessions_live_as_long_as_elsewhere<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let plain = DbStore::<DB>::new(pool.clone());
    plain.migrate().await?;
    let store = plain.clone().local_time(berlin);
    for now in [datetime!(2024-01-15 12:00 UTC), datetime!(2024-07-15 12:00:00.25 UTC), datetime!(2024-03-30 12:00 UTC)]
    {
        let expires = now + Duration::DAY;
        let loaded = store.create(&key()?, &Draft::new(r#"{"a":1}"#.parse()?, expires), now).await?;
        let last = expires - Duration::MICROSECOND;
        assert_eq!(store.load(&key()?, last).await?.ok_or("it lives on")?.expire_date, expires);
        assert!(store.load(&key()?, expires).await?.is_none(), "it ends then");

        let later = expires + Duration::HOUR;
        let Saved::Done(touched) = store.touch(&loaded, later, now).await? else { panic!("nobody else wrote") };
        let draft = Draft::new(r#"{"a":2}"#.parse()?, later);
        assert!(matches!(store.save(&touched, &draft, expires).await?, Saved::Done(_)));
        assert_eq!(store.get(&key()?).await?.ok_or("the row")?.expire_date, later);
        let local = plain.get(&key()?).await?.ok_or("the row")?.expire_date;
        let ahead = if DB::KEEPS_INSTANTS { 0 } else { i64::from(berlin(later).whole_hours()) };
        assert_eq!(local - later, Duration::hours(ahead), "the column is ahead of UTC");

        assert_eq!(store.clear_expired(later).await?, 0);
        assert_eq!(store.clear_expired(later + Duration::MICROSECOND).await?, 1);
    }
    Ok(())
}

/// A case of `databases.rs`.
pub(crate) async fn in_local_time_the_date_that_a_session_has_as_its_expiry_carries_no_offset<DB: Driver>(
    pool: &Pool<DB>,
) -> TestResult {
    let store = DbStore::<DB>::new(pool.clone()).local_time(berlin);
    store.migrate().await?;
    let clock = Clock::from_fn(|| datetime!(2024-07-15 12:00:00.25 UTC));
    let layer = SessionLayer::new(ErasedStore::new(store)).clock(clock);
    let session = layer.create().await?;
    for (expires, text) in [
        (datetime!(2024-08-01 10:00 UTC), "2024-08-01T12:00:00"),
        (datetime!(2024-12-24 12:00:00.000001 -5), "2024-12-24T18:00:00.000001"),
    ] {
        session.set_expiry(expires)?;
        session.save().await?;
        assert_eq!(session.get::<String>("_session_expiry")?.as_deref(), Some(text));

        let again = layer.open(&session.session_key().ok_or("it is stored")?).await?;
        assert_eq!((again.get_expiry_date()?, again.expire_date()), (expires, Some(expires)));
        assert_eq!(
            again.get_expiry_age()?,
            Duration::seconds((expires - datetime!(2024-07-15 12:00:00.25 UTC)).whole_seconds())
        );
    }
    session.set_expiry(Duration::minutes(1))?;
    assert_eq!(session.get::<String>("_session_expiry")?.as_deref(), Some("2024-07-15T14:01:00.250000"));
    Ok(())
}
