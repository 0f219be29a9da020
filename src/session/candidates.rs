//! Several cookies of one name with different values: which of them is live. The server does not see which cookie has
//! which domain and path, so it asks the store.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    inner::{Found, Inner},
    state::Sent,
};
use crate::{backends::Record, error::Error, events, session_key::SessionKey};

type Looking<'a> = Pin<Box<dyn Future<Output = Result<Found, Error>> + Send + 'a>>;

impl Inner {
    /// Loads the session of `keys` if exactly one of them has a live one. The store is asked for all of them at once.
    pub(super) async fn load_one_of(&self, keys: &[SessionKey]) -> Result<(), Error> {
        let ends = self.context.ends();
        let looking = keys.iter().map(|key| Box::pin(self.look_up(key)) as Looking<'_>).collect();
        let found = all(looking).await.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let mut live: Vec<Record> = Vec::new();
        for record in found.iter().filter_map(Found::record) {
            // A renewed key leads to the same session as the new one.
            if !live.iter().any(|known| known.session_key == record.session_key) {
                live.push(record.clone());
            }
        }
        let (context, now, ambiguous) = (&self.context, self.context.now(), live.len() > 1);
        match live.as_slice() {
            [] => {
                let reason = found.iter().zip(keys).find(|(found, _)| !matches!(found, Found::Missing));
                let (found, key) = reason.unwrap_or((&Found::Missing, &keys[0]));
                self.report(found, key, now);
            }
            [_] => {
                events::found();
                context.events.stale_twin(now);
            }
            _ => context.events.duplicate_cookie(now),
        }
        let undecodable = live.is_empty() && found.iter().any(Found::is_undecodable);
        let record = if ambiguous { None } else { live.pop() };
        let mut state = self.lock();
        // A flush may have been quicker.
        if !state.loaded {
            state.resolved = record.is_some();
            state.issued = record.is_some();
            state.ends = ends;
            state.ambiguous = ambiguous;
            state.undecodable = undecodable;
            state.sent = Sent::Several(of_this_layer(keys, &found));
            state.install_loaded(record);
        }
        Ok(())
    }

    /// The keys whose sessions an end is about where no session is loaded: all that came. Each of them may be the
    /// visitor's, and whoever sent a key may end its session.
    pub(super) fn contradicting_keys(&self) -> Vec<SessionKey> {
        let state = self.lock();
        match &state.sent {
            Sent::Several(keys)
                if state.record.is_none() && (state.ambiguous || state.undecodable || !state.loaded) =>
            {
                keys.to_vec()
            }
            _ => Vec::new(),
        }
    }
}

/// The keys without those of other layers' sessions, which are not for this one to end.
fn of_this_layer(keys: &[SessionKey], found: &[Found]) -> Box<[SessionKey]> {
    let own = keys.iter().zip(found).filter(|(_, found)| !matches!(found, Found::OtherLayer));
    own.map(|(key, _)| key.clone()).collect()
}

/// Polls all of them until each is ready.
async fn all(mut futures: Vec<Looking<'_>>) -> Vec<Result<Found, Error>> {
    let mut results: Vec<_> = futures.iter().map(|_| None).collect();
    poll_fn(|cx: &mut Context<'_>| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(found) = future.as_mut().poll(cx)
            {
                *result = Some(found);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}
