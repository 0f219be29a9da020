//! Tables whose dates are local: Django's `USE_TZ = False`.

use jam_session::{DbStore, Draft, Driver, Saved, SessionKey, SessionStore as _, sqlx::Pool};
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
