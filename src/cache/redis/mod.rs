//! [`RedisCache`]: a cache that all processes share.

#[cfg(feature = "redis-cluster")]
mod cluster;
mod connection;
mod failure;
mod link;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod target;
mod tls;

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use redis::{Script, cmd};

use self::{
    failure::Failure,
    link::{Known, Link},
    target::{At, Target},
};
use super::Cache;
use crate::error::{BoxError, SettingsError};

/// It takes one key, so that it runs on a Cluster, too.
const COMPARE_AND_SET: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
return 0";

/// A cache in Redis (6.2 or later), shared by all processes. Clones share one connection.
///
/// It connects with the first command, so that an application starts while Redis is down, and again whenever the
/// connection broke. While Redis is down commands fail at once: one in a second at most waits for an attempt to
/// connect. A read whose connection broke is tried once more; a change is never sent twice.
///
/// A server that was started anew may hold what it once wrote to its disk, and one that took over may lack the latest.
/// So the first command that gets through to such a one is an error, for each clone of the cache once, and a
/// `CachedDbStore` believes nothing older from then on. (A Cluster does not tell of its nodes; there it is the broken
/// connection that is the error.)
///
/// ```no_run
/// use jam_session::{Cache, RedisCache};
///
/// # async fn open() -> Result<(), jam_session::BoxError> {
/// let cache = RedisCache::connect("redis://web:secret@localhost:6379/0")?;
/// assert_eq!(cache.get("nobody has set this").await?, None);
/// # Ok(()) }
/// ```
///
/// # URLs
///
/// | URL | |
/// |---|---|
/// | `redis://user:password@host:6379/0` | one server; user, password, port and database (`0`) may be left out |
/// | `rediss://…` | the same over TLS: feature `redis-tls` |
/// | `unix:///run/redis.sock?db=0&user=…&pass=…` | a Unix socket |
///
/// [`sentinel`](Self::sentinel) and [`cluster`](Self::cluster) take several. Nothing of a user or a password, and no
/// key or value, is in an error or in `Debug`.
///
/// # What Redis has to allow
///
/// The commands `GET`, `SET`, `DEL`, `EXISTS`, `EVALSHA`, `EVAL` and `INFO`; behind Sentinel also `ROLE`, and on a Cluster
/// `CLUSTER SLOTS` and `ASKING`. A server that may evict (`maxmemory-policy` other than `noeviction`) or that keeps
/// nothing on disk loses values, which [`Cache`] allows. A fail-over loses what the replica had not seen yet.
///
/// Valkey speaks the same protocol; it is not tested here.
#[doc(alias = "SESSION_CACHE_ALIAS")]
#[doc(alias = "django.core.cache.backends.redis")]
pub struct RedisCache {
    link: Arc<Link>,
    known: Known,
}

impl Clone for RedisCache {
    fn clone(&self) -> Self {
        Self { link: Arc::clone(&self.link), known: self.link.known() }
    }
}

impl RedisCache {
    /// A cache on the server of a URL. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the URL is not one of Redis, or needs a feature that is not switched on.
    pub fn connect(url: &str) -> Result<Self, SettingsError> {
        Ok(Self::at(At::Server(target::read(url)?)))
    }

    /// A cache on the master that Sentinel names; a fail-over is followed. `sentinels` are the URLs of the sentinels.
    /// `server` is a URL for the servers they watch, with the name of the service in the place of the host:
    /// `redis://user:password@mymaster/0`. All sentinels are asked at once, so one of them may be down.
    ///
    /// Redis replicates behind the answer: a fail-over may take back the last changes before it.
    ///
    /// ```
    /// use jam_session::RedisCache;
    ///
    /// let sentinels = ["redis://10.0.0.1:26379", "redis://10.0.0.2:26379", "redis://10.0.0.3:26379"];
    /// let cache = RedisCache::sentinel(&sentinels, "redis://:secret@mymaster/0")?;
    /// # Ok::<(), jam_session::SettingsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and when there is no sentinel.
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel(sentinels: &[&str], server: &str) -> Result<Self, SettingsError> {
        let server = target::read(server)?;
        if target::host(&server).is_empty() {
            return Err(SettingsError("the URL behind Sentinel is like `redis://mymaster/0`".to_owned()));
        }
        Ok(Self::at(At::Sentinel { sentinels: several(sentinels)?, server }))
    }

    /// A cache on a Redis Cluster. `nodes` are the URLs of some of its nodes, with the same user and password; they
    /// name the others.
    ///
    /// Masters replicate behind the answer: a fail-over may take back the last changes before it.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and when there is no node.
    #[cfg(feature = "redis-cluster")]
    pub fn cluster(nodes: &[&str]) -> Result<Self, SettingsError> {
        Ok(Self::at(At::Cluster(several(nodes)?)))
    }

