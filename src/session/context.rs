//! What all sessions of one layer share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use time::{Duration, OffsetDateTime};

use super::{moved::Moved, queue::WriterQueue, writes::Writes};
use crate::{
    backends::{ErasedStore, HashedKeys, SessionStore},
    client::{self, Client},
    clock::Clock,
    error::{Error, SettingsError},
    events::Events,
    expiry::{LONGEST, Stored},
    random,
    session_data::SessionData,
    settings::{HashKeys, Settings},
};

type ClientIp = Arc<dyn Fn(&http::HeaderMap, &http::Extensions) -> Option<std::net::IpAddr> + Send + Sync>;
type CookieAge = Arc<dyn Fn(&SessionData) -> std::time::Duration + Send + Sync>;

/// What a generated key looks like.
const GENERATED: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// Store, settings, clock. A clone of a context is another layer over the same store.
#[derive(Clone)]
pub(crate) struct Context {
    /// What sessions are loaded from and saved to.
    pub(crate) store: ErasedStore,
    /// The same without what `hash_keys` puts before it.
    given: ErasedStore,
    pub(crate) settings: Settings,
    /// Whether the layer has a name of its own, by which its sessions are told from those of others.
    pub(crate) named: bool,
    pub(crate) clock: Clock,
    /// What new keys are drawn from.
    pub(crate) random: random::Source,
    pub(crate) cookie_age: Option<CookieAge>,
    pub(crate) client_ip: Option<ClientIp>,
    pub(crate) record_user_agent: bool,
    pub(crate) queue: Arc<WriterQueue>,
    pub(super) moved: Moved,
    pub(crate) writes: Arc<Writes>,
    pub(crate) events: Arc<Events>,
    /// How many keys this process has taken away from their sessions, by an end or by a new key. A request that hands
    /// out a key asks the store once more when this has changed since it last knew the key to be good.
    pub(super) ends: Arc<AtomicU64>,
}

impl Context {
    pub(crate) fn new(store: ErasedStore, settings: Settings) -> Self {
        Self {
            store: layered(&store, &settings),
            given: store,
            settings,
            named: false,
            clock: Clock::system(),
            random: random::fill,
            cookie_age: None,
            client_ip: None,
            record_user_agent: false,
            queue: Arc::default(),
            moved: Moved::default(),
            writes: Arc::default(),
            events: Arc::default(),
            ends: Arc::default(),
        }
    }

    pub(super) fn ends(&self) -> u64 {
        self.ends.load(Ordering::Acquire)
    }

    /// Counts a key that opens its session no more. It comes before the answer to whoever took it away.
    pub(super) fn count_end(&self) {
        self.ends.fetch_add(1, Ordering::AcqRel);
    }

    /// Has the store know the settings that it depends on. It follows every change of them.
    pub(crate) fn apply_settings(&mut self) {
        self.store = layered(&self.given, &self.settings);
    }

    /// Checks the settings, and that the store can do what they ask for.
    pub(crate) fn validate(&self) -> Result<(), SettingsError> {
        self.settings.validate()?;
        if self.settings.valid_from.is_some_and(|from| from > self.now().saturating_add(Duration::MINUTE)) {
            return Err(SettingsError(
                "valid_from lies in the future, so no session would be good; take a past date".into(),
            ));
        }
        // A store that does not know a generated key makes its own: what it is given is stored nowhere.
        if self.settings.hash_keys != HashKeys::Off && !self.given.accepts(GENERATED) {
            return Err(SettingsError("this store makes its own keys, so hash_keys has to be off".into()));
        }
        Ok(())
    }

    /// What is recorded of a request; nothing unless the layer was told to.
    pub(crate) fn client<B>(&self, request: &http::Request<B>) -> Option<Box<Client>> {
        if self.client_ip.is_none() && !self.record_user_agent {
            return None;
        }
        let (headers, extensions) = (request.headers(), request.extensions());
        let user_agent = headers.get(http::header::USER_AGENT).filter(|_| self.record_user_agent);
        let user_agent = user_agent.map(|agent| client::user_agent(agent.as_bytes()));
        Some(Box::new(Client { ip: self.client_ip.as_ref().and_then(|ip| ip(headers, extensions)), user_agent }))
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// `get_session_cookie_age`: the setting, or what the application's function says.
    pub(crate) fn session_cookie_age(&self, data: &SessionData) -> Duration {
        let age = self.cookie_age.as_ref().map_or(self.settings.cookie_age, |age| age(data));
        Duration::try_from(age).unwrap_or(LONGEST).min(LONGEST)
    }

    /// The expiry that a session of this data has of its own.
    pub(crate) fn stored_expiry(&self, data: &SessionData) -> Result<Stored, Error> {
        Stored::of(data, &|at| self.store.local_offset(at))
    }
}

/// The store that a layer with these settings uses.
fn layered(given: &ErasedStore, settings: &Settings) -> ErasedStore {
    let own = given.for_cookie(&settings.cookie_name, settings.cookie_format);
    HashedKeys::over(own.as_ref().unwrap_or(given), settings.hash_keys).timed()
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("store", &self.store).field("settings", &self.settings).finish_non_exhaustive()
    }
}
