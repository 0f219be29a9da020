//! Redis Cluster. The client's own repetitions are off: it would also repeat a command whose answer was lost, and a
//! compare-and-set that is run twice says "no" of what it did. What a node has turned away was not run, and that is
//! repeated here.

use std::time::Duration;

use redis::{
    Cmd, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value,
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{RoutingInfo, SingleNodeRoutingInfo},
};

use super::{connection::Connection, target::Target};

/// How often a command is sent again that was turned away, with growing pauses: about 0.15 s in all. A node that is
/// down is not waited for any longer.
const REPETITIONS: u32 = 5;

pub(super) async fn open(target: &Target, nodes: &[ConnectionInfo]) -> Result<Connection, RedisError> {
    let builder = ClusterClientBuilder::new(nodes.iter().cloned())
        .retries(0)
        .connection_timeout(target.connect_timeout)
        .response_timeout(target.response_timeout);
    let client = with_certificates(builder, target, nodes).build()?;
    Ok(Connection::Cluster(client.get_async_connection().await?))
}

#[cfg(feature = "redis-tls")]
fn with_certificates(builder: ClusterClientBuilder, target: &Target, nodes: &[ConnectionInfo]) -> ClusterClientBuilder {
    let tls = |node: &ConnectionInfo| matches!(node.addr(), redis::ConnectionAddr::TcpTls { .. });
    if nodes.iter().any(tls) { builder.certs(target.tls.certificates()) } else { builder }
}

#[cfg(not(feature = "redis-tls"))]
fn with_certificates(builder: ClusterClientBuilder, _: &Target, _: &[ConnectionInfo]) -> ClusterClientBuilder {
    builder
}

pub(super) async fn ask<T: FromRedisValue>(connection: &mut ClusterConnection, command: &Cmd) -> Result<T, RedisError> {
    let mut result = command.query_async(connection).await;
    for repetition in 0..REPETITIONS {
        let Err(error) = &result else { break };
        if !turned_away(error) {
            break;
        }
        result = match redirected(connection, command, error).await {
            Some(answer) => answer.and_then(|value| Ok(T::from_redis_value(value.extract_error()?)?)),
            None => {
                tokio::time::sleep(Duration::from_millis(5 << repetition)).await;
                command.query_async(connection).await
            }
        };
    }
    result
}

/// Whether no node has run the command.
fn turned_away(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
    match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, Ask | Moved | TryAgain | ReadOnly | ClusterDown | MasterDown | BusyLoading)
        }
        ErrorKind::ClusterConnectionNotFound => true,
        _ => false,
    }
}

/// Sends the command where the node has said that it belongs.
async fn redirected(connection: &mut ClusterConnection, command: &Cmd, error: &RedisError) -> Option<Answer> {
    let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
    let node = SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port: port.parse().ok()? };
    if error.kind() == ErrorKind::Server(ServerErrorKind::Moved) {
        let answer = connection.route_command(command.clone(), RoutingInfo::SingleNode(node)).await;
        return known(answer);
    }
    // The permission is for the very next command of the connection, which others use, too: they go as one.
    let mut both = redis::pipe();
    both.cmd("ASKING").add_command(command.clone());
    let answers = connection.route_pipeline(both, 1, 1, node).await;
    known(answers.and_then(|mut answers| answers.pop().ok_or_else(|| (ErrorKind::Parse, "no answer").into())))
}

type Answer = Result<Value, RedisError>;

/// `None` where the client does not know the node yet: it is asking for the new map.
fn known(answer: Answer) -> Option<Answer> {
    match answer {
        Err(error) if error.kind() == ErrorKind::ClusterConnectionNotFound => None,
        answer => Some(answer),
    }
}
