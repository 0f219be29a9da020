//! Two requests change one session: each change is made again on top of the other's.

use jam_session::{Error, Session, SessionLayer};
use serde_json::json;

use super::{again, layer, stored};
use crate::support::{Op, Probe, TestResult};

/// Two requests that have both loaded the session, and their layer.
async fn two() -> (SessionLayer, Session, Session) {
    two_of(layer()).await
}

async fn two_of(layer: SessionLayer) -> (SessionLayer, Session, Session) {
    let first = stored(&layer, &[("n", json!(1)), ("old", json!("o"))]).await;
    let second = again(&layer, &first).await;
    (layer, first, second)
}

/// What is stored when `theirs` was saved before `ours`.
async fn merged(
    theirs: impl FnOnce(&Session) -> Result<(), Error>,
    ours: impl FnOnce(&Session) -> Result<(), Error>,
) -> TestResult<String> {
    let (layer, first, second) = two().await;
    theirs(&first)?;
    ours(&second)?;
    first.save().await?;
    second.save().await?;
    let stored = again(&layer, &second).await.session_data();
    assert_eq!(second.session_data(), stored, "after a save the session shows what is stored");
    Ok(stored.to_json())
}

#[tokio::test]
async fn different_names_are_both_kept() -> TestResult {
    let stored = merged(|s| s.insert("theirs", &1), |s| s.insert("ours", &2)).await?;

    assert_eq!(stored, r#"{"n":1,"old":"o","theirs":1,"ours":2}"#);
    Ok(())
}

#[tokio::test]
async fn of_two_values_for_one_name_the_later_save_wins() -> TestResult {
    assert_eq!(merged(|s| s.insert("n", &5), |s| s.insert("n", &6)).await?, r#"{"n":6,"old":"o"}"#);
    Ok(())
}

#[tokio::test]
async fn an_equal_value_counts_once_something_else_is_saved() -> TestResult {
    let ours = |s: &Session| {
        s.insert("n", &1)?;
        s.insert("ours", &true)
    };

    assert_eq!(merged(|s| s.insert("n", &5), ours).await?, r#"{"n":1,"old":"o","ours":true}"#);
    Ok(())
}

#[tokio::test]
async fn modify_is_run_again() -> TestResult {
    let add = |by: i32| move |s: &Session| s.modify("n", move |n: Option<i32>| n.unwrap_or(0) + by).map(drop);

    assert_eq!(merged(add(10), add(100)).await?, r#"{"n":111,"old":"o"}"#);
    Ok(())
}

#[tokio::test]
async fn what_modify_returned_is_what_this_request_computed() -> TestResult {
    let (_layer, first, second) = two().await;
    first.insert("n", &50)?;
    first.save().await?;

    let computed = second.modify("n", |n: Option<i32>| n.unwrap_or(0) + 1)?;
    second.save().await?;

    assert_eq!((computed, second.get::<i32>("n")?), (2, Some(51)));
    Ok(())
}

#[tokio::test]
async fn setdefault_keeps_what_came_meanwhile() -> TestResult {
    let ours = |s: &Session| s.setdefault("new", 2).map(drop);

    assert_eq!(merged(|s| s.insert("new", &1), ours).await?, r#"{"n":1,"old":"o","new":1}"#);
    let stored = merged(|s| s.remove("n").map(drop), |s| s.setdefault("n", 9).and(s.insert("x", &0))).await?;
    assert_eq!(stored, r#"{"old":"o","n":9,"x":0}"#, "what was there went away");
    Ok(())
}

#[tokio::test]
async fn pop_and_remove_take_away_what_came_meanwhile() -> TestResult {
    let ours = |s: &Session| s.pop::<i32>("n").map(drop);
    assert_eq!(merged(|s| s.insert("n", &2), ours).await?, r#"{"old":"o"}"#);

    let ours = |s: &Session| s.remove("absent").and(s.insert("x", &0));
    assert_eq!(merged(|s| s.insert("absent", &2), ours).await?, r#"{"n":1,"old":"o","x":0}"#);
    Ok(())
}

#[tokio::test]
async fn clear_removes_what_came_meanwhile_and_keeps_what_it_was_followed_by() -> TestResult {
    let ours = |s: &Session| s.clear().and(s.insert("after", &1));

    assert_eq!(merged(|s| s.insert("theirs", &1), ours).await?, r#"{"after":1}"#);
    Ok(())
}

#[tokio::test]
async fn a_change_that_fails_on_top_of_the_others_writes_nothing() -> TestResult {
    let (layer, first, second) = two().await;
    second.modify("n", |n: Option<i32>| n.unwrap_or(0) + 1)?;
    first.insert("n", "a text now")?;
    first.save().await?;

    assert!(matches!(second.save().await, Err(Error::WrongType { .. })));

    assert_eq!(again(&layer, &first).await.session_data().to_json(), r#"{"n":"a text now","old":"o"}"#);
    Ok(())
}

#[tokio::test]
async fn a_session_that_was_ended_is_not_written() -> TestResult {
    let (layer, first, second) = two().await;
    let key = first.session_key().ok_or("it is stored")?;
    second.insert("late", &1)?;
    first.flush().await?;

    assert!(matches!(second.save().await, Err(Error::SessionInterrupted)));
    assert!(!layer.exists(&key).await?);
    Ok(())
}

#[tokio::test]
async fn many_increments_from_many_requests_are_all_there() -> TestResult {
    let (layer, first, _) = two().await;
    let mut sessions = Vec::new();
    for _ in 0..20 {
        sessions.push(again(&layer, &first).await);
    }

    for session in &sessions {
        session.modify("n", |n: Option<i32>| n.unwrap_or(0) + 1)?;
        session.modify("n", |n: Option<i32>| n.unwrap_or(0) + 1)?;
    }
    for session in &sessions {
        session.save().await?;
    }

    assert_eq!(again(&layer, &first).await.get::<i32>("n")?, Some(41));
    Ok(())
}

/// Two who change one session, the second while the store is at the first one's change; what came of both.
async fn in_line(op: Op, first: &Session, second: &Session, probe: &Probe) -> [Result<(), Error>; 2] {
    let gate = probe.gate(op);
    let (one, other, ()) = tokio::join!(first.save(), second.save(), async {
        gate.arrival().await;
        probe.heal();
        gate.open();
    });
    [one, other]
}

#[tokio::test]
async fn who_waits_in_line_builds_on_what_was_left_with_one_statement() -> TestResult {
    let probe = Probe::new();
    let (layer, first, second) = two_of(SessionLayer::new(probe.clone())).await;
    first.insert("first", &true)?;
    second.insert("second", &true)?;
    probe.take_calls();

    let outcomes = in_line(Op::Save, &first, &second, &probe).await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(probe.take_calls(), [Op::Save, Op::Save]);
    assert_eq!(again(&layer, &first).await.keys(), ["n", "old", "first", "second"]);
    Ok(())
}

#[tokio::test]
async fn who_waits_in_line_for_a_key_that_was_given_up_is_refused() -> TestResult {
    let probe = Probe::new();
    let (layer, first, second) = two_of(SessionLayer::new(probe.clone())).await;
    first.cycle_key()?;
    second.insert("late", &true)?;

    let [cycled, late] = in_line(Op::Cycle, &first, &second, &probe).await;

    cycled?;
    assert!(matches!(late, Err(Error::SessionInterrupted)), "{late:?}");
    assert_eq!(again(&layer, &first).await.keys(), ["n", "old"]);
    Ok(())
}
