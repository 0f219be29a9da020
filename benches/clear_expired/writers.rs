//! [`Writers`]: requests that change live sessions, until they are asked for their figures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jam_session::{DbStore, Draft, Driver, Saved, SessionKey, SessionStore};
use tokio::{task::JoinHandle, time::sleep};

use crate::{BoxError, NOW};

pub(crate) const WRITERS: usize = 4;

/// How long a writer rests after a request: some hundred requests a second from all of them.
const REST: Duration = Duration::from_millis(5);

pub(crate) struct Writers {
    done: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Result<Vec<Duration>, BoxError>>>,
}

impl Writers {
    pub(crate) async fn start<DB: Driver>(store: &DbStore<DB>) -> Result<Self, BoxError> {
        let live = format!("SELECT session_key FROM django_session WHERE expire_date > {} LIMIT 10000", DB::marker(1));
        let mut args = DB::Arguments::default();
        DB::push_date(&mut args, NOW)?;
        let rows = DB::fetch_all(store.pool(), live.into(), args).await?;
        let keys: Result<Vec<_>, _> = rows.iter().map(|row| DB::read_texts(row).map(|[key]| key)).collect();
        let keys: Arc<Vec<String>> = Arc::new(keys?.into_iter().flatten().collect());
        let done = Arc::new(AtomicBool::new(false));
        let write = |writer: usize| {
            let (store, keys, done) = (store.clone(), Arc::clone(&keys), Arc::clone(&done));
            tokio::spawn(async move {
                let mut took = Vec::new();
                for key in keys.iter().cycle().skip(writer * 1000) {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    took.push(change(&store, &SessionKey::parse(key)?).await?);
                    sleep(REST).await;
                }
                Ok(took)
            })
        };
        Ok(Self { tasks: (0..WRITERS).map(write).collect(), done })
    }

    /// How long a request takes, which one in a hundred exceeds.
    pub(crate) async fn p99(self) -> Result<Duration, BoxError> {
        self.done.store(true, Ordering::Relaxed);
        let mut took = Vec::new();
        for task in self.tasks {
            took.extend(task.await??);
        }
        took.sort_unstable();
        Ok(took.get(took.len() * 99 / 100).copied().unwrap_or_default())
    }
}

/// What a request that counts a visit asks of the store; says how long that took.
async fn change<DB: Driver>(store: &DbStore<DB>, session_key: &SessionKey) -> Result<Duration, BoxError> {
    let started = Instant::now();
    let loaded = store.load(session_key, NOW).await?.ok_or("a live session is gone")?;
    let mut session_data = loaded.session_data.clone();
    let visits = session_data.get::<u64>("visits")?.unwrap_or(0);
    session_data.insert("visits", &(visits + 1))?;
    match store.save(&loaded, &Draft::new(session_data, loaded.expire_date), NOW).await? {
        Saved::Gone => Err("a live session is gone".into()),
        Saved::Done(_) | Saved::Conflict(_) => Ok(started.elapsed()),
    }
}
