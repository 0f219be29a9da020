//! A request whose session is moved to its hash by another one, at the worst moment.

use jam_session::Error;

use super::*;
use crate::support::{Moment, Op, Probe};

/// Two processes, over a store whose operations wait where a test says so, and a session that is not moved yet.
struct Race {
    probe: Probe,
    ours: SessionLayer,
    theirs: SessionLayer,
    key: SessionKey,
}

impl Race {
    async fn new() -> TestResult<Self> {
        let (probe, moment) = (Probe::new(), Moment::new());
        let layer = |hash_keys| SessionLayer::new(probe.clone()).clock(moment.clock()).hash_keys(hash_keys);
        let key = layer(HashKeys::Off).create().await?.session_key().ok_or("it is stored")?;
        Ok(Self { ours: layer(HashKeys::Migrating), theirs: layer(HashKeys::Migrating), probe, key })
    }

    /// The other process saves the session, and moves it with that.
    async fn move_it(&self) -> Result<(), Error> {
        self.probe.heal();
        let session = self.theirs.open(&self.key).await?;
        session.insert("theirs", &1)?;
        session.save().await
    }
}

#[tokio::test]
async fn between_two_looks_of_a_reader() -> TestResult {
    let race = Race::new().await?;
    let gate = race.probe.gate(Op::Load);
    let reader = tokio::spawn({
        let (ours, key) = (race.ours.clone(), race.key.clone());
        async move { ours.open(&key).await }
    });
    gate.arrival().await;
    gate.open();
    gate.departure().await;
    // There was nothing under the hash. Before it looks under the key:
    gate.arrival().await;
    race.move_it().await?;
    gate.open();

    let session = reader.await??;

    assert_eq!(session.get::<u64>("theirs")?, Some(1));
    assert_eq!(session.session_key(), Some(race.key));
    Ok(())
}

#[tokio::test]
async fn between_the_two_tries_of_a_writer() -> TestResult {
    let race = Race::new().await?;
    let session = race.ours.open(&race.key).await?;
    session.insert("ours", &1)?;
    let gate = race.probe.gate(Op::Cycle);
    let writer = tokio::spawn({
        let session = session.clone();
        async move { session.save().await }
    });
    gate.arrival().await;
    race.move_it().await?;
    gate.open();

    writer.await??;

    let names = race.theirs.open(&race.key).await?.keys();
    assert_eq!(names, ["theirs", "ours"]);
    Ok(())
}

#[tokio::test]
async fn before_and_after_the_deletion_of_a_logout() -> TestResult {
    for is_deleted in [false, true] {
        let race = Race::new().await?;
        let slow = race.theirs.open(&race.key).await?;
        slow.insert("slow", &1)?;
        let gate = race.probe.gate(Op::Delete);
        let logout = tokio::spawn({
            let (ours, key) = (race.ours.clone(), race.key.clone());
            async move { ours.delete(&key).await }
        });
        gate.arrival().await;
        if is_deleted {
            gate.open();
            gate.departure().await;
        }

        let saved = slow.save().await;
        race.probe.heal();
        gate.open();
        logout.await??;

        assert_eq!(saved.is_ok(), !is_deleted, "what is deleted is not saved");
        assert!(!race.probe.exists(&race.key).await? && !race.probe.exists(&race.key.hashed()).await?);
    }
    Ok(())
}
