//! [`OldRelease`]: `CachedDbStore` as an earlier release had it, with its entries: sessions that begin with `S` and have
//! no version. It shares a cache with the present one during a rolling deployment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jam_session::{Cache, Draft, Record, Saved, SessionKey, SessionStore, StoreError, StoredText};
use time::OffsetDateTime;

const ENDED: &[u8] = b"E";
const TTL: Duration = Duration::from_secs(60);

pub(crate) struct OldRelease<S, C> {
    pub(crate) store: S,
    pub(crate) cache: C,
}

enum Look {
    Session(Record),
    Empty,
    Worthless(Arc<[u8]>),
    Closed,
}

type Claim = [u8; 17];

fn claim() -> Claim {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [b'C'; 17];
    bytes[1..9].copy_from_slice(&NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes());
    bytes
}

fn name(key: &SessionKey) -> String {
    format!("django.contrib.sessions.cached_db{}", key.as_str())
}

fn encode(record: &Record) -> Vec<u8> {
    let micros = |date: OffsetDateTime| (date.unix_timestamp_nanos() / 1_000) as i64;
    let stamp = micros(jam_session::Clock::system().now());
    let mut bytes = vec![b'S'];
    bytes.extend_from_slice(&stamp.to_be_bytes());
    bytes.extend_from_slice(&micros(record.expire_date).to_be_bytes());
    bytes.extend_from_slice(&(record.stored.0.len() as u32).to_be_bytes());
    bytes.extend_from_slice(record.stored.0.as_bytes());
    bytes
}

fn decode(key: &SessionKey, bytes: &[u8]) -> Option<Record> {
    let (_stamp, rest) = bytes.strip_prefix(b"S")?.split_first_chunk::<8>()?;
    let (expire, rest) = rest.split_first_chunk()?;
    let (_length, rest) = rest.split_first_chunk::<4>()?;
    let text = str::from_utf8(rest).ok()?;
    let expire_date = OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(i64::from_be_bytes(*expire));
    Some(Record::new(key.clone(), text.parse().ok()?, expire_date, StoredText(text.into())))
}

impl<S: SessionStore, C: Cache> OldRelease<S, C> {
    async fn look(&self, name: &str, key: &SessionKey, now: OffsetDateTime) -> Look {
        let Ok(found) = self.cache.get(name).await else { return Look::Closed };
        let Some(bytes) = found else { return Look::Empty };
        if &*bytes == ENDED || bytes.first() == Some(&b'C') {
            return Look::Closed;
        }
        match decode(key, &bytes).filter(|record| record.expire_date > now) {
            Some(record) => Look::Session(record),
            None => Look::Worthless(bytes),
        }
    }

    async fn claim_where(&self, name: &str, seen: Look) -> Option<Claim> {
        let claim = claim();
        let placed = match seen {
            Look::Empty => self.cache.add(name, &claim, TTL).await,
            Look::Worthless(bytes) => self.cache.compare_and_set(name, &bytes, &claim, TTL).await,
            Look::Closed | Look::Session(_) => return None,
        };
        placed.is_ok_and(|placed| placed).then_some(claim)
    }

    async fn fill(&self, name: &str, claim: &Claim, record: &Record) -> bool {
        self.cache.compare_and_set(name, claim, &encode(record), TTL).await.is_ok_and(|filled| filled)
    }

    /// Every write: a claim, the database, and then the session in the place of the claim, or nothing, or the mark.
    async fn write(
        &self,
        key: &SessionKey,
        moves: bool,
        write: impl Future<Output = Result<Saved, StoreError>>,
    ) -> Result<Saved, StoreError> {
        let (name, claim) = (name(key), claim());
        self.cache.set(&name, &claim, TTL).await.map_err(StoreError::Backend)?;
        let result = write.await?;
        match &result {
            Saved::Done(_) if moves => self.ended(&name).await?,
            Saved::Gone => self.ended(&name).await?,
            Saved::Done(record) | Saved::Conflict(record) => {
                if !self.fill(&name, &claim, record).await {
                    self.cache.delete(&name).await.map_err(StoreError::Backend)?;
                }
            }
        }
        Ok(result)
    }

    async fn ended(&self, name: &str) -> Result<(), StoreError> {
        self.cache.set(name, ENDED, TTL).await.map_err(StoreError::Backend)
    }
}

impl<S: SessionStore, C: Cache> SessionStore for OldRelease<S, C> {
    async fn load(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let name = name(key);
        let seen = match self.look(&name, key, now).await {
            Look::Session(record) => return Ok(Some(record)),
            seen => seen,
        };
        let claim = self.claim_where(&name, seen).await;
        let found = self.store.load(key, now).await?;
        match (claim, &found) {
            (Some(claim), Some(record)) => drop(self.fill(&name, &claim, record).await),
            (Some(_), None) => drop(self.cache.delete(&name).await),
            (None, _) => {}
        }
        Ok(found)
    }

    async fn create(&self, key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        self.store.create(key, draft, now).await
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.write(&loaded.session_key, false, self.store.save(loaded, draft, now)).await
    }

    async fn touch(&self, loaded: &Record, until: OffsetDateTime, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let name = name(&loaded.session_key);
        self.cache.set(&name, &claim(), TTL).await.map_err(StoreError::Backend)?;
        let result = self.store.touch(loaded, until, now).await?;
        self.cache.delete(&name).await.map_err(StoreError::Backend)?;
        Ok(result)
    }

    async fn cycle(
        &self,
        loaded: &Record,
        key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.write(&loaded.session_key, true, self.store.cycle(loaded, key, draft, now)).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let name = name(key);
        self.cache.set(&name, &claim(), TTL).await.map_err(StoreError::Backend)?;
        self.store.delete(key).await?;
        self.ended(&name).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.store.exists(key).await
    }

    async fn clear_expired(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.store.clear_expired(now).await
    }
}
