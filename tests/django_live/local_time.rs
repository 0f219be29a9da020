//! A Django with `USE_TZ = False` and each of its engines: a date that one side gives a session as its own expiry is the
//! same instant for the other side.

use std::{path::Path, process::Command};

use jam_session::{
    CacheStore, CachedDbStore, Draft, FileStore, LocMemCache, SessionKey, SessionLayer, SessionStore,
    SignedCookieStore, Signer, SqliteStore,
};
use serde_json::Value;
use tempfile::TempDir;
use time::{Date, Duration, Month, OffsetDateTime, UtcOffset, Weekday, macros::offset};

use crate::{
    django::{SECRET_KEY, text},
    support::{TestResult, python},
};

/// A `TIME_ZONE` of Django's, and its offset at an instant.
type Zone = (&'static str, fn(OffsetDateTime) -> UtcOffset);

const ZONES: [Zone; 2] = [("America/Chicago", chicago), ("Asia/Kolkata", kolkata)];

fn kolkata(_at: OffsetDateTime) -> UtcOffset {
    offset!(+5:30)
}

/// Five hours after UTC from the second Sunday of March to the first Sunday of November, two o'clock there, else six.
fn chicago(at: OffsetDateTime) -> UtcOffset {
    let sunday = |month: Month, from: u8| {
        let day = Date::from_calendar_date(at.year(), month, from).expect("a day of that month");
        if day.weekday() == Weekday::Sunday { day } else { day.next_occurrence(Weekday::Sunday) }
    };
    let (begin, end) = (sunday(Month::March, 8), sunday(Month::November, 1));
    let summer = begin.midnight().assume_utc() + Duration::hours(8)..end.midnight().assume_utc() + Duration::hours(7);
    if summer.contains(&at) { offset!(-5) } else { offset!(-6) }
}

/// What one of Django's engines says of a session.
struct Said {
    key: String,
    data: String,
    /// The stored date.
    text: String,
    /// The instant that it means.
    date: OffsetDateTime,
    age: i64,
}

struct Django<'a> {
    python: &'a Path,
    engine: &'a str,
    time_zone: &'a str,
    place: &'a Path,
}

impl Django<'_> {
    fn says(&self, what: &[&str]) -> TestResult<Said> {
        let mut command = Command::new(self.python);
        command.args(["-W", "ignore", "tests/django/local_time.py", self.engine, self.time_zone, SECRET_KEY]);
        let said: Value = serde_json::from_str(&python::run(command.arg(self.place).args(what))?)?;
        let micros = i128::from(said["date"].as_i64().ok_or("an instant")?);
        Ok(Said {
            key: text(&said["key"]).to_owned(),
            data: text(&said["data"]).to_owned(),
            text: text(&said["text"]).to_owned(),
            date: OffsetDateTime::from_unix_timestamp_nanos(micros * 1000)?,
            age: said["age"].as_i64().ok_or("an age")?,
        })
    }
}

/// A session that Django ends in 90 seconds ends here at the same microsecond.
async fn from_django(django: &Django<'_>, store: &impl SessionStore, shares: bool) -> TestResult {
    let began = OffsetDateTime::now_utc();
    let said = django.says(&["write"])?;
    assert!(!said.text.contains('+') && !said.text.ends_with('Z'), "Django's dates carry no offset: {}", said.text);
    let key = if shares {
        SessionKey::parse(&said.key)?
    } else {
        let draft = Draft::new(said.data.parse()?, said.date);
        store.create(&SessionKey::parse(&said.key)?, &draft, began).await?.session_key
    };
    let last = said.date - Duration::microseconds(1);
    let at = |now| store.load(&key, now);

    let (engine, zone) = (django.engine, django.time_zone);
    let found = at(last).await?.ok_or_else(|| format!("{engine}, {zone}: it was over at once"))?;
    assert_eq!(found.expire_date, said.date, "{engine}, {zone}");
    assert!(at(said.date).await?.is_none(), "{engine}, {zone}: it lives too long");
    Ok(())
}

/// A session that we end in 90 seconds is one that Django can read, and ends there at the same microsecond.
async fn from_us(django: &Django<'_>, store: impl SessionStore, shares: bool) -> TestResult {
    let session = SessionLayer::new(store).create().await?;
    session.set_expiry(Duration::seconds(90))?;
    session.save().await?;
    let key = session.session_key().ok_or("it is stored")?;
    let (date, data) = (session.get_expiry_date()?, session.session_data().to_json());

    let said = django.says(&if shares { ["read", key.as_str()] } else { ["adopt", &data] })?;

    let (engine, zone) = (django.engine, django.time_zone);
    assert_eq!(said.text, session.require::<String>("_session_expiry")?, "{engine}, {zone}");
    assert_eq!(said.date, date, "{engine}, {zone}");
    assert!(said.age <= 90 && said.age > -3600, "{engine}, {zone}: {}", said.age);
    Ok(())
}

async fn both_ways<S: SessionStore>(django: &Django<'_>, store: impl Fn() -> S, shares: bool) -> TestResult {
    from_django(django, &store(), shares).await?;
    from_us(django, store(), shares).await?;
    println!("django: {} with USE_TZ = False in {}: both ways the same instant", django.engine, django.time_zone);
    Ok(())
}

#[tokio::test]
async fn a_date_without_an_offset_is_the_same_instant_with_every_engine() -> TestResult {
    let Some(python) = python::with_django("5.2") else { return Ok(()) };
    for (time_zone, offset_at) in ZONES {
        let place = TempDir::new()?;
        let files = FileStore::new(place.path().join("files"))?.signing(Signer::new(SECRET_KEY)).local_time(offset_at);
        let cookies = SignedCookieStore::new(Signer::new(SECRET_KEY)).local_time(offset_at);
        let table = SqliteStore::connect(&format!("sqlite:{}", place.path().join("db.sqlite3").display())).await?;
        table.migrate().await?;
        let table = table.signing(Signer::new(SECRET_KEY)).local_time(offset_at);
        let cache = CacheStore::new(LocMemCache::new()).local_time(offset_at);
        let beside = |engine| Django { python: &python, engine, time_zone, place: place.path() };

        both_ways(&beside("file"), || files.clone(), true).await?;
        both_ways(&beside("signed_cookies"), || cookies.clone(), true).await?;
        both_ways(&beside("db"), || table.clone(), true).await?;
        let cached = || CachedDbStore::new(table.clone(), LocMemCache::new());
        both_ways(&beside("cached_db"), cached, true).await?;
        // Each side has its own format in a cache, so the data are handed on.
        both_ways(&beside("cache"), || cache.clone(), false).await?;
    }
    Ok(())
}
