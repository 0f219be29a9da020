//! [`Flights`]: requests that want the same session at the same time share one question to the database.
//!
//! A request joins a question that has not been asked yet, never one that is under way: its answer may be older than
//! the request, and something may have been acknowledged in between. So while one question is under way, everybody
//! else gathers for the next.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use crate::{backends::Record, error::StoreError, session_key::SessionKey};

type Found = Result<Option<Record>, StoreError>;

#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<SessionKey, Arc<Route>>>);

/// The questions for one key.
#[derive(Debug, Default)]
struct Route {
    /// Held by who is asking.
    turn: AsyncMutex<()>,
    latest: Mutex<Arc<Flight>>,
}

#[derive(Debug, Default)]
struct Flight {
    begun: AtomicBool,
    answer: OnceCell<Result<Option<Record>, Arc<StoreError>>>,
}

/// Somebody who waits for an answer.
struct Seat<'a> {
    flights: &'a Flights,
    session_key: &'a SessionKey,
    route: Option<Arc<Route>>,
    flight: Arc<Flight>,
}

impl Flights {
    /// The answer of `ask`, this caller's or that of another who gathered for the same question. When who asks is
    /// dropped, the next one asks.
    pub(super) async fn share(&self, session_key: &SessionKey, ask: impl Future<Output = Found>) -> Found {
        let seat = self.join(session_key);
        let answer = seat.flight.answer.get_or_init(async || {
            let _turn = match &seat.route {
                Some(route) => Some(route.turn.lock().await),
                None => None,
            };
            seat.flight.begun.store(true, Ordering::SeqCst);
            ask.await.map_err(Arc::new)
        });
        answer.await.clone().map_err(|error| StoreError::shared(&error))
    }

    fn join<'a>(&'a self, session_key: &'a SessionKey) -> Seat<'a> {
        let mut routes = self.routes();
        let route = Arc::clone(routes.entry(session_key.clone()).or_default());
        let mut latest = route.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.begun.load(Ordering::SeqCst) {
            *latest = Arc::default();
        }
        let flight = Arc::clone(&latest);
        drop(latest);
        Seat { flights: self, session_key, route: Some(route), flight }
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<Route>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut routes = self.flights.routes();
        self.route = None;
        // The map's own reference is the last one: nobody waits for this key.
        if routes.get(self.session_key).is_some_and(|route| Arc::strong_count(route) == 1) {
            routes.remove(self.session_key);
        }
    }
}
