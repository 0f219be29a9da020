//! Every method of the dictionary, with what it answers when it cannot.

use jam_session::{Error, Session, SessionLayer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny, ser::Error as _};
use serde_json::json;

use super::{again, layer, stored};
use crate::support::TestResult;

/// A value that cannot be written.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("no"))
    }
}

impl<'de> Deserialize<'de> for Unwritable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A session with `n = 1`, `name = "ada"` and `list = [1, 2]`.
async fn example() -> (SessionLayer, Session) {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1)), ("name", json!("ada")), ("list", json!([1, 2]))]).await;
    (layer, session)
}

fn names_key(error: &Error, expected: &str) -> bool {
    match error {
        Error::MissingKey { key } | Error::WrongType { key, .. } | Error::Serialize { key, .. } => key == expected,
        _ => false,
    }
}

#[tokio::test]
async fn get_gives_a_value_or_none_and_names_the_key_of_a_wrong_type() -> TestResult {
    let (_layer, session) = example().await;

    assert_eq!(session.get::<u32>("n")?, Some(1));
    assert_eq!(session.get::<Vec<u8>>("list")?, Some(vec![1, 2]));
    assert_eq!(session.get::<u32>("absent")?, None);
    let error = session.get::<u32>("name").expect_err("a text is no number");
    assert!(matches!(error, Error::WrongType { .. }) && names_key(&error, "name"));
    assert!(!session.modified());
    Ok(())
}

#[tokio::test]
async fn require_insists() -> TestResult {
    let (_layer, session) = example().await;

    assert_eq!(session.require::<String>("name")?, "ada");
    let error = session.require::<u32>("absent").expect_err("it is not there");
    assert!(matches!(error, Error::MissingKey { .. }) && names_key(&error, "absent"));
    assert!(matches!(session.require::<u32>("name"), Err(Error::WrongType { .. })));
    Ok(())
}

#[tokio::test]
async fn raw_values_names_and_items_come_in_order() {
    let (_layer, session) = example().await;

    assert_eq!(session.keys(), ["n", "name", "list"]);
    assert_eq!(
        session.values().iter().map(|raw| raw.as_str().to_owned()).collect::<Vec<_>>(),
        ["1", "\"ada\"", "[1,2]"]
    );
    let items: Vec<_> = session.items().into_iter().map(|(key, raw)| format!("{key}={}", raw.as_str())).collect();
    assert_eq!(items, ["n=1", "name=\"ada\"", "list=[1,2]"]);
    assert_eq!(session.get_raw("name").map(|raw| raw.as_str().to_owned()).as_deref(), Some("\"ada\""));
    assert!(session.get_raw("absent").is_none());
    assert!(session.contains_key("n") && !session.contains_key("absent"));
}

