//! Messages that one side leaves are what the other takes.

use std::process::Command;

use jam_session::{
    DjangoMessage, DjangoMessages, Error, MemoryStore, Session, SessionKey, SessionLayer, Signer, SqliteStore, sqlx,
};
use serde_json::{Value, json};

use crate::support::{
    TestResult,
    databases::{self, Scratch},
    python,
};

const SECRET_KEY: &str = "a secret key of this test";
const MESSAGES: &str = "_messages";

/// A table that Django reads, too, and its messages.
struct Table {
    sessions: SessionLayer,
    scratch: Scratch<sqlx::Sqlite>,
}

impl Table {
    async fn new() -> TestResult<Option<Self>> {
        let Some(scratch) = databases::sqlite().await else { return Ok(None) };
        let store: SqliteStore = SqliteStore::new(scratch.pool.clone()).signing(Signer::new(SECRET_KEY));
        store.migrate().await?;
        Ok(python::with_django("5.2").is_some().then(|| Self { sessions: SessionLayer::new(store), scratch }))
    }

    fn django(&self, key: &str, messages: Option<&Value>) -> TestResult<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django/messages.py");
        let mut command = Command::new(python::with_django("5.2").ok_or("it was there")?);
        command.args([script, self.scratch.url.trim_start_matches("sqlite:"), SECRET_KEY, key]);
        Ok(python::run(command.args(messages.map(Value::to_string)))?)
    }

    async fn open(&self, key: &str) -> TestResult<Session> {
        Ok(self.sessions.open(&SessionKey::parse(key)?).await?)
    }
}

/// Level, text, extra tags, and whether the text is HTML.
fn examples() -> Value {
    json!([
        [25, "saved", "", false],
        [40, "\"quoted\" & <b>ünïcode</b> \u{1f3b7}\u{7f}\n\\", "wide blinking", false],
        [20, "<b>bold</b>", "", true],
        [10, "for developers", "", false],
        [17, "a level of the application's own", "own", false],
    ])
}

fn message(row: &Value) -> DjangoMessage {
    let mut message = DjangoMessage::new(row[0].as_i64().unwrap_or_default(), row[1].as_str().unwrap_or_default());
    message.extra_tags = row[2].as_str().unwrap_or_default().to_owned();
    message.safe = row[3] == true;
    message
}

#[tokio::test]
async fn what_django_leaves_is_taken_once() -> TestResult {
    let Some(table) = Table::new().await? else { return Ok(()) };
    let key = table.django("", Some(&examples()))?;

    let session = table.open(&key).await?;
    let taken = DjangoMessages::of(&session).take()?;
    session.save().await?;

    let expected: Vec<_> = examples().as_array().into_iter().flatten().map(message).collect();
    assert_eq!(taken, expected);
    let again = table.open(&key).await?;
    assert!(DjangoMessages::of(&again).take()?.is_empty() && !again.contains_key(MESSAGES));
    assert_eq!(table.django(&key, None)?, "[[], false]");
    Ok(())
}

#[tokio::test]
async fn what_is_left_here_django_takes_and_would_have_written_so() -> TestResult {
    let Some(table) = Table::new().await? else { return Ok(()) };
    let theirs = table.open(&table.django("", Some(&examples()))?).await?;
    let session = table.sessions.create().await?;
    let messages = DjangoMessages::of(&session);
    for row in examples().as_array().into_iter().flatten() {
        messages.add(&message(row))?;
    }
    messages.add(&DjangoMessage::new(40, ""))?;
    session.save().await?;

    assert_eq!(session.get_raw(MESSAGES), theirs.get_raw(MESSAGES));
    let key = session.session_key().ok_or("it is saved")?;
    let printed: Value = serde_json::from_str(&table.django(key.as_str(), None)?)?;
    assert_eq!(printed, json!([examples(), false]));
    assert!(table.open(key.as_str()).await?.get_raw(MESSAGES).is_none());
    Ok(())
}

