//! Ending the sessions of a person while their keys are renewed: none is missed, and each is counted once.

use std::time::Duration as StdDuration;

use http::{Request, Response, header};
use jam_session::{
    CachedDbStore, DbStore, Driver, Error, ErrorKind, LazySession, LocMemCache, SessionKey, SessionLayer, SessionStore,
    UserSession, sqlx::Pool,
};
use time::Duration;
use tokio::task::JoinSet;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Moment, TestResult, databases};

type Store<DB> = DbStore<DB, UserSession>;

const RENEW_AFTER: StdDuration = StdDuration::from_secs(15 * 60);
/// Sessions of one person in one round, and as many renewals at once.
const CROWD: usize = 8;

/// Keys that the short form of the race looks at, and the long form.
const SHORT: usize = 400;
const LONG: usize = 10_000;

struct Person<S> {
    moment: Moment,
    layer: SessionLayer,
    store: S,
}

impl<S: SessionStore + Clone> Person<S> {
    fn new(store: S) -> Self {
        let moment = Moment::new();
        let layer = SessionLayer::new(store.clone()).clock(moment.clock()).renew_after(RENEW_AFTER);
        Self { moment, layer, store }
    }

    async fn login(&self) -> TestResult<SessionKey> {
        let session = self.layer.create().await?;
        session.insert("_auth_user_id", "42")?;
        session.save().await?;
        self.moment.advance(Duration::seconds(1));
        Ok(session.session_key().ok_or("a saved session has a key")?)
    }

    /// A request that reads the session when its key is due.
    async fn renew(&self, key: &SessionKey) -> TestResult<SessionKey> {
        Ok(visit(&self.layer, key).await?.ok_or("its key was due")?)
    }

    async fn lives(&self, key: &SessionKey) -> TestResult<bool> {
        Ok(self.layer.open(key).await?.contains_key("_auth_user_id"))
    }
}

/// A request that reads the session, and the key that it is told.
async fn visit(layer: &SessionLayer, key: &SessionKey) -> Result<Option<SessionKey>, Error> {
    let read = service_fn(|request: Request<()>| async move {
        LazySession::of(request.extensions())?.load().await?;
        Ok::<_, Error>(Response::new(()))
    });
    let cookie = format!("sessionid={}", key.as_str()).parse::<header::HeaderValue>().expect("a key is ASCII");
    let mut request = Request::new(());
    request.headers_mut().insert(header::COOKIE, cookie);
    let response = layer.layer(read).oneshot(request).await?;
    let told = response.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
    Ok(told.and_then(|told| told.split([';', '=']).nth(1)).and_then(|key| SessionKey::parse(key).ok()))
}

async fn migrated<DB: Driver>(pool: &Pool<DB>) -> TestResult<Store<DB>> {
    let store = Store::<DB>::new(pool.clone());
    store.migrate().await?;
    Ok(store)
}

async fn a_session_keeps_its_handle_when_its_key_is_renewed<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let person = Person::new(migrated(pool).await?);
    let user = person.store.user("42");
    let old = person.login().await?;
    let before = user.list(Some(&old), person.moment.now()).await?;
    person.moment.advance(Duration::minutes(16));

    let new = person.renew(&old).await?;

    for current in [&old, &new] {
        let after = user.list(Some(current), person.moment.now()).await?;
        assert_eq!(after.len(), 1, "what is left under the old key is no session");
        assert_eq!((&after[0].handle, after[0].created), (&before[0].handle, before[0].created));
        assert!(after[0].is_current, "an older page has the old key");
    }
    assert_eq!(user.count(person.moment.now()).await?, 1);
    assert!(user.revoke(&before[0].handle).await?, "an older page ends it");
    assert!(!person.lives(&new).await?);
    assert!(!user.revoke(&before[0].handle).await?, "and once");
    Ok(())
}

async fn sessions_that_were_renewed_are_ended_and_counted_once<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let person = Person::new(migrated(pool).await?);
    let user = person.store.user("42");
    let mut olds = Vec::new();
    for _ in 0..4 {
        olds.push(person.login().await?);
    }
    person.moment.advance(Duration::minutes(16));
    let mut news = Vec::new();
    for old in &olds {
        news.push(person.renew(old).await?);
    }

    assert_eq!(user.limit(3, person.moment.now()).await?, 1);
    assert!(!person.lives(&news[0]).await? && person.lives(&news[1]).await?, "the oldest goes");
    // A page that was made before the renewal.
    assert_eq!(user.revoke_others(&olds[3]).await?, 2);
    assert!(person.lives(&news[3]).await? && !person.lives(&news[1]).await?);
    assert_eq!(user.revoke_all().await?, 1);
    assert!(!person.lives(&news[3]).await?);
    assert_eq!(user.revoke_all().await?, 0);
    Ok(())
}

async fn a_logout_of_a_renewed_session_leaves_nothing_to_list<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let person = Person::new(migrated(pool).await?);
    let user = person.store.user("42");
    let old = person.login().await?;
    let handle = user.list(None, person.moment.now()).await?[0].handle.clone();
    person.moment.advance(Duration::minutes(16));
    let new = person.renew(&old).await?;

    person.layer.delete(&new).await?;

    assert_eq!(user.list(None, person.moment.now()).await?, []);
    assert_eq!((user.count(person.moment.now()).await?, user.revoke_all().await?), (0, 0));
    assert!(!user.revoke(&handle).await?, "what is left under the old key is no session");
    Ok(())
}

