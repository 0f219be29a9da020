//! The link to Redis: it connects with the first command, again after the connection broke, and waits for neither
//! while Redis is known to be down.
//!
//! A server that was started anew may have come back with what it had on its disk, and one that took over may lack
//! what came last. Whoever keeps a cache in step has to know: each user of the link gets an error then, once.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};
use tokio::time::{Instant, timeout};

use super::{connection::Connection, failure::Failure, target::Target};

/// After a failed attempt to connect nobody tries again for this long, doubled each time, up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A connection that was quiet for this long is tried with a read before something is written: a write whose answer
/// is lost cannot be repeated.
const QUIET: Duration = Duration::from_secs(1);
/// So many unanswered commands in a row, and the connection is given up.
const SILENCES: u32 = 3;

pub(super) struct Link {
    pub(super) target: Target,
    place: String,
    state: Mutex<State>,
    /// Held by the one that connects.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    down: Option<Down>,
    /// Of the connection that is held, to tell it from later ones.
    number: u64,
    identity: Option<String>,
    /// How many servers that were, one after the other.
    lives: u64,
    silences: u32,
}

/// The life of the server that a user of the link knows; 0 before the first.
#[derive(Default)]
pub(super) struct Known(AtomicU64);

#[derive(Clone)]
struct Held {
    connection: Connection,
    number: u64,
    life: u64,
    used: Instant,
}

struct Down {
    until: Instant,
    pause: Duration,
    failure: Failure,
}

impl Link {
    pub(super) fn new(target: Target) -> Self {
        let place = target.place();
        Self { target, place, state: Mutex::default(), turn: Arc::default() }
    }

    /// For another user, who knows what is so now.
    pub(super) fn known(&self) -> Known {
        Known(AtomicU64::new(self.state().lives))
    }

    /// Asks for what may be asked twice.
    pub(super) async fn read<T: FromRedisValue>(self: &Arc<Self>, known: &Known, command: &Cmd) -> Result<T, Failure> {
        self.within_deadline(async {
            let mut again = true;
            loop {
                let held = self.held_by(known).await?;
                let error = match self.send(&held, command).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                // A Cluster does not say which of its servers are others now.
                if !again || held.connection.mends_itself() || !is_broken(&error) {
                    return Err(self.failed(&error));
                }
                again = false;
            }
        })
        .await
    }

    /// Sends what changes `key`, at most once.
    pub(super) async fn write<T: FromRedisValue>(
        self: &Arc<Self>,
        known: &Known,
        key: &str,
        command: &Cmd,
    ) -> Result<T, Failure> {
        let quiet = |held: &Held| !held.connection.mends_itself() && held.used.elapsed() > QUIET;
        if self.state().held.as_ref().is_some_and(quiet) {
            self.read::<bool>(known, redis::cmd("EXISTS").arg(key)).await?;
        }
        self.within_deadline(async {
            let held = self.held_by(known).await?;
            self.send(&held, command).await.map_err(|error| self.failed(&error))
        })
        .await
    }

    async fn held_by(self: &Arc<Self>, known: &Known) -> Result<Held, Failure> {
        let held = self.held().await?;
        let life = known.0.swap(held.life, Ordering::SeqCst);
        if life == 0 || life == held.life { Ok(held) } else { Err(Failure::renewed(&self.place)) }
    }

    fn failed(&self, error: &RedisError) -> Failure {
        Failure::answer(&self.place, error, self.target.response_timeout)
    }

    /// One command, with everything that it may have to wait for.
    async fn within_deadline<T>(&self, asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let patience = self.target.connect_timeout + self.target.response_timeout;
        timeout(patience, asking).await.unwrap_or_else(|_| Err(Failure::silent(&self.place, patience)))
    }

    async fn send<T: FromRedisValue>(&self, held: &Held, command: &Cmd) -> Result<T, RedisError> {
        let mut waiting = Waiting { link: self, held, since: Instant::now(), answered: false };
        let result = held.connection.clone().ask(command).await;
        waiting.answered = true;
        match result.as_ref().err().filter(|error| error.is_io_error() || is_broken(error)) {
            Some(error) => self.unanswered(held, is_broken(error) && !held.connection.mends_itself()),
            None => self.answered(held),
        }
        result
    }

    fn answered(&self, by: &Held) {
        let mut state = self.state();
        if state.number == by.number {
            state.silences = 0;
            if let Some(held) = &mut state.held {
                held.used = Instant::now();
            }
        }
    }

    fn unanswered(&self, by: &Held, broken: bool) {
        let mut state = self.state();
        if state.number == by.number {
            state.silences += 1;
            if broken || state.silences >= SILENCES {
                state.held = None;
            }
        }
    }

    async fn held(self: &Arc<Self>) -> Result<Held, Failure> {
        if let Some(held) = self.state().held.clone() {
            return Ok(held);
        }
        let failed = self.state().down.as_ref().map(|down| down.failure.clone());
        let turn = match (Arc::clone(&self.turn).try_lock_owned(), failed) {
            (Ok(turn), _) => turn,
            (Err(_), Some(failure)) => return Err(failure),
            (Err(_), None) => Arc::clone(&self.turn).lock_owned().await,
        };
        if let Some(known) = self.state().known() {
            return known;
        }
        // In a task of its own: whoever waits may have less time than connecting takes.
        let link = Arc::clone(self);
        let connecting = tokio::spawn(async move {
            let _turn = turn;
            let result = link.target.connect().await;
            link.state().connected(result)
        });
        connecting.await.unwrap_or_else(|_| Err(Failure::silent(&self.place, self.target.connect_timeout)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code of ours panics between two halves of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command under way. Whoever gave up waiting for it, after some time, had no answer either.
struct Waiting<'a> {
    link: &'a Link,
    held: &'a Held,
    since: Instant,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered && self.since.elapsed() >= self.link.target.response_timeout / 4 {
            self.link.unanswered(self.held, false);
        }
    }
}

impl State {
    /// What whoever was at it before us has found out.
    fn known(&self) -> Option<Result<Held, Failure>> {
        if let Some(held) = &self.held {
            return Some(Ok(held.clone()));
        }
        let down = self.down.as_ref().filter(|down| Instant::now() < down.until)?;
        Some(Err(down.failure.clone()))
    }

    fn connected(&mut self, result: Result<(Connection, Option<String>), Failure>) -> Result<Held, Failure> {
        match result {
            Ok((connection, identity)) => {
                self.number += 1;
                self.lives += u64::from(self.lives == 0 || identity.is_none() || identity != self.identity);
                (self.down, self.silences, self.identity) = (None, 0, identity);
                let held = Held { connection, number: self.number, life: self.lives, used: Instant::now() };
                self.held = Some(held.clone());
                Ok(held)
            }
            Err(failure) => {
                let pause = self.down.as_ref().map_or(FIRST_PAUSE, |down| (down.pause * 2).min(LONGEST_PAUSE));
                self.down = Some(Down { until: Instant::now() + pause, pause, failure: failure.clone() });
                Err(failure)
            }
        }
    }
}

/// Whether the connection is of no use any more: gone, or to a server that is not the master now.
fn is_broken(error: &RedisError) -> bool {
    let demoted = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
    demoted || error.is_connection_dropped() || error.is_unrecoverable_error()
}
