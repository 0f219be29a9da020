//! Where Redis is, and how to get a connection to it.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisError};

use super::{connection::Connection, failure::Failure, tls::Tls};
use crate::error::SettingsError;

/// What connecting needs to know.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) at: At,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) tls: Tls,
}

#[derive(Clone)]
pub(super) enum At {
    Server(ConnectionInfo),
    /// `server` has the credentials, and the name of the service for a host.
    #[cfg(feature = "redis-sentinel")]
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        server: ConnectionInfo,
    },
    #[cfg(feature = "redis-cluster")]
    Cluster(Vec<ConnectionInfo>),
}

impl Target {
    pub(super) fn new(at: At) -> Self {
        let (connect_timeout, response_timeout) = (Duration::from_secs(1), Duration::from_millis(500));
        Self { at, connect_timeout, response_timeout, tls: Tls::default() }
    }

    /// Where that is, without user and password.
    pub(super) fn place(&self) -> String {
        match &self.at {
            At::Server(server) => server.addr().to_string(),
            #[cfg(feature = "redis-sentinel")]
            At::Sentinel { server, .. } => format!("`{}` by Sentinel", host(server)),
            #[cfg(feature = "redis-cluster")]
            At::Cluster(nodes) => nodes.iter().map(|node| node.addr().to_string()).collect::<Vec<_>>().join(","),
        }
    }

    /// A new connection and the identity of its server, or why there is none.
    pub(super) async fn connect(&self) -> Result<(Connection, Option<String>), Failure> {
        let place = self.place();
        let opening = async {
            let mut connection = self.open().await?;
            let identity = connection.identity().await;
            Ok((connection, identity))
        };
        let connecting = tokio::time::timeout(self.connect_timeout, opening).await;
        let opened = connecting.map_err(|_| Failure::silent(&place, self.connect_timeout))?;
        opened.map_err(|error: RedisError| Failure::unreachable(&place, &error, self.connect_timeout))
    }

    async fn open(&self) -> Result<Connection, RedisError> {
        match &self.at {
            At::Server(server) => {
                let client = self.tls.client(server.clone())?;
                let opened = client.get_multiplexed_async_connection_with_config(&self.settings()).await?;
                Ok(Connection::Server(opened))
            }
            #[cfg(feature = "redis-sentinel")]
            At::Sentinel { sentinels, server } => super::sentinel::open(self, sentinels, server).await,
            #[cfg(feature = "redis-cluster")]
            At::Cluster(nodes) => super::cluster::open(self, nodes).await,
        }
    }

    pub(super) fn settings(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.response_timeout))
    }
}

/// Reads a URL; what is wrong with it is said without quoting it, because it may hold a password.
pub(super) fn read(url: &str) -> Result<ConnectionInfo, SettingsError> {
    let wrong = |what: &str| SettingsError(format!("the Redis URL {what}"));
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "redis" | "redis+unix" | "unix" => {}
        "rediss" if cfg!(feature = "redis-tls") => {}
        "rediss" => return Err(wrong("begins with `rediss:`: switch on the feature `redis-tls` of jam-session")),
        _ => return Err(wrong("begins with none of `redis:`, `rediss:`, `redis+unix:` and `unix:`")),
    }
    let server = url.into_connection_info().map_err(|_| wrong("is not like `redis://user:password@host:6379/0`"))?;
    if matches!(server.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(wrong("asks for `#insecure`, and certificates are always checked"));
    }
    // Whether a connection can be made of it, but for the network.
    Client::open(server.clone()).map_err(|_| wrong("names something that this system has not"))?;
    Ok(server)
}

#[cfg(feature = "redis-sentinel")]
pub(super) fn host(server: &ConnectionInfo) -> &str {
    match server.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
        _ => "",
    }
}
