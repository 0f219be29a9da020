//! Two clones of one handle: one saves while the other ends the session.

use jam_session::{Error, Session, SessionLayer};
use tokio::task::JoinHandle;

use crate::support::{Op, Probe, TestResult, cookie_of, page, send, site, visitor};

/// Runs `save` up to the gate of `op`.
async fn saving(session: &Session) -> JoinHandle<Result<(), Error>> {
    let session = session.clone();
    tokio::spawn(async move { session.save().await })
}

#[tokio::test]
async fn a_session_that_is_flushed_while_a_clone_creates_it_does_not_live() -> TestResult {
    let probe = Probe::new();
    let gate = probe.gate(Op::Create);
    let handle = probe.clone();
    let app = page(SessionLayer::new(probe.clone()), move |session: Session| async move {
        session.insert("n", &1)?;
        let saving = saving(&session).await;
        gate.arrival().await;
        session.flush().await?;
        gate.open();
        assert!(matches!(saving.await, Ok(Err(Error::SessionInterrupted))));
        assert!(session.session_key().is_none() && session.is_empty());
        Ok::<_, Error>(())
    });

    let response = send(&app, "/", "").await;

    assert!(response.status().is_success());
    assert_eq!(cookie_of(&response), None);
    assert_eq!(handle.len(), 0, "nothing is stored");
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_flushed_while_a_clone_gives_it_a_new_key_does_not_live() -> TestResult {
    for flush_first in [true, false] {
        let probe = Probe::new();
        let layer = SessionLayer::new(probe.clone());
        let cookie = visitor(&site(layer.clone())).await;
        let (cycle, delete) = (probe.gate(Op::Cycle), probe.gate(Op::Delete));
        let app = page(layer, move |session: Session| async move {
            session.cycle_key()?;
            let saving = saving(&session).await;
            cycle.arrival().await;
            let flushing = tokio::spawn({
                let session = session.clone();
                async move { session.flush().await }
            });
            delete.arrival().await;
            // Both are before the store. The second deletion is that of what the other one stored.
            let (first, second) = if flush_first { (&delete, &cycle) } else { (&cycle, &delete) };
            first.open();
            first.departure().await;
            second.open();
            delete.open();
            delete.open();
            let saved = saving.await.expect("no panic");
            flushing.await.expect("no panic")?;
            assert!(saved.is_ok() || matches!(saved, Err(Error::SessionInterrupted)));
            assert!(session.session_key().is_none());
            Ok::<_, Error>(())
        });

        let response = send(&app, "/", &cookie).await;

        assert!(response.status().is_success());
        assert_eq!(cookie_of(&response).as_deref(), Some("sessionid="));
        assert_eq!(probe.len(), 0, "flush first: {flush_first}");
    }
    Ok(())
}

#[tokio::test]
async fn a_save_under_a_new_key_costs_no_question_whether_it_lives() -> TestResult {
    let probe = Probe::new();
    let layer = SessionLayer::new(probe.clone());
    let cookie = visitor(&site(layer.clone())).await;
    probe.take_calls();
    let app = page(layer, |session: Session| async move {
        session.cycle_key()?;
        session.save().await
    });

    assert!(cookie_of(&send(&app, "/", &cookie).await).is_some());

    assert_eq!(probe.take_calls(), [Op::Load, Op::Cycle]);
    Ok(())
}
