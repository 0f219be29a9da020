//! Files of Django's `file` engine: its traces, and a live one.

use std::{fs, process::Command, time::SystemTime};

use jam_session::{Clock, Draft, FileStore, SessionKey, SessionStore as _, Signer};
use serde_json::Value;
use time::Duration;

use super::{KEY, NOW, folder, key};
use crate::{
    TestResult, python,
    traces::{Listed, VERSIONS, at, dictionary, rows, score, signer, text, trace},
};

const LISTED: &[Listed] = &[
    Listed {
        names: &["5.2.19/expiry_int/1", "3.0.14/expiry_int/1"],
        reason: "an idle time ends a session here; Django's file engine never ends one that has it",
    },
    Listed {
        names: &["3.2.25/expiry_iso_utc/1", "3.0.14/expiry_iso_utc/1"],
        reason: "an instant is understood here; Django before 4.1 raises TypeError",
    },
];

#[tokio::test]
async fn the_files_of_django_are_read_as_it_reads_them() -> TestResult {
    let trace = trace(include_str!("../../data/django_files.json"))?;
    for version in VERSIONS {
        let mut outcomes = Vec::new();
        for row in rows(&trace, "file", version) {
            outcomes.push((text(row, "name").to_owned(), read_and_written(row, version).await?));
        }
        score(&format!("file: files {version}"), LISTED, &outcomes, 12);
    }
    Ok(())
}

async fn read_and_written(row: &Value, version: &str) -> TestResult<Result<(), String>> {
    let directory = folder();
    let store = FileStore::new(directory.path())?.signing(signer(row, version)?);
    let path = directory.path().join(text(row, "file_name"));
    fs::write(&path, text(row, "content"))?;
    fs::File::open(&path)?.set_modified(SystemTime::from(at(&row["mtime"])?))?;
    let (key, now) = (key(&text(row, "file_name")["sessionid".len()..]), at(&row["now"])?);

    let loaded = store.load(&key, now).await?;
    if row["raises"] == "TypeError" && loaded.is_none() {
        // It expired, which is what Django could not tell.
        return Ok(Ok(()));
    }
    let Some(loaded) = loaded else {
        return Ok(if row["loads"] == false { Ok(()) } else { Err("it is not live".to_owned()) });
    };
    if row["loads"] != true {
        return Ok(Err("it is live".to_owned()));
    }
    if loaded.session_data.to_json() != dictionary(row)? {
        return Ok(Err("it reads as something else".to_owned()));
    }
    // Written again, by somebody who saves at the time of the trace, it is the same file.
    let draft = Draft::new(loaded.session_data.clone(), loaded.expire_date);
    let _ = store.save(&loaded, &draft, at(&row["mtime"])?).await?;
    // An instant is in the data, whatever the time of the file.
    let same_time =
        row["dict"] == "expiry_iso_utc" || fs::metadata(&path)?.modified()? == SystemTime::from(at(&row["mtime"])?);
    let (content, theirs) = (fs::read_to_string(&path)?, text(row, "content"));
    // Two builds of zlib may compress to different bytes.
    let same = content == theirs || (content.starts_with('.') && theirs.starts_with('.'));
    Ok(if same && same_time { Ok(()) } else { Err(format!("it is written as {content}")) })
}

#[tokio::test]
async fn keys_that_are_no_keys_are_taken_as_django_takes_them() -> TestResult {
    let trace = trace(include_str!("../../data/django_files.json"))?;
    for version in VERSIONS {
        let directory = folder();
        let store = FileStore::new(directory.path())?;
        let mut outcomes = Vec::new();
        for row in rows(&trace, "odd_key", version) {
            let cookie = text(row, "cookie_key");
            let mut outcome = if store.accepts(cookie) { Err("it is accepted".to_owned()) } else { Ok(()) };
            if let Ok(key) = SessionKey::parse(cookie)
                && (store.load(&key, NOW).await?.is_some() || store.exists(&key).await?)
            {
                outcome = Err("it has a session".to_owned());
            }
            assert_eq!((text(row, "json"), &row["session_key_after"]), ("{}", &Value::Null));
            outcomes.push((text(row, "name").to_owned(), outcome));
        }
        score(&format!("file: odd keys {version}"), &[], &outcomes, 6);
    }
    Ok(())
}

/// Django's own engine takes over a session of ours, and we take it back.
#[tokio::test]
async fn a_live_django_shares_the_directory() -> TestResult {
    let Some(python) = python::with_django("5.2") else { return Ok(()) };
    let (directory, now) = (folder(), Clock::system().now());
    let store = FileStore::new(directory.path())?.signing(Signer::new("secret"));
    for json in [r#"{"name":"J\u00fcrgen","n":[1,2]}"#, r#"{"a":1,"_session_expiry":"2100-01-01T00:00:00+00:00"}"#] {
        let draft = Draft::new(json.parse()?, now + Duration::weeks(2));
        store.create(&key(KEY), &draft, now).await?;

        let output = python::run(
            Command::new(&python).arg("tests/django/engines.py").args(["file", "secret", KEY]).arg(directory.path()),
        )?;

        let theirs: Value = serde_json::from_str(&output)?;
        assert_eq!((&theirs["read"], &theirs["key"]), (&serde_json::from_str(json)?, &KEY.into()));
        let loaded = store.load(&key(KEY), Clock::system().now()).await?.ok_or("the session")?;
        assert_eq!(loaded.session_data.get::<String>("django").ok().flatten().as_deref(), Some("naïve 名前"));
        assert_eq!(loaded.session_data.len(), draft.session_data.len() + 1);
        store.delete(&key(KEY)).await?;
    }
    println!(
        "file: a live Django {} reads, changes and hands back 2 sessions",
        python::run(Command::new(&python).args(["-m", "django", "--version"]))?
    );
    Ok(())
}
