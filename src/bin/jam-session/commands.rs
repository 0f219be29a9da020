//! The commands; the clean-up has a file of its own.

use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin, stdout};

use jam_session::{BaseSession, DbStore, Driver, Raw, SessionKey, StoreError, TableStats};
use time::{Duration, OffsetDateTime};

use crate::{
    Command,
    clearsessions::clearsessions,
    failure::{Failure, sentence},
};

pub(crate) async fn run<DB: Driver>(store: &DbStore<DB>, command: &Command) -> Result<(), Failure> {
    let now = jam_session::Clock::system().now();
    match command {
        Command::Migrate { record_in_django } => migrate(store, *record_in_django, now).await,
        Command::Check => check(store).await,
        Command::Clearsessions { batch_size, dry_run: false } => clearsessions(store, now, *batch_size).await,
        Command::Clearsessions { dry_run: true, .. } => match store.count_expired(now).await {
            Ok(expired) => say(&format!("expired sessions that would be removed: {expired}")),
            Err(error) => Err(Failure::of(store, error).await),
        },
        Command::Show => show(store, now).await,
        Command::Stats => match store.stats(now).await {
            Ok(stats) => say(&report(&stats, now)),
            Err(error) => Err(Failure::of(store, error).await),
        },
        Command::Completions { .. } => Ok(()),
    }
}

/// Prints a result.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    writeln!(stdout(), "{text}").map_err(|error| Failure::Failed(format!("cannot write the result: {error}")))
}

async fn migrate<DB: Driver>(store: &DbStore<DB>, record: bool, now: OffsetDateTime) -> Result<(), Failure> {
    store.migrate().await.map_err(|error| Failure::Failed(sentence(&error)))?;
    if record && !store.record_in_django_migrations(now).await.map_err(|error| Failure::Failed(sentence(&error)))? {
        say("Django knows already, or has no tables here")?;
    }
    // A table that was there before is left as it was.
    check(store).await
}

async fn check<DB: Driver>(store: &DbStore<DB>) -> Result<(), Failure> {
    match store.check_schema().await {
        Ok(problems) if problems.is_empty() => say("the session table is as it should be"),
        Ok(problems) => Err(Failure::Schema(problems)),
        Err(error) => Err(Failure::Failed(sentence(&error))),
    }
}

/// The key comes from standard input: other users see the arguments of a program, and a shell remembers them.
async fn show<DB: Driver>(store: &DbStore<DB>, now: OffsetDateTime) -> Result<(), Failure> {
    let failed = |text: &str| Failure::Failed(text.to_owned());
    if stdin().is_terminal() {
        let _ = write!(stderr(), "session key: ");
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(|_| failed("standard input cannot be read as text"))?;
    let key = SessionKey::parse(line.trim()).map_err(|_| failed("the line on standard input is no session key"))?;
    let row = match find(store, &key).await {
        Ok(row) => row.ok_or_else(|| failed("there is no session of this key"))?,
        Err(error) => return Err(Failure::of(store, error).await),
    };
    let bytes = row.session_data.0.len();
    let (date, expired) = (text(row.expire_date), row.expire_date <= now);
    say(&format!(r#"{{"expire_date":"{date}","expired":{expired},"bytes":{bytes}}}"#))?;
    let data = store.get_decoded(&row).map_err(|error| {
        failed(&format!(
            "the session does not decode ({}); if it is signed, its secret key comes from DJANGO_SECRET_KEY or \
             `--secret-key-file`",
            sentence(&error)
        ))
    })?;
    for (name, value) in data.keys().zip(data.values()) {
        let name = Raw::new(&*name).map_err(|error| failed(&error.to_string()))?;
        say(&format!(r#"{{"name":{},"value":{}}}"#, name.as_str(), value.as_str()))?;
    }
    Ok(())
}

/// The row of a stored key, or of a cookie's whose hash is stored.
async fn find<DB: Driver>(store: &DbStore<DB>, key: &SessionKey) -> Result<Option<BaseSession>, StoreError> {
    match store.get(key).await? {
        Some(row) => Ok(Some(row)),
        None => store.get(&key.hashed()).await,
    }
}

fn text(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", at.date())
}

fn report(stats: &TableStats, now: OffsetDateTime) -> String {
    let size = |percent| stats.size_percentile(percent).map_or("-".to_owned(), |size| format!("{size} bytes"));
    let away = |at: Option<OffsetDateTime>| at.map_or("-".to_owned(), |at| length((at - now).abs()));
    let lines = [
        ("live sessions", stats.live.to_string()),
        ("expired sessions", stats.expired.to_string()),
        ("longest expired since", away(stats.oldest_expired)),
        ("first live one expires in", away(stats.first_to_expire)),
        ("half of them expire in", away(stats.median_to_expire)),
        ("last one expires in", away(stats.last_to_expire)),
        ("size, median", size(50)),
        ("size, 90 % are within", size(90)),
        ("size, 99 % are within", size(99)),
        ("size, largest", size(100)),
    ];
    lines.map(|(what, value)| format!("{:26} {value}", format!("{what}:"))).join("\n")
}

/// The two largest units that a duration has.
fn length(duration: Duration) -> String {
    let seconds = duration.whole_seconds();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}
