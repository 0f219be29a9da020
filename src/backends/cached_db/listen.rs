//! Telling other nodes of a change at once.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

type Sent = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the other nodes that a session of this group has changed.
pub(super) struct Announce {
    /// What it calls this node, which need not hear of its own changes.
    node: String,
    send: Arc<dyn Fn(String) -> Sent + Send + Sync>,
}

impl Announce {
    pub(super) async fn tell(&self, group: u16) {
        (self.send)(format!("{}:{group:04x}", self.node)).await;
    }
}

impl fmt::Debug for Announce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Announce(..)")
    }
}

#[cfg(feature = "postgres")]
pub use postgres::Listener;

#[cfg(feature = "postgres")]
mod postgres {
    use std::{sync::Arc, time::Duration};

    use tokio::{task::JoinHandle, time::sleep};

    use super::{Announce, Sent};
    use crate::{
        backends::{
            cached_db::{CachedDbStore, side::Side},
            db::{
                PostgresStore,
                notify::{Change, Changes, Postgres},
            },
        },
        base_session::AbstractBaseSession,
        cache::Cache,
        error::{self, StoreError},
        random,
    };

    /// How long a node waits before it tries again to listen.
    const PAUSE: Duration = Duration::from_millis(250);

    /// Hears of changes on other nodes until it is dropped. [`CachedDbStore::listen`] makes it.
    #[derive(Debug)]
    #[must_use = "it stops to listen when it is dropped"]
    pub struct Listener(JoinHandle<()>);

    impl Drop for Listener {
        fn drop(&mut self) {
            self.0.abort();
        }
    }

    impl<M: AbstractBaseSession<Postgres>, C: Cache> CachedDbStore<PostgresStore<M>, C> {
        /// From now on tells the other nodes which sessions this one changes, and hears of theirs, with PostgreSQL's
        /// `NOTIFY` and `LISTEN`: a session that was changed or ended anywhere is not served from this node's cache
        /// any more once its writer was answered and the news have arrived, which takes milliseconds. Call it on
        /// every node, and keep the [`Listener`].
        ///
        /// What goes over the wire names no session: 16 bits of a hash of its key, which others share. Each write
        /// costs one more statement. The listener has a connection of its own, beside the pool.
        ///
        /// While that connection is cut, what other nodes change is seen within
        /// [`time_to_live`](CachedDbStore::time_to_live). When it is back, nothing that was cached before is served.
        ///
        /// ```no_run
        /// # #[cfg(feature = "locmem")]
        /// # async fn serve() -> Result<(), jam_session::StoreError> {
        /// use jam_session::{CachedDbStore, LocMemCache, PostgresStore, SessionLayer};
        ///
        /// let table: PostgresStore = PostgresStore::connect("postgres://web:secret@localhost/shop").await?;
        /// let store = CachedDbStore::new(table, LocMemCache::new());
        /// let _listener = store.listen().await?;
        /// let layer = SessionLayer::new(store);
        /// # Ok(()) }
        /// ```
        ///
        /// # Errors
        ///
        /// When the database cannot be reached, or the system gives no random bytes.
        pub async fn listen(&self) -> Result<Listener, StoreError> {
            let changes = self.store.changes().await?;
            let node = u64::from_ne_bytes(random::bytes().map_err(StoreError::Backend)?);
            let node = self.side.announce.get_or_init(|| announce(&self.store, node)).node.clone();
            self.side.trust.keep_groups();
            self.side.trust.doubt_all();
            let (side, table) = (Arc::clone(&self.side), self.store.table().to_owned());
            Ok(Listener(tokio::spawn(hear(changes, side, table, node))))
        }
    }

    fn announce<M: AbstractBaseSession<Postgres>>(store: &Arc<PostgresStore<M>>, node: u64) -> Announce {
        let store = Arc::clone(store);
        let send = move |change: String| -> Sent {
            let store = Arc::clone(&store);
            Box::pin(async move {
                if let Err(error) = store.notify(&format!("{}:{change}", store.table())).await {
                    tracing::warn!(error = error::chain(&error), "other nodes were not told of a changed session");
                }
            })
        };
        Announce { node: format!("{node:016x}"), send: Arc::new(send) }
    }

    /// Doubts what other nodes say they have changed.
    async fn hear<C: Cache>(mut changes: Changes, side: Arc<Side<C>>, table: String, node: String) {
        loop {
            match changes.next().await {
                Ok(Change::Told(payload)) => {
                    if let Some(group) = group_in(&payload, &table, &node) {
                        side.trust.doubt(group);
                    }
                }
                // Whatever was told in between was missed.
                Ok(Change::Missed) => side.trust.doubt_all(),
                Err(error) => {
                    tracing::debug!(error = error::chain(&error), "cannot hear of changed sessions; trying again");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// The group of a session of this table that another node has changed.
    fn group_in(payload: &str, table: &str, node: &str) -> Option<u16> {
        let (rest, group) = payload.rsplit_once(':')?;
        let (of, by) = rest.rsplit_once(':')?;
        if of != table || by == node {
            return None;
        }
        u16::from_str_radix(group, 16).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_others_say_about_this_table_counts() {
            assert_eq!(group_in("t:other:00ff", "t", "me"), Some(255));
            for not in ["t:me:00ff", "u:other:00ff", "t:other:zz", "", ":", "t:other:", "t:other:10000"] {
                assert_eq!(group_in(not, "t", "me"), None, "{not}");
            }
        }
    }
}
