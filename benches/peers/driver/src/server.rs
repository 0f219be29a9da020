//! A server under test: started, spoken to, stopped.

use std::{io, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{BoxError, client::Client, database::Scratch, machine, redis::Redis, servers::Server};

pub struct Running {
    pub server: Server,
    pub address: String,
    pub pid: u32,
    /// The process of the Redis that it uses.
    redis: Option<u32>,
    child: Child,
}

/// How a server is started.
#[derive(Clone, Copy)]
pub struct How<'a> {
    pub binaries: &'a Path,
    pub size: usize,
    pub names: usize,
    /// Whether it counts its statements, which costs time.
    pub counting: bool,
    /// The file that callgrind writes, where it runs under it.
    pub callgrind: Option<&'a Path>,
    pub redis: Option<&'a Redis>,
}

impl Running {
    pub async fn start(server: Server, scratch: &Scratch, url: &str, how: How<'_>) -> Result<Self, BoxError> {
        let binary = how.binaries.join(server.binary);
        let mut words: Vec<std::ffi::OsString> = Vec::new();
        // One core is the server's and another one the driver's.
        if machine::cores() > 1 {
            words.extend(["taskset", "-c", "0"].map(Into::into));
        }
        if let Some(file) = how.callgrind {
            words.extend(["valgrind", "-q", "--tool=callgrind"].map(Into::into));
            words.push(format!("--callgrind-out-file={}", file.display()).into());
        }
        words.push(binary.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("BENCH_DATABASE", url).env("BENCH_VARIANT", server.variant);
        command.env("BENCH_SIZE", how.size.to_string()).env("BENCH_NAMES", how.names.to_string());
        if let Some(redis) = how.redis {
            command.env("BENCH_REDIS", &redis.url);
        }
        if how.counting {
            command.env("BENCH_COUNT", "1");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let pid = child.id().ok_or("the server has ended")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let line = lines.next_line().await?.unwrap_or_default();
        let address = line.strip_prefix("listening on ").map(str::to_owned);
        let address =
            address.ok_or_else(|| format!("{} does not start on {}", server.name, scratch.database.name()))?;
        let redis = how.redis.filter(|_| server.needs_redis()).map(|redis| redis.pid);
        Ok(Self { server, address, pid, redis, child })
    }

    pub async fn stop(mut self) -> io::Result<()> {
        Command::new("kill").arg(self.pid.to_string()).status().await?;
        self.child.wait().await.map(|_| ())
    }

    pub fn cpu_micros(&self) -> Option<u64> {
        machine::cpu_micros(self.pid)
    }

    /// That of the Redis behind it.
    pub fn redis_cpu_micros(&self) -> Option<u64> {
        machine::cpu_micros(self.redis?)
    }

    /// Allocations, their bytes, and statements if it counts them.
    pub async fn stats(&self) -> Result<[u64; 3], BoxError> {
        let answer = Client::connect(&self.address).await?.request("GET", "/__stats", "").await?;
        let numbers: Vec<u64> = answer.body.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        numbers.try_into().map_err(|_| "three numbers were expected".into())
    }
}
