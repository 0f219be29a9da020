//! A Redis of the run's own, without a file: the cache of the variants that share one.

use std::{
    net::{TcpListener, TcpStream},
    process::Stdio,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::sleep,
};

use crate::{BoxError, machine};

pub struct Redis {
    pub url: String,
    pub pid: u32,
    _child: Child,
}

impl Redis {
    /// Starts one on a free port. It ends with the driver.
    pub async fn start() -> Result<Self, BoxError> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // As the databases do, it runs where the system puts it, not where the driver has to stay.
        let mut command = match machine::cores() {
            1 => Command::new("redis-server"),
            cores => {
                let mut taskset = Command::new("taskset");
                taskset.args(["-c", &format!("0-{}", cores - 1), "redis-server"]);
                taskset
            }
        };
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
        let pid = child.id().ok_or("Redis has ended")?;
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Self { url: format!("redis://127.0.0.1:{port}/0"), pid, _child: child });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err("redis-server does not start".into())
    }
}