#[tokio::test]
async fn messages_that_are_left_at_once_are_those_that_are_left_one_by_one() -> TestResult {
    let sessions = SessionLayer::new(MemoryStore::new());
    let left: Vec<_> =
        examples().as_array().into_iter().flatten().map(message).chain([DjangoMessage::new(40, "")]).collect();
    for before in ["", "[]", "  [ ] ", "[\n]", "[[\"__json_message\", 0, 20, \"first\"]]\n"] {
        let (one_by_one, at_once) = (sessions.create().await?, sessions.create().await?);
        for session in [&one_by_one, &at_once].into_iter().filter(|_| !before.is_empty()) {
            session.insert(MESSAGES, before)?;
        }
        for message in &left {
            DjangoMessages::of(&one_by_one).add(message)?;
        }
        DjangoMessages::of(&at_once).add_all(&left)?;

        assert_eq!(at_once.get_raw(MESSAGES), one_by_one.get_raw(MESSAGES), "{before:?}");
        let taken = DjangoMessages::of(&at_once).take()?;
        assert_eq!(taken.len(), 5 + usize::from(before.contains("first")), "{before:?}");
    }
    let session = sessions.create().await?;
    DjangoMessages::of(&session).add_all([])?;
    assert!(!session.contains_key(MESSAGES));
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_left_while_others_are_taken_is_kept() -> TestResult {
    let sessions = SessionLayer::new(MemoryStore::new());
    let first = sessions.create().await?;
    DjangoMessages::of(&first).info("one")?;
    first.save().await?;
    let key = first.session_key().ok_or("it is saved")?;
    let (page, other) = (sessions.open(&key).await?, sessions.open(&key).await?);

    let taken = DjangoMessages::of(&page).take()?;
    DjangoMessages::of(&other).warning("two")?;
    other.save().await?;
    page.save().await?;

    assert_eq!(taken, [DjangoMessage::new(20, "one")]);
    let next = sessions.open(&key).await?;
    assert_eq!(DjangoMessages::of(&next).take()?, [DjangoMessage::new(30, "two")]);
    Ok(())
}

#[tokio::test]
async fn two_requests_that_leave_a_message_leave_both() -> TestResult {
    let sessions = SessionLayer::new(MemoryStore::new());
    let first = sessions.create().await?;
    first.save().await?;
    let key = first.session_key().ok_or("it is saved")?;
    let (one, two) = (sessions.open(&key).await?, sessions.open(&key).await?);

    DjangoMessages::of(&one).debug("one")?;
    DjangoMessages::of(&two).error("two")?;
    one.save().await?;
    two.save().await?;

    let taken = DjangoMessages::of(&sessions.open(&key).await?).take()?;
    assert_eq!(taken.iter().map(DjangoMessage::level_tag).collect::<Vec<_>>(), ["debug", "error"]);
    Ok(())
}

#[tokio::test]
async fn what_is_no_list_of_messages_is_an_error_and_stays() -> TestResult {
    let sessions = SessionLayer::new(MemoryStore::new());
    for value in [
        json!(7),
        json!("no list"),
        json!("{}"),
        json!(""),
        json!("é"),
        json!("[x]"),
        json!("[1,]"),
        json!("[] []"),
        json!("\"[]\""),
        json!([["__json_message", 0, 20, "not in a string"]]),
    ] {
        let session = sessions.create().await?;
        session.insert(MESSAGES, &value)?;
        let messages = DjangoMessages::of(&session);

        assert!(matches!(messages.success("lost"), Err(Error::WrongType { key, .. }) if key == MESSAGES));
        assert!(matches!(messages.take(), Err(Error::WrongType { .. })));
        assert_eq!(session.get::<Value>(MESSAGES)?, Some(value));
    }
    Ok(())
}

#[test]
fn debug_does_not_show_the_text() {
    assert_eq!(format!("{:?}", DjangoMessage::new(25, "swordfish")), "DjangoMessage(level 25, 9 bytes)");
}
