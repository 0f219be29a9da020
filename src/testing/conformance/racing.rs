//! Writers at the same time. Whatever the order, what was answered is what happened.

use std::{future::Future, sync::Arc};

use time::Duration;
use tokio::task::JoinSet;

use super::fixture::{assert_done, assert_free, assert_holds, create, draft, in_an_hour, load_at, new_key, now};
use crate::{
    backends::{Draft, ErasedStore, Record, Saved, SessionStore},
    error::StoreError,
    raw::Raw,
};

/// How many requests write to one session.
const WRITERS: usize = 50;
/// How often two operations meet, to meet in either order.
const ROUNDS: usize = 20;

/// Fifty writers that add a name each, and try again on a conflict, leave fifty names.
pub async fn no_save_of_fifty_at_once_is_lost(store: &ErasedStore) {
    let created = create(store, r#"{"first":true}"#).await;
    let start = Arc::new(tokio::sync::Barrier::new(WRITERS));
    let writers = (0..WRITERS).map(|n| {
        let (store, record, start) = (store.clone(), created.clone(), Arc::clone(&start));
        async move {
            start.wait().await;
            add_name(&store, record, n).await;
        }
    });
    at_once(writers).await;

    let loaded = load_at(store, &created.session_key, now()).await.expect("nobody ended the session");
    let lost: Vec<_> = (0..WRITERS).filter(|n| loaded.session_data.raw(&name(*n)).is_none()).collect();
    assert_eq!(lost, [0; 0], "writers whose save was answered Done and is not there");
    assert_eq!(loaded.session_data.len(), WRITERS + 1);
}

fn name(n: usize) -> String {
    format!("writer-{n}")
}

async fn add_name(store: &ErasedStore, mut record: Record, n: usize) {
    // Every conflict means that another writer got through.
    for _ in 0..WRITERS {
        let mut data = record.session_data.clone();
        data.set(&name(n), Raw::new(&n).expect("a number is JSON"));
        match store.save(&record, &Draft::new(data, in_an_hour()), now()).await.expect("`save`") {
            Saved::Done(_) => return,
            Saved::Conflict(theirs) => record = theirs,
            Saved::Gone => panic!("a session that nobody ended is gone"),
        }
    }
    panic!("more conflicts than there are other writers");
}

/// Of many `create`s under one key one succeeds, and its session is the one that is there.
pub async fn of_many_creates_of_one_key_one_wins(store: &ErasedStore) {
    let key = new_key();
    let creates = (0..8).map(|n| {
        let (store, key) = (store.clone(), key.clone());
        async move {
            match store.create(&key, &draft(&format!(r#"{{"n":{n}}}"#)), now()).await {
                Ok(record) => Some(record),
                Err(StoreError::KeyTaken) => None,
                Err(error) => panic!("expected KeyTaken, not {error:?}"),
            }
        }
    });
    let winners: Vec<_> = at_once(creates).await.into_iter().flatten().collect();

    assert_eq!(winners.len(), 1, "how many of eight created the session");
    assert_holds(store, &key, &winners[0].session_data.to_json(), in_an_hour()).await;
}

/// A `delete` wins over a `save` at the same time, whichever comes first.
pub async fn a_delete_wins_over_a_racing_save(store: &ErasedStore) {
    for _ in 0..ROUNDS {
        let created = create(store, r#"{"a":1}"#).await;
        let (saving, saved) = (store.clone(), created.clone());
        let (deleting, key) = (store.clone(), created.session_key.clone());

        let (saved, ()) =
            both(async move { saving.save(&saved, &draft(r#"{"a":2}"#), now()).await.expect("`save`") }, async move {
                deleting.delete(&key).await.expect("`delete`")
            })
            .await;

        assert!(!matches!(saved, Saved::Conflict(_)), "nobody else saved");
        assert_free(store, &created.session_key).await;
    }
}

/// Of two `cycle`s at the same time one succeeds; there is one session afterwards, under its key.
pub async fn of_two_cycles_one_wins(store: &ErasedStore) {
    for _ in 0..ROUNDS {
        let created = create(store, r#"{"a":1}"#).await;
        let keys = [new_key(), new_key()];
        let [one, two] = [0, 1].map(|n| {
            let (store, record, key) = (store.clone(), created.clone(), keys[n].clone());
            async move { store.cycle(&record, &key, &draft(r#"{"a":1}"#), now()).await.expect("`cycle`") }
        });

        let (winner, loser) = match both(one, two).await {
            (Saved::Done(_), Saved::Gone) => (&keys[0], &keys[1]),
            (Saved::Gone, Saved::Done(_)) => (&keys[1], &keys[0]),
            other => panic!("expected one Done and one Gone, not {other:?}"),
        };

        assert_holds(store, winner, r#"{"a":1}"#, in_an_hour()).await;
        assert_free(store, loser).await;
        assert_free(store, &created.session_key).await;
    }
}

/// A `save` and a `cycle` at the same time leave one session, and neither is told Done and lost.
pub async fn a_cycle_and_a_racing_save_leave_one_session(store: &ErasedStore) {
    for _ in 0..ROUNDS {
        let created = create(store, r#"{"a":1}"#).await;
        let new_key = new_key();
        let (saving, saved) = (store.clone(), created.clone());
        let (cycling, cycled, key) = (store.clone(), created.clone(), new_key.clone());

        let outcome = both(
            async move { saving.save(&saved, &draft(r#"{"saved":1}"#), now()).await.expect("`save`") },
            async move { cycling.cycle(&cycled, &key, &draft(r#"{"cycled":1}"#), now()).await.expect("`cycle`") },
        )
        .await;

        match outcome {
            (Saved::Done(_), Saved::Conflict(_)) => {
                assert_holds(store, &created.session_key, r#"{"saved":1}"#, in_an_hour()).await;
                assert_free(store, &new_key).await;
            }
            (Saved::Gone, Saved::Done(_)) => {
                assert_holds(store, &new_key, r#"{"cycled":1}"#, in_an_hour()).await;
                assert_free(store, &created.session_key).await;
            }
            other => panic!("expected one to be first and the other to notice, not {other:?}"),
        }
    }
}

/// A `touch` never undoes a `save` at the same time.
pub async fn a_touch_and_a_racing_save_keep_the_data(store: &ErasedStore) {
    for _ in 0..ROUNDS {
        let created = create(store, r#"{"a":1}"#).await;
        let (saving, saved) = (store.clone(), created.clone());
        let (touching, touched) = (store.clone(), created.clone());
        let until = in_an_hour() + Duration::hours(1);

        let (saved, _touched) =
            both(async move { saving.save(&saved, &draft(r#"{"a":2}"#), now()).await }, async move {
                touching.touch(&touched, until, now()).await.expect("`touch`")
            })
            .await;

        assert_done(saved);
        let loaded = load_at(store, &created.session_key, now()).await.expect("nobody ended the session");
        assert_eq!(loaded.session_data.to_json(), r#"{"a":2}"#);
    }
}

async fn both<A, B>(
    one: impl Future<Output = A> + Send + 'static,
    two: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let (one, two) = (tokio::spawn(one), tokio::spawn(two));
    (one.await.expect("the first of two"), two.await.expect("the second of two"))
}

async fn at_once<T: Send + 'static>(tasks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    tasks.collect::<JoinSet<_>>().join_all().await
}
