//! Redis behind Sentinel: which server is the master is asked anew for each connection.

use redis::{
    ConnectionAddr, ConnectionInfo, RedisError, TlsMode,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::task::JoinSet;

use super::{
    connection::Connection,
    target::{Target, host},
};

/// Asks all sentinels at once, so that one that is silent costs nothing, and takes the first who knows a server that
/// calls itself a master.
pub(super) async fn open(
    target: &Target,
    sentinels: &[ConnectionInfo],
    server: &ConnectionInfo,
) -> Result<Connection, RedisError> {
    let mut asked = JoinSet::new();
    for sentinel in sentinels {
        let (client, settings) = (client(target, sentinel, server)?, target.settings());
        asked.spawn(async move {
            let mut client = client;
            client.get_async_connection_with_config(&settings).await
        });
    }
    let mut last = RedisError::from((redis::ErrorKind::EmptySentinelList, "no sentinel"));
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(connection)) => return Ok(Connection::Server(connection)),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

fn client(target: &Target, sentinel: &ConnectionInfo, server: &ConnectionInfo) -> Result<SentinelClient, RedisError> {
    let addresses = [sentinel.addr().clone()];
    let mut builder = SentinelClientBuilder::new(addresses, host(server), SentinelServerType::Master)?
        .set_client_to_redis_db(server.redis_settings().db());
    if let Some(username) = server.redis_settings().username() {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = server.redis_settings().password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(username) = sentinel.redis_settings().username() {
        builder = builder.set_client_to_sentinel_username(username);
    }
    if let Some(password) = sentinel.redis_settings().password() {
        builder = builder.set_client_to_sentinel_password(password);
    }
    if is_tls(server) {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    with_certificates(builder, target, sentinel, server).build()
}

#[cfg(feature = "redis-tls")]
fn with_certificates(
    mut builder: SentinelClientBuilder,
    target: &Target,
    sentinel: &ConnectionInfo,
    server: &ConnectionInfo,
) -> SentinelClientBuilder {
    if is_tls(server) {
        builder = builder.set_client_to_redis_certificates(target.tls.certificates());
    }
    if is_tls(sentinel) {
        builder = builder.set_client_to_sentinel_certificates(target.tls.certificates());
    }
    builder
}

#[cfg(not(feature = "redis-tls"))]
fn with_certificates(
    builder: SentinelClientBuilder,
    _: &Target,
    _: &ConnectionInfo,
    _: &ConnectionInfo,
) -> SentinelClientBuilder {
    builder
}

fn is_tls(server: &ConnectionInfo) -> bool {
    matches!(server.addr(), ConnectionAddr::TcpTls { .. })
}