async fn behind_a_cache_renewed_sessions_are_ended_and_counted_once<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    let person = Person::new(CachedDbStore::new(migrated(pool).await?, LocMemCache::new()));
    let now = || person.moment.now();
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push((person.login().await?, None));
    }
    let handle = person.store.get_ref().user("42").list(Some(&keys[4].0), now()).await?.remove(0).handle;
    person.moment.advance(Duration::minutes(16));
    for (old, new) in &mut keys {
        *new = Some(person.renew(old).await?);
    }
    let alive = async || -> TestResult<Vec<bool>> {
        let mut alive = Vec::new();
        for (_, new) in &keys {
            alive.push(person.lives(new.as_ref().ok_or("it is renewed")?).await?);
        }
        Ok(alive)
    };

    assert_eq!(person.store.limit("42", 4, now()).await?, 1);
    assert_eq!(alive().await?, [false, true, true, true, true]);
    assert!(person.store.revoke("42", &handle, now()).await?, "an older page ends it");
    assert_eq!(alive().await?, [false, true, true, true, false]);
    assert_eq!(person.store.revoke_others("42", &keys[2].0, now()).await?, 2);
    assert_eq!(alive().await?, [false, false, true, false, false]);
    assert_eq!(person.store.revoke_all("42", now()).await?, 1);
    assert_eq!(alive().await?, [false; 5]);
    Ok(())
}

/// How a round ends the sessions of its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    All,
    Others,
    Cached,
    /// By two processes at once, each of which may remove what the other has counted on.
    Twice,
}

const ENDS: [End; 4] = [End::All, End::Others, End::Cached, End::Twice];

/// One round: everything is renewed and ended at once. Returns how many keys there were and how many live.
async fn round<DB: Driver>(store: &Store<DB>, end: End, wait: usize) -> TestResult<[usize; 2]> {
    let person = Person::new(CachedDbStore::new(store.clone(), LocMemCache::new()));
    let plain = SessionLayer::new(store.clone()).clock(person.moment.clock()).renew_after(RENEW_AFTER);
    let mut keys = Vec::new();
    for _ in 0..CROWD {
        keys.push(person.login().await?);
    }
    person.moment.advance(Duration::minutes(16));
    let layer = if end == End::Cached { person.layer.clone() } else { plain };
    let mut requests = JoinSet::new();
    for (at, key) in keys.clone().into_iter().enumerate() {
        let layer = layer.clone();
        requests.spawn(async move {
            for _ in 0..at * 3 {
                tokio::task::yield_now().await;
            }
            visit(&layer, &key).await
        });
    }
    for _ in 0..wait {
        tokio::task::yield_now().await;
    }
    let now = person.moment.now();
    match end {
        End::All => drop(store.user("42").revoke_all().await?),
        End::Others => drop(store.user("42").revoke_others(&keys[0]).await?),
        End::Cached => drop(person.store.revoke_all("42", now).await?),
        End::Twice => {
            let (one, other) = (store.user("42"), store.user("42"));
            let (one, other) = tokio::join!(one.revoke_all(), other.revoke_all());
            one?;
            other?;
        }
    }
    let mut known = keys.clone();
    while let Some(told) = requests.join_next().await {
        match told? {
            Ok(Some(key)) => known.push(key),
            Ok(None) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
        }
    }
    if end == End::Others {
        // One session stays, under whatever key.
        let left = store.user("42").count(now).await?;
        store.user("42").revoke_all().await?;
        return Ok([known.len(), left.abs_diff(1)]);
    }
    let mut alive = store.user("42").count(now).await?;
    for key in &known {
        alive += usize::from(layer.open(key).await?.contains_key("_auth_user_id"));
    }
    Ok([known.len(), alive])
}

async fn revocation_beside_renewal<DB: Driver>(pool: &Pool<DB>, ends: &[End], least: usize) -> TestResult {
    let store = migrated(pool).await?;
    let [mut keys, mut alive, mut rounds] = [0; 3];
    while keys < least {
        let end = ends[rounds % ends.len()];
        let [seen, left] = round(&store, end, rounds % 40).await?;
        (keys, alive, rounds) = (keys + seen, alive + left, rounds + 1);
    }
    println!("revocation: {}: {alive} of {keys} keys alive in {rounds} rounds beside renewals", DB::NAME);
    assert_eq!(alive, 0);
    Ok(())
}

async fn no_session_that_is_being_renewed_survives_a_revocation<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    revocation_beside_renewal(pool, &ENDS, SHORT).await
}

async fn two_revocations_at_once_leave_no_session_that_is_being_renewed<DB: Driver>(pool: &Pool<DB>) -> TestResult {
    revocation_beside_renewal(pool, &[End::Twice], SHORT).await
}

crate::support::databases::on_every_database! {
    a_session_keeps_its_handle_when_its_key_is_renewed
    sessions_that_were_renewed_are_ended_and_counted_once
    a_logout_of_a_renewed_session_leaves_nothing_to_list
    behind_a_cache_renewed_sessions_are_ended_and_counted_once
    no_session_that_is_being_renewed_survives_a_revocation
    two_revocations_at_once_leave_no_session_that_is_being_renewed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the long form"]
async fn of_10_000_keys_none_survives_a_revocation() -> TestResult {
    if let Some(scratch) = databases::sqlite().await {
        revocation_beside_renewal(&scratch.pool, &ENDS, LONG).await?;
    }
    if let Some(scratch) = databases::postgres().await {
        revocation_beside_renewal(&scratch.pool, &ENDS, LONG).await?;
    }
    if let Some(scratch) = databases::mysql().await {
        revocation_beside_renewal(&scratch.pool, &ENDS, LONG).await?;
    }
    Ok(())
}
