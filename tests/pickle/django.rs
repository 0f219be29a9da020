//! Against Django: it reads the sessions that a store pickles and signs, and the store reads what Django makes of them.

use jam_session::{Limits, PickleSerializer, PickledValue, Raw, Serializer as _, SessionData, Signer, SqliteStore};
use time::{OffsetDateTime, macros::datetime};

use crate::{TestResult, python::ask_python, python_with_django};

const END: OffsetDateTime = datetime!(2030-01-02 03:04:05.678901 +2);

#[tokio::test]
async fn a_django_that_pickles_shares_its_sessions() -> TestResult {
    let Some(python) = python_with_django::with_django("5.2") else { return Ok(()) };
    let signer = Signer::new("secret");
    let store: SqliteStore = SqliteStore::connect("sqlite::memory:").await?;
    let store = store.signing(signer.clone()).serializer(PickleSerializer::default());
    let mut data: SessionData =
        r#"{"n":1,"f":1.0,"name":"J\u00fcrgen","text":"TEXT"}"#.replace("TEXT", &"x".repeat(999)).parse()?;
    data.set("pair", Raw::try_from(PickledValue::Tuple(vec![PickledValue::Int(1), PickledValue::Bytes(vec![255])]))?);
    // As `set_expiry` stores a date: a text here, a date for Django.
    data.insert("_session_expiry", "2030-01-02T03:04:05.678901+02:00")?;
    let stored = store.objects().encode(&data, OffsetDateTime::UNIX_EPOCH)?;

    let answer = ask_python(python, "sessions", format!("{}\n", stored.0))?;

    let columns: Vec<_> = answer.trim_end().split('\t').collect();
    let found = concat!(
        "dict[str:6e=int:1,str:66=float:3ff0000000000000,str:6e616d65=str:4ac3bc7267656e,str:74657874=str:",
        "TEXT,str:70616972=tuple[int:1,bytes:ff],",
        "str:5f73657373696f6e5f657870697279=datetime:2030-01-02 03:04:05.678901 7200]"
    );
    assert_eq!(columns[0], found.replace("TEXT", &"78".repeat(999)));
    assert_eq!(columns[1], "2030-01-02T03:04:05.678901+02:00");
    let theirs = PickleSerializer::default().loads(&signer.loads(columns[2], &Limits::default())?)?;
    data.set("_session_expiry", Raw::try_from(PickledValue::AwareDateTime(END))?);
    assert_eq!(theirs, data);
    println!(
        "pickle: a signed session of {} names: Django reads it, and what Django stores of it is the same",
        data.len()
    );
    Ok(())
}

/// A Django whose sessions are JSON could not write a date that it finds in its cache.
#[test]
fn in_a_cache_the_expiry_stays_the_text_that_it_is() -> TestResult {
    let data: SessionData = r#"{"a":[1,null],"_session_expiry":"2030-01-02T03:04:05+00:00"}"#.parse()?;

    let cached = PickleSerializer::default().loads(&PickleSerializer::default().dumps_for_cache(&data)?)?;
    let stored = PickleSerializer::default().loads(&PickleSerializer::default().dumps(&data)?)?;

    assert_eq!(cached, data);
    assert!(cached.is_json() && !stored.is_json());
    Ok(())
}