#[tokio::test]
async fn insert_sets_and_marks() -> TestResult {
    let (layer, session) = example().await;

    session.insert("n", &2)?;
    session.insert("new", "é")?;

    assert!(session.modified());
    assert_eq!(session.session_data().to_json(), r#"{"n":2,"name":"ada","list":[1,2],"new":"\u00e9"}"#);
    session.save().await?;
    assert_eq!(again(&layer, &session).await.session_data(), session.session_data());
    Ok(())
}

#[tokio::test]
async fn an_equal_value_marks_the_session_only_where_that_is_set() -> TestResult {
    let (layer, session) = example().await;
    let writes = |session: &Session| {
        session.insert("n", &1)?;
        session.update([("name", "ada")])?;
        session.modify("n", |n: Option<u32>| n.unwrap_or_default())?;
        assert!(!session.remove("absent")?);
        Ok::<_, Error>(session.modified())
    };

    assert!(!writes(&session)?);
    let as_django = layer.equal_value_modifies(true);
    assert!(writes(&again(&as_django, &session).await)?);
    Ok(())
}

#[tokio::test]
async fn a_value_that_does_not_serialize_changes_nothing() -> TestResult {
    let (_layer, session) = example().await;
    let before = session.session_data();

    let errors = [
        session.insert("n", &Unwritable),
        session.update([("first", Maybe::Yes(1)), ("n", Maybe::No(Unwritable))]),
        session.setdefault("n", Unwritable).map(drop),
        session.modify("n", |_: Option<Unwritable>| Unwritable).map(drop),
    ];

    for error in errors {
        let error = error.expect_err("it cannot be written");
        assert!(matches!(error, Error::Serialize { .. }) && names_key(&error, "n"), "{error:?}");
    }
    assert_eq!(session.session_data(), before);
    assert!(!session.modified());
    Ok(())
}

/// One type for a list of values of which one cannot be written.
#[derive(Serialize)]
#[serde(untagged)]
enum Maybe {
    Yes(i32),
    No(Unwritable),
}

#[tokio::test]
async fn a_value_nested_too_deep_is_refused() {
    let (_layer, session) = example().await;
    let nested = (0..64).fold(json!(1), |inner, _| json!([inner]));

    assert!(session.insert("deep", &nested).is_ok());
    assert!(matches!(session.insert("deeper", &json!([nested])), Err(Error::Serialize { .. })));
}

#[tokio::test]
async fn remove_says_whether_it_was_there() -> TestResult {
    let (_layer, session) = example().await;

    assert!(!session.remove("absent")?);
    assert!(!session.modified());
    assert!(session.remove("n")?);
    assert!(session.modified() && !session.contains_key("n"));
    Ok(())
}

#[tokio::test]
async fn pop_takes_a_value_out_unless_it_is_of_another_type() -> TestResult {
    let (_layer, session) = example().await;

    let error = session.pop::<u32>("name").expect_err("a text is no number");
    assert!(matches!(error, Error::WrongType { .. }) && names_key(&error, "name"));
    assert!(session.contains_key("name") && !session.modified(), "it is still there");
    assert_eq!(session.pop::<u32>("absent")?, None);
    assert!(!session.modified());
    assert_eq!(session.pop::<String>("name")?.as_deref(), Some("ada"));
    assert!(!session.contains_key("name") && session.modified());
    Ok(())
}

#[tokio::test]
async fn setdefault_keeps_what_is_there() -> TestResult {
    let (_layer, session) = example().await;

    assert_eq!(session.setdefault("n", 7)?, 1);
    assert!(!session.modified());
    assert!(matches!(session.setdefault("name", 7), Err(Error::WrongType { .. })));
    assert_eq!(session.get::<String>("name")?.as_deref(), Some("ada"));
    assert_eq!(session.setdefault("new", 7)?, 7);
    assert_eq!(session.get::<i32>("new")?, Some(7));
    assert!(session.modified());
    Ok(())
}

#[tokio::test]
async fn update_sets_many_and_keeps_the_order() -> TestResult {
    let (_layer, session) = example().await;

    session.update(vec![("z".to_owned(), 1), ("n".to_owned(), 5), ("a".to_owned(), 2)])?;

    assert_eq!(session.session_data().to_json(), r#"{"n":5,"name":"ada","list":[1,2],"z":1,"a":2}"#);
    Ok(())
}

#[tokio::test]
async fn modify_gives_the_new_value_and_refuses_another_type() -> TestResult {
    let (_layer, session) = example().await;

    assert_eq!(session.modify("n", |n: Option<u32>| n.unwrap_or(0) + 1)?, 2);
    assert_eq!(session.modify("new", |n: Option<u32>| n.unwrap_or(40) + 2)?, 42);
    assert!(matches!(session.modify("name", |n: Option<u32>| n.unwrap_or(0)), Err(Error::WrongType { .. })));
    assert_eq!(session.get::<String>("name")?.as_deref(), Some("ada"));
    Ok(())
}

#[tokio::test]
async fn code_of_the_application_may_use_the_session_it_was_called_by() -> TestResult {
    let (_layer, session) = example().await;
    let inside = session.clone();

    let value = session.modify("n", move |n: Option<usize>| n.unwrap_or(0) + inside.keys().len())?;

    assert_eq!(value, 4);
    Ok(())
}

#[tokio::test]
async fn clear_empties_and_keeps_the_key() -> TestResult {
    let (layer, session) = example().await;
    let key = session.session_key();

    session.clear()?;
    assert!(session.keys().is_empty() && session.modified() && !session.is_empty());
    session.save().await?;

    assert_eq!(session.session_key(), key);
    assert!(again(&layer, &session).await.keys().is_empty());
    Ok(())
}
