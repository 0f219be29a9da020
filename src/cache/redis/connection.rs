//! One connection that many requests share, to one server or to a Cluster.

use redis::{Cmd, FromRedisValue, RedisError, aio::MultiplexedConnection};

/// Clones share it. A future of it that is dropped leaves its answer to be thrown away by the connection's task, so
/// the answers of others stay theirs.
#[derive(Clone)]
pub(super) enum Connection {
    Server(MultiplexedConnection),
    #[cfg(feature = "redis-cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

impl Connection {
    /// Sends a command once; one that a node of a Cluster has turned away, and so not run, goes to the next.
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => super::cluster::ask(connection, command).await,
        }
    }

    /// What tells a server from another one, and from itself before it was started anew. None where that is more
    /// than one server, or it does not say.
    pub(super) async fn identity(&mut self) -> Option<String> {
        match self {
            Self::Server(connection) => {
                let info: String = redis::cmd("INFO").arg("server").query_async(connection).await.ok()?;
                info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::to_owned)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => None,
        }
    }

    /// Whether its broken parts mend themselves.
    pub(super) fn mends_itself(&self) -> bool {
        !matches!(self, Self::Server(_))
    }
}
