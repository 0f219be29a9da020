// The links of the README, as they are outside of the repository: of two definitions the first counts.
#![doc = "[ARCHITECTURE.md]: https://docs.rs/crate/jam-session/latest/source/ARCHITECTURE.md"]
#![doc = "[CHANGELOG.md]: https://docs.rs/crate/jam-session/latest/source/CHANGELOG.md"]
#![doc = "[CONTRIBUTING.md]: https://docs.rs/crate/jam-session/latest/source/CONTRIBUTING.md"]
#![doc = "[SECURITY.md]: https://docs.rs/crate/jam-session/latest/source/SECURITY.md"]
#![doc = "[docs/performance]: https://docs.rs/crate/jam-session/latest/source/docs/performance/README.md"]
#![doc = "[examples]: https://docs.rs/crate/jam-session/latest/source/examples/"]
#![doc = "[from Django]: guides::coming_from_django"]
#![doc = "[from tower-sessions]: guides::coming_from_tower_sessions"]
#![doc = ""]
// Its programs need these features; the documentation does not.
#![cfg_attr(any(not(doctest), all(feature = "axum", feature = "sqlite", feature = "signing")), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backends;
#[cfg(feature = "postgres")]
pub use backends::Listener;
#[cfg(feature = "mysql")]
pub use backends::MySqlStore;
#[cfg(feature = "postgres")]
pub use backends::PostgresStore;
#[cfg(feature = "signing")]
pub use backends::SignedCookieStore;
#[cfg(feature = "sqlite")]
pub use backends::SqliteStore;
#[cfg(feature = "_sql")]
pub use backends::{
    AuthUserId, BaseSessionManager, DbStore, Driver, SchemaProblem, SessionEvent, SessionHandle, TableStats, UserIdKey,
    UserSession, UserSessionInfo, UserSessions,
};
pub use backends::{
    CacheStore, CachedDbStore, DjangoCache, Draft, ErasedStore, FileStore, MemoryStore, Record, Saved, SessionStore,
    connect,
};
mod base_session;
#[cfg(feature = "_sql")]
pub use base_session::{AbstractBaseSession, Column};
pub use base_session::{BaseSession, StoredText};
mod cache;
pub use cache::Cache;
#[cfg(feature = "locmem")]
pub use cache::LocMemCache;
#[cfg(feature = "redis")]
pub use cache::RedisCache;
mod client;
mod clock;
pub use clock::Clock;
mod codec;
mod date_text;
mod delta;
#[cfg(feature = "django_auth")]
mod django_auth;
#[cfg(feature = "django_auth")]
pub use django_auth::{
    DjangoAuth, DjangoMessage, DjangoMessages, DjangoUserId, RequireLogin, RequireLoginService, is_safe_redirect,
};
mod error;
pub use error::{BoxError, Error, ErrorKind, InvalidSessionKey, SettingsError, StoreError};
pub mod events;
mod expiry;
pub use expiry::Expiry;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "axum")]
pub use extract::{NamedSession, NotFresh, RequireFresh};
pub mod guides;
mod json_scanner;
mod limits;
pub use limits::Limits;
pub mod management;
mod middleware;
pub use middleware::{DoNotExtend, DoNotExtendService, ResponseFuture, SessionLayer, SessionMiddleware};
#[cfg(feature = "pickle")]
mod pickle;
#[cfg(feature = "pickle")]
pub use pickle::{PickleError, PickledValue};
mod pointer;
mod random;
mod raw;
pub use raw::Raw;
mod serializers;
#[cfg(feature = "pickle")]
pub use serializers::PickleSerializer;
pub use serializers::{JsonSerializer, Serializer};
mod session;
pub use session::{LazySession, Session};
mod session_data;
pub use session_data::SessionData;
mod session_key;
pub use session_key::SessionKey;
mod settings;
pub use settings::{
    CookieFormat, DeletionCookie, DuplicateCookie, HashKeys, Headers, OnInterrupted, ProxyHeader, SameSite, SaveMode,
    Settings, SettingsWarning, SiteData,
};

#[cfg(feature = "signing")]
mod signing;
#[cfg(feature = "signing")]
pub use signing::{Legacy, SecretKey, Signer, SigningError};

#[cfg(feature = "testing")]
pub mod testing;
mod times;

#[cfg(feature = "_sql")]
pub use sqlx;
