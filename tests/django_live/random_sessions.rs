//! Sessions at random, of everything that JSON and Python's JSON know, from each side to the other.

use jam_session::{Draft, Driver, SessionData, SessionKey, SessionStore as _};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    django::text,
    random::Random,
    site::{Site, key_of},
    support::TestResult,
    texts,
};

/// Sessions in each direction.
const SESSIONS: u64 = 2000;
/// Sessions that one command is about.
const BATCH: u64 = 200;

/// Django writes, we read, change a name and add one; Django finds everything else as it was.
pub(crate) async fn from_django<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let (mut bytes, mut longest, mut different) = (0, 0, Vec::new());
    for first in (0..SESSIONS).step_by(BATCH as usize) {
        let seeded = json!({ "seed": site.name, "first": first, "count": BATCH });
        let rows: Vec<(String, String)> = serde_json::from_value(site.ask("write_at_random", seeded).await?)?;
        for (number, (key, stored)) in (first..).zip(&rows) {
            let session = site.open_session(key).await?;
            if session.session_data().to_json() != *stored {
                different.push(format!("{number}, read"));
            }
            session.insert("changed", &number)?;
            session.insert("added", "Jürgen 🎲")?;
            session.save().await?;
            (bytes, longest) = (bytes + stored.len(), longest.max(stored.len()));
        }
        let keys: Vec<_> = rows.into_iter().map(|(key, _)| key).collect();
        let asked = json!({ "seed": site.name, "first": first, "keys": keys });
        let wrong = site.ask("check_at_random", asked).await?;
        different.extend(wrong.as_array().into_iter().flatten().map(|number| format!("{number}, written back")));
    }
    let differences = different.len();
    site.report(format!(
        "{SESSIONS} sessions from Django and back ({bytes} bytes, up to {longest}): {differences} differences"
    ));
    assert!(different.is_empty(), "{}: {different:?}", site.name);
    assert_eq!(site.store.check_schema().await?, [], "{}: our own check of what Django wrote", site.name);
    Ok(())
}

/// We write, Django reads.
pub(crate) async fn from_us<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let (mut random, layer) = (Random::new(&site.name), site.layer()?);
    let (mut bytes, mut longest, mut different) = (0, 0, Vec::new());
    for first in (0..SESSIONS).step_by(BATCH as usize) {
        let mut rows = Vec::new();
        for number in first..first + BATCH {
            // What our own types serialize to, and what only a text can say.
            let (key, written, stored) = if number % 2 == 0 {
                let data = texts::object(&mut random, number);
                let written = Value::Object(data.clone()).to_string();
                let session = layer.create().await?;
                session.update(data)?;
                session.save().await?;
                (key_of(&session), written, session.session_data())
            } else {
                let written = texts::json(&mut random, number);
                let stored: SessionData = written.parse()?;
                (store(site, &mut random, &stored).await?, written, stored)
            };
            let stored = stored.to_json().len();
            (bytes, longest) = (bytes + stored, longest.max(stored));
            rows.push((key, written));
        }
        let wrong = site.ask("check", json!({ "rows": rows })).await?;
        different.extend(wrong.as_array().into_iter().flatten().map(|key| {
            let (_, written) =
                rows.iter().find(|(written, _)| written == text(key)).expect("one of those that we wrote");
            written.chars().take(200).collect::<String>()
        }));
    }
    let differences = different.len();
    site.report(format!("{SESSIONS} sessions from us ({bytes} bytes, up to {longest}): {differences} differences"));
    assert!(different.is_empty(), "{}: {different:?}", site.name);
    Ok(())
}

async fn store<DB: Driver>(site: &Site<DB>, random: &mut Random, data: &SessionData) -> TestResult<String> {
    let key: String = (0..32).map(|_| char::from(random.choose(b"abcdefghijklmnopqrstuvwxyz0123456789"))).collect();
    let now = site.clock.now();
    let draft = Draft::new(data.clone(), now + Duration::WEEK);
    Ok(site.store.create(&SessionKey::parse(&key)?, &draft, now).await?.session_key.as_str().to_owned())
}
