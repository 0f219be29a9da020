//! From the first save to the last: explicit saves, reloads, keys, and the layer as a factory.

use jam_session::{MemoryStore, Session, SessionKey, SessionLayer};
use serde_json::json;

use super::{again, layer, stored};
use crate::support::{Op, Probe, TestResult, cookie_of, key_in, page, send};

#[tokio::test]
async fn create_stores_an_empty_session_under_a_key_of_its_own() -> TestResult {
    let layer = layer();
    let (first, second) = (layer.create().await?, layer.create().await?);

    let key = first.session_key().ok_or("it is stored")?;
    assert!(SessionKey::is_generated(key.as_str()));
    assert_ne!(second.session_key(), Some(key.clone()));
    assert!(layer.exists(&key).await?);
    assert!(layer.open(&key).await?.keys().is_empty());
    Ok(())
}

#[tokio::test]
async fn open_does_not_adopt_a_key_that_somebody_chose() -> TestResult {
    let layer = layer();
    let chosen = SessionKey::parse("0123456789abcdefghijklmnopqrstuv")?;

    let session = layer.open(&chosen).await?;
    assert!(session.is_empty() && session.session_key().is_none() && session.expire_date().is_none());
    session.insert("n", &1)?;
    session.save().await?;

    assert_ne!(session.session_key(), Some(chosen.clone()));
    assert!(!layer.exists(&chosen).await?);
    Ok(())
}

#[tokio::test]
async fn open_asks_no_store_for_what_cannot_be_a_key() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());

    assert!(layer.open(&SessionKey::parse("too-short")?).await?.is_empty());

    assert_eq!(probe.take_calls(), []);
    Ok(())
}

#[tokio::test]
async fn delete_is_final_and_no_error_when_there_is_nothing() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    let key = session.session_key().ok_or("it is stored")?;

    layer.delete(&key).await?;
    layer.delete(&key).await?;

    assert!(!layer.exists(&key).await?);
    assert!(layer.open(&key).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn layers_over_one_store_share_their_sessions() -> TestResult {
    let store = MemoryStore::new();
    let session = stored(&SessionLayer::new(store.clone()), &[("n", json!(1))]).await;

    assert_eq!(again(&SessionLayer::new(store), &session).await.get::<i32>("n")?, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_save_is_stored_at_once_and_a_second_one_builds_on_it() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[]).await;

    session.insert("a", &1)?;
    session.save().await?;
    assert_eq!(again(&layer, &session).await.session_data().to_json(), r#"{"a":1}"#);
    session.insert("b", &2)?;
    session.save().await?;
    assert_eq!(again(&layer, &session).await.session_data().to_json(), r#"{"a":1,"b":2}"#);
    Ok(())
}

#[tokio::test]
async fn what_an_explicit_save_wrote_is_not_written_again_at_the_end() -> TestResult {
    let probe = Probe::new();
    let app = page(SessionLayer::new(probe.clone()), |session: Session| async move {
        session.insert("n", &1)?;
        session.save().await
    });

    let response = send(&app, "/", "").await;

    assert!(cookie_of(&response).is_some());
    assert_eq!(probe.take_calls(), [Op::Create]);
    Ok(())
}

#[tokio::test]
async fn reload_drops_what_was_changed_here_and_shows_what_is_stored() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    let other = again(&layer, &session).await;
    other.insert("n", &2)?;
    other.save().await?;

    session.insert("mine", &true)?;
    session.cycle_key()?;
    session.reload().await?;

    assert_eq!(session.session_data().to_json(), r#"{"n":2}"#);
    assert!(!session.modified());
    session.insert("n", &3)?;
    session.save().await?;
    assert_eq!(session.session_key(), other.session_key(), "the renewal was dropped, too");
    assert_eq!(again(&layer, &session).await.session_data().to_json(), r#"{"n":3}"#);
    Ok(())
}

#[tokio::test]
async fn reload_finds_out_that_the_session_was_ended() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    layer.delete(&session.session_key().ok_or("it is stored")?).await?;

    session.reload().await?;

    assert!(session.is_empty() && session.session_key().is_none());
    Ok(())
}

#[tokio::test]
async fn cycle_key_keeps_the_data_and_gives_up_the_old_key() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    let old = session.session_key().ok_or("it is stored")?;

    session.cycle_key()?;
    assert_eq!(session.session_key(), Some(old.clone()), "it shows when it is saved");
    session.save().await?;

    let new = session.session_key().ok_or("it is stored")?;
    assert_ne!(new, old);
    assert!(!layer.exists(&old).await?);
    assert_eq!(layer.open(&new).await?.session_data().to_json(), r#"{"n":1}"#);
    Ok(())
}

#[tokio::test]
async fn flush_ends_the_session_and_a_write_begins_another() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    let old = session.session_key().ok_or("it is stored")?;

    session.flush().await?;
    assert!(session.is_empty() && session.session_key().is_none() && session.modified());
    assert!(!layer.exists(&old).await?);
    session.insert("new", &1)?;
    session.save().await?;

    assert_ne!(session.session_key(), Some(old.clone()));
    assert!(!layer.exists(&old).await?);
    assert_eq!(again(&layer, &session).await.session_data().to_json(), r#"{"new":1}"#);
    Ok(())
}

#[tokio::test]
async fn a_flush_and_an_explicit_save_send_one_cookie_the_new_one() -> TestResult {
    let layer = layer();
    let old = stored(&layer, &[("n", json!(1))]).await.session_key().ok_or("it is stored")?;
    let app = page(layer.clone(), |session: Session| async move {
        session.flush().await?;
        session.insert("new", &1)?;
        session.save().await
    });

    let response = send(&app, "/", &format!("sessionid={}", old.as_str())).await;

    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1);
    let new = key_in(&cookie_of(&response).ok_or("a cookie")?);
    assert_eq!(layer.open(&new).await?.session_data().to_json(), r#"{"new":1}"#);
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_too_large_is_not_written() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    session.insert("large", &"x".repeat(1 << 20))?;

    let error = session.save().await.expect_err("it is over 1 MiB");

    assert!(format!("{error:?}").contains("TooLarge"), "{error:?}");
    assert_eq!(again(&layer, &session).await.session_data().to_json(), r#"{"n":1}"#);
    Ok(())
}

#[tokio::test]
async fn the_test_cookie_is_found_by_the_next_request_alone() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;

    assert!(!session.test_cookie_worked());
    session.set_test_cookie()?;
    session.save().await?;
    let next = again(&layer, &session).await;

    assert!(next.test_cookie_worked());
    assert_eq!(next.get::<String>("testcookie")?.as_deref(), Some("worked"));
    assert!(next.delete_test_cookie()?);
    assert!(!next.delete_test_cookie()? && !next.test_cookie_worked());
    Ok(())
}

#[tokio::test]
async fn accessed_and_modified_tell_what_was_done() -> TestResult {
    let layer = layer();
    let session = stored(&layer, &[("n", json!(1))]).await;
    let untouched = again(&layer, &session).await;

    assert!(!untouched.accessed() && !untouched.modified());
    assert!(!untouched.is_empty() && untouched.session_key().is_some() && untouched.expire_date().is_some());
    assert!(!untouched.accessed(), "a key and a date are not the data");
    assert!(untouched.contains_key("n"));
    assert!(untouched.accessed() && !untouched.modified());
    untouched.set_modified()?;
    assert!(untouched.modified());
    Ok(())
}
