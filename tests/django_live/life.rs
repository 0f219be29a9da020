//! The life of a session, with a side for each step.

use jam_session::Driver;
use serde_json::json;
use time::Duration;

use crate::{
    django::text,
    site::{Site, key_of},
    support::TestResult,
};

const DATA: &str = r#"{"cart":[1,2.50,"\u00e9\ud83c\udfb2"],"big":123456789012345678901234567890,"nan":NaN}"#;

/// Each side does everything to what the other one wrote.
pub(crate) async fn of_one_table<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    django_begins(site).await?;
    we_begin(site).await?;
    what_one_side_ends_the_other_does_not_bring_back(site).await?;
    each_lets_the_others_sessions_expire(site).await?;
    site.report("each created, read, changed, cycled, flushed and expired what the other wrote".to_owned());
    Ok(())
}

async fn django_begins<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let created = site.ask("create", json!({ "text": DATA })).await?;
    let key = text(&created);
    let session = site.open_session(key).await?;
    // Python writes its own 2.5.
    let stored = DATA.replace("2.50", "2.5");
    assert_eq!(session.session_data().to_json(), stored);

    session.insert("seen", "Jürgen 🎲")?;
    assert!(session.remove("cart")?);
    session.save().await?;
    let expected = r#"{"big":123456789012345678901234567890,"nan":NaN,"seen":"J\u00fcrgen \ud83c\udfb2"}"#;
    assert_eq!(site.djangos_view(key).await?, expected);

    let session = site.open_session(key).await?;
    session.cycle_key()?;
    session.save().await?;
    let cycled = key_of(&session);
    assert!(!site.is_live(key).await?, "the old key is gone");
    assert_eq!(site.djangos_view(&cycled).await?, expected);

    site.ask("change", json!({ "key": cycled, "text": r#"{"django":true}"#, "remove": ["nan"] })).await?;
    let session = site.open_session(&cycled).await?;
    assert_eq!(session.get::<bool>("django")?, Some(true));
    assert!(!session.contains_key("nan"));
    session.flush().await?;
    assert!(!site.is_live(&cycled).await?);
    assert_eq!(site.ask("exists", json!({ "key": cycled })).await?, false);
    Ok(())
}

async fn we_begin<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let session = site.layer()?.create().await?;
    assert_eq!(site.djangos_view(&key_of(&session)).await?, "{}");
    session.insert("cart", &(1, 2.5, "é🎲"))?;
    session.insert("big", &u64::MAX)?;
    session.save().await?;
    let key = key_of(&session);
    let expected = r#"{"cart":[1,2.5,"\u00e9\ud83c\udfb2"],"big":18446744073709551615}"#;
    assert_eq!(site.djangos_view(&key).await?, expected);
    assert_eq!(site.ask("exists", json!({ "key": key })).await?, true);

    site.ask("change", json!({ "key": key, "text": r#"{"django":[null]}"#, "remove": ["cart"] })).await?;
    let session = site.open_session(&key).await?;
    let changed = r#"{"big":18446744073709551615,"django":[null]}"#;
    assert_eq!(session.session_data().to_json(), changed);

    let cycled = site.ask("cycle_key", json!({ "key": key })).await?;
    let cycled = text(&cycled);
    assert!(!site.is_live(&key).await?, "the old key is gone");
    assert_eq!(site.open_session(cycled).await?.session_data().to_json(), changed);

    site.ask("flush", json!({ "key": cycled })).await?;
    assert!(!site.is_live(cycled).await?);
    Ok(())
}

async fn what_one_side_ends_the_other_does_not_bring_back<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let session = site.layer()?.create().await?;
    let key = key_of(&session);
    site.ask("flush", json!({ "key": key })).await?;
    session.insert("late", &1)?;
    assert!(matches!(session.save().await, Err(jam_session::Error::SessionInterrupted)));

    assert!(!site.is_live(&key).await?);
    Ok(())
}

async fn each_lets_the_others_sessions_expire<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let start = site.clock.now();
    let created = site.ask("create", json!({ "text": r#"{"_session_expiry":60}"# })).await?;
    let djangos = text(&created);
    let session = site.layer()?.create().await?;
    session.set_expiry(60)?;
    session.save().await?;
    let ours = key_of(&session);
    for key in [djangos, &ours] {
        site.stop_the_clock(start + Duration::seconds(60) - Duration::MICROSECOND).await?;
        assert!(site.is_live(key).await?, "to the last microsecond");
        site.stop_the_clock(start + Duration::seconds(60)).await?;
        assert!(!site.is_live(key).await?, "and not longer");
        site.stop_the_clock(start).await?;
    }
    Ok(())
}