    /// How long to wait for a connection: 1 s by default, with the name's look-up, TLS and the password.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.changed(|target| Target { connect_timeout: timeout, ..target })
    }

    /// How long to wait for an answer: 500 ms by default. After three commands without one, the connection is made
    /// anew. A command that has to connect first waits for both.
    #[must_use]
    pub fn response_timeout(self, timeout: Duration) -> Self {
        self.changed(|target| Target { response_timeout: timeout, ..target })
    }

    /// Trusts, over TLS, only servers whose certificates lead to one of these, given as PEM. By default it is the
    /// system's certificates that are trusted, or those of the file that the variable `SSL_CERT_FILE` names.
    ///
    /// # Errors
    ///
    /// When `pem` holds no certificate.
    #[cfg(feature = "redis-tls")]
    pub fn root_certificates(self, pem: &[u8]) -> Result<Self, SettingsError> {
        let tls = self.link.target.tls.clone().root_certificates(pem)?;
        Ok(self.changed(|target| Target { tls, ..target }))
    }

    /// Shows a server that asks for it (`tls-auth-clients yes`) this certificate, with those it leads to, and proves
    /// it with this private key; both as PEM.
    ///
    /// # Errors
    ///
    /// When `certificate` holds no certificate, or `key` no private key.
    #[cfg(feature = "redis-tls")]
    pub fn client_certificate(self, certificate: &[u8], key: &[u8]) -> Result<Self, SettingsError> {
        let tls = self.link.target.tls.clone().client_certificate(certificate, key)?;
        Ok(self.changed(|target| Target { tls, ..target }))
    }

    fn at(at: At) -> Self {
        Self::to(Target::new(at))
    }

    /// With a connection of its own.
    fn changed(&self, change: impl FnOnce(Target) -> Target) -> Self {
        Self::to(change(self.link.target.clone()))
    }

    fn to(target: Target) -> Self {
        Self { link: Arc::new(Link::new(target)), known: Known::default() }
    }
}

#[cfg(any(feature = "redis-sentinel", feature = "redis-cluster"))]
fn several(urls: &[&str]) -> Result<Vec<redis::ConnectionInfo>, SettingsError> {
    if urls.is_empty() {
        return Err(SettingsError("there is no URL of a Redis to ask".to_owned()));
    }
    urls.iter().map(|url| target::read(url)).collect()
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("at", &self.link.target.place()).finish_non_exhaustive()
    }
}

/// Whether an error is one of Redis that trying again does not cure.
pub(crate) fn is_refusal(error: &BoxError) -> bool {
    error.downcast_ref::<Failure>().is_some_and(Failure::is_refusal)
}

/// Returns whether Redis has answered that it takes nothing in, at the moment or at all.
pub(super) fn takes_nothing_in(error: &BoxError) -> bool {
    error.downcast_ref::<Failure>().is_some_and(Failure::takes_nothing_in)
}

/// Redis counts in milliseconds, and has no date beyond its 64 bits: a hundred years are as good.
fn milliseconds(time_to_live: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 3600 * 1000;
    u64::try_from(time_to_live.as_millis()).map_or(CENTURY, |milliseconds| milliseconds.clamp(1, CENTURY))
}

impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Arc<[u8]>>, BoxError> {
        let value: Option<Vec<u8>> = self.link.read(&self.known, cmd("GET").arg(key)).await?;
        Ok(value.map(Arc::from))
    }

    async fn set(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<(), BoxError> {
        let mut set = cmd("SET");
        set.arg(key).arg(value).arg("PX").arg(milliseconds(time_to_live));
        Ok(self.link.write(&self.known, key, &set).await?)
    }

    async fn add(&self, key: &str, value: &[u8], time_to_live: Duration) -> Result<bool, BoxError> {
        let mut add = cmd("SET");
        add.arg(key).arg(value).arg("PX").arg(milliseconds(time_to_live)).arg("NX");
        Ok(self.link.write(&self.known, key, &add).await?)
    }

    async fn delete(&self, key: &str) -> Result<bool, BoxError> {
        Ok(self.link.write(&self.known, key, cmd("DEL").arg(key)).await?)
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        value: &[u8],
        time_to_live: Duration,
    ) -> Result<bool, BoxError> {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(COMPARE_AND_SET));
        let run = |name: &str, script: &str| {
            let mut run = cmd(name);
            run.arg(script).arg(1).arg(key).arg(expected).arg(value).arg(milliseconds(time_to_live));
            run
        };
        match self.link.write(&self.known, key, &run("EVALSHA", SCRIPT.get_hash())).await {
            // A new server, or one that was told to forget its scripts; it remembers this one from now on.
            Err(failure) if failure.is_no_script() => {
                Ok(self.link.write(&self.known, key, &run("EVAL", COMPARE_AND_SET)).await?)
            }
            answer => Ok(answer?),
        }
    }
}
