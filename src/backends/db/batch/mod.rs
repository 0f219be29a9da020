//! Natural batching: while a statement of a kind is under way, what arrives leaves together as the next one.
//!
//! Nothing waits for company: a request that finds nothing under way runs its plain statement in place, on SQLite after
//! one look at what has arrived already. So an idle application sees no difference, and a busy one sends a statement for many requests as soon as the one
//! before has come back. Each session's outcome is what its own statement would have given.

use std::{fmt, sync::Arc};

use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    DbStore, Driver, Writer,
    failure::{failure, is_connection_error},
};
use crate::{base_session::AbstractBaseSession, error::StoreError, events};

mod by_key;
pub(super) use by_key::{Delete, Load};
mod lane;
use lane::{Entry, Lane, Outcome};
mod rows;
pub(super) use rows::{Create, Save};
mod statements;
use statements::Texts;

/// What waits, by kind.
pub(super) struct Lanes<M: Send + Sync + 'static> {
    off: bool,
    loads: Lane<Load>,
    saves: Lane<Save<M>>,
    creates: Lane<Create<M>>,
    deletes: Lane<Delete>,
    /// A database with one writer at a time makes the others ask again and again; here they stand in line.
    pub(super) writer: Option<Semaphore>,
    load: Texts,
    insert: Texts,
    update: Texts,
    delete: Texts,
}

impl<M: Send + Sync + 'static> Lanes<M> {
    pub(super) fn new<DB: Driver>() -> Self {
        Self {
            off: false,
            loads: Lane::default(),
            saves: Lane::default(),
            creates: Lane::default(),
            deletes: Lane::default(),
            writer: DB::ONE_WRITER.then(|| Semaphore::new(1)),
            load: Texts::default(),
            insert: Texts::default(),
            update: Texts::default(),
            delete: Texts::default(),
        }
    }
}

impl<M: Send + Sync + 'static> fmt::Debug for Lanes<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("off", &self.off).finish_non_exhaustive()
    }
}

/// An entry that knows its statement, alone and in company.
pub(super) trait Job<DB: Driver, M: AbstractBaseSession<DB>>: Entry + Sync + Sized {
    /// Whether it needs the turn to write, where the database has one writer at a time.
    const WRITES: bool = true;

    fn lane(lanes: &Lanes<M>) -> &Lane<Self>;

    /// Whether the text of the statement is the same for any number of them.
    fn any_size() -> bool;

    /// Whether a statement of many may be tried once more, by each on its own, after this error: where the database
    /// has said no, and so has done nothing.
    fn may_repeat(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::Database(_) | sqlx::Error::Encode(_)) && !is_connection_error(error)
    }

    fn alone(&self, store: &DbStore<DB, M>) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;

    /// One statement for all; what came of each, in their order.
    fn together(
        store: &DbStore<DB, M>,
        connection: &mut DB::Connection,
        jobs: &[Self],
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Output>>> + Send;
}

/// The right to run a statement. When it ends, what has come meanwhile gets its turn, in a task of its own: a
/// request neither waits for others nor takes them along when it is given up.
struct Turn<'a, DB: Driver, M: AbstractBaseSession<DB>, J: Job<DB, M>> {
    store: &'a DbStore<DB, M>,
    lane: &'a Lane<J>,
}

impl<DB: Driver, M: AbstractBaseSession<DB>, J: Job<DB, M>> Drop for Turn<'_, DB, M, J> {
    fn drop(&mut self) {
        if !self.lane.leave() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(drain::<DB, M, J>(self.store.clone()))),
            Err(_) => self.lane.abandon(),
        }
    }
}

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Whether statements of requests that overlap are sent as one. On by default; results and errors are the same,
    /// each request's own, and an idle store sends the plain statements either way.
    ///
    /// Loads, first writes and deletions are gathered on every database, saves where the database says which rows it
    /// has written (not on MySQL and MariaDB). A statement has at most 64 rows, and writes no session twice.
    #[must_use]
    pub fn batching(self, on: bool) -> Self {
        Self { lanes: Arc::new(Lanes { off: !on, ..Lanes::new::<DB>() }), ..self }
    }

    pub(super) async fn run<J: Job<DB, M>>(&self, job: J) -> Result<J::Output, StoreError> {
        if self.lanes.off {
            return job.alone(self).await;
        }
        let lane = J::lane(&self.lanes);
        let job = match lane.enter(job) {
            Ok(job) => job,
            Err(ticket) => match lane.wait(ticket).await {
                Outcome::Done(result) => return result,
                Outcome::Alone(job) => return job.alone(self).await,
                Outcome::Lead(job) => job,
            },
        };
        let _turn = Turn { store: self, lane };
        let_others_come::<DB>().await;
        job.alone(self).await
    }

    async fn run_together<J: Job<DB, M>>(&self, mut place: Writer<'_, DB>, batch: Vec<(J, lane::Answer<J>)>) {
        let (jobs, answers): (Vec<J>, Vec<_>) = batch.into_iter().unzip();
        // Whoever has gone meanwhile does not listen; that is no error.
        if jobs.len() == 1 {
            drop(place);
            for (job, answer) in jobs.into_iter().zip(answers) {
                let _ = answer.send(Outcome::Done(job.alone(self).await));
            }
            return;
        }
        let result = J::together(self, &mut place.connection, &jobs).await;
        drop(place);
        match result {
            Ok(outputs) => {
                events::batched(outputs.len());
                for (output, answer) in outputs.into_iter().zip(answers) {
                    let _ = answer.send(Outcome::Done(Ok(output)));
                }
            }
            Err(error) if J::may_repeat(&error) => {
                // Not the error itself: MySQL's names the key that is taken.
                tracing::debug!(sessions = jobs.len(), "a statement for many failed; now each on its own");
                for (job, answer) in jobs.into_iter().zip(answers) {
                    let _ = answer.send(Outcome::Alone(job));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Outcome::Done(Err(failure::<DB>(&self.sql.table, Arc::clone(&error)))));
                }
            }
        }
    }
}

/// Requests that have arrived already and only wait for this thread get into the line. It costs one look around, and
/// nothing is waited for.
async fn let_others_come<DB: Driver>() {
    if DB::SWIFT {
        tokio::task::yield_now().await;
    }
}

async fn drain<DB: Driver, M: AbstractBaseSession<DB>, J: Job<DB, M>>(store: DbStore<DB, M>) {
    let lane = J::lane(&store.lanes);
    let _turn = Turn { store: &store, lane };
    loop {
        let_others_come::<DB>().await;
        if lane.is_empty() {
            return;
        }
        // Before anything is gathered: what is too late by the time that there is a connection stays behind, and what has
        // come by then goes along.
        let place = if J::WRITES { store.writer(None).await } else { store.reader().await };
        let batch = lane.next(J::any_size());
        match place {
            Ok(place) => store.run_together(place, batch).await,
            Err(error) => refuse(error, batch),
        }
    }
}

/// Tells all of them that there was no connection.
fn refuse<E: Entry>(error: StoreError, batch: Vec<(E, lane::Answer<E>)>) {
    let error = Arc::new(error);
    for (_, answer) in batch {
        let _ = answer.send(Outcome::Done(Err(StoreError::shared(&error))));
    }
}

fn encoding(error: StoreError) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}
