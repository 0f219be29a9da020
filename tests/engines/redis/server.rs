//! Private Redis servers, which a test may kill, stop and start again.

use std::{
    env,
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::TestResult;

/// Killed when it is dropped.
pub(crate) struct Server {
    home: TempDir,
    arguments: Vec<String>,
    pub(crate) port: u16,
    process: Option<Child>,
}

impl Server {
    /// A server that keeps nothing on disk, with these further arguments.
    pub(crate) fn start(arguments: &[&str]) -> TestResult<Option<Self>> {
        if !installed() {
            return Ok(None);
        }
        let home = TempDir::new()?;
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { home, arguments, port: free_port(), process: None };
        server.run()?;
        Ok(Some(server))
    }

    /// A sentinel that watches the server of this port under the name `jam`.
    pub(crate) fn sentinel(master: u16) -> TestResult<Self> {
        let (home, port) = (TempDir::new()?, free_port());
        let mut file = File::create(home.path().join("sentinel.conf"))?;
        writeln!(file, "sentinel monitor jam 127.0.0.1 {master} 1")?;
        writeln!(file, "sentinel down-after-milliseconds jam 500")?;
        writeln!(file, "sentinel failover-timeout jam 3000")?;
        let mut server = Self { home, arguments: Vec::new(), port, process: None };
        server.arguments = vec!["--sentinel".to_owned()];
        server.run()?;
        Ok(server)
    }

    /// Starts the server, again where it was killed, and waits until it speaks.
    pub(crate) fn run(&mut self) -> TestResult {
        let mut command = Command::new("setpriv");
        // It goes when the thread goes that has started it, and at the latest when this process does.
        command.args(["--pdeathsig=KILL", "redis-server"]);
        if self.arguments.first().is_some_and(|first| first == "--sentinel") {
            command.arg(self.home.path().join("sentinel.conf")).args(["--sentinel", "--port", &self.port.to_string()]);
        } else {
            command.args(["--port", &self.port.to_string(), "--save", "", "--dir"]).arg(self.home.path());
            command.args(&self.arguments);
        }
        command.args(["--bind", "127.0.0.1"]);
        let log = File::create(self.home.path().join("log"))?;
        self.process = Some(command.stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn()?);
        let port = self.port;
        let spoken = until(Duration::from_secs(20), || speaks(port));
        spoken.map_err(|error| format!("{error}: {}", self.log()).into())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// What `redis-cli` prints for this command.
    pub(crate) fn cli(&self, arguments: &[&str]) -> TestResult<String> {
        cli(self.port, arguments)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends a signal to the server, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) -> TestResult {
        let Some(process) = &self.process else { return Ok(()) };
        run(Command::new("kill").arg(format!("-{signal}")).arg(process.id().to_string())).map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn cli(port: u16, arguments: &[&str]) -> TestResult<String> {
    run(Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments))
}

/// Runs a command and gives what it printed.
pub(crate) fn run(command: &mut Command) -> TestResult<String> {
    let output = command.env("LC_ALL", "C").output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// Tries until it is so.
#[expect(clippy::disallowed_methods, reason = "what a test waits for here is a program, which no clock moves")]
pub(crate) fn until(patience: Duration, mut so: impl FnMut() -> bool) -> TestResult {
    let started = Instant::now();
    while !so() {
        if started.elapsed() > patience {
            return Err(format!("not so within {patience:?}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn speaks(port: u16) -> bool {
    let answer = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer.to_vec())
    };
    // One that asks for a password is ready, too; one that is loading is not.
    answer().is_ok_and(|answer| answer == b"+PONG" || answer == b"-NOAU")
}

fn installed() -> bool {
    let found = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if found("redis-server") && found("redis-cli") {
        return true;
    }
    assert!(env::var_os("JAM_REQUIRE_SERVICES").is_none(), "no Redis to start, and JAM_REQUIRE_SERVICES is set");
    println!("SKIPPED: redis-server is not installed; this test has checked nothing");
    eprintln!("SKIPPED: redis-server is not installed; this test has checked nothing");
    false
}

/// A port below those that the system hands out by itself, so that nobody takes it while its server is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 97).unwrap_or_default() * 100;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
