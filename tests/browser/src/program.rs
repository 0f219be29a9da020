//! [`Program`]: an example, or any other command, as a child process that ends with its scenario.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{PATIENCE, TestResult, target_folder};

/// Two scenarios do not build at the same time.
static BUILDING: Mutex<()> = Mutex::new(());

/// A running child. It is killed, by its process id, when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Builds an example of the crate with all its features, and starts it with these variables.
    ///
    /// # Errors
    ///
    /// When it cannot be built or started.
    pub fn example(name: &str, variables: &[(&str, &str)]) -> TestResult<Self> {
        build(name)?;
        let path = target_folder().join("debug/examples").join(name);
        Self::start(Command::new(path).envs(variables.iter().copied()))
    }

    /// Starts a command, whose standard output is read here.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> TestResult<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{:?}: {error}", command.get_program()))?;
        let stdout = BufReader::new(child.stdout.take().ok_or("it is piped")?);
        let (sender, lines) = channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Self { child, lines })
    }

    /// What follows `beginning` in the next line that begins so.
    ///
    /// # Errors
    ///
    /// When no such line is printed within five minutes, or the program ends before.
    pub fn line(&self, beginning: &str) -> TestResult<String> {
        // An example may install what it needs.
        let deadline = Instant::now() + 10 * PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|error| format!("no line `{beginning}…`: {error}"))?;
            if let Some(rest) = line.strip_prefix(beginning) {
                return Ok(rest.to_owned());
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build(example: &str) -> TestResult {
    let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--locked", "--all-features", "--example", example, "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .env("CARGO_TARGET_DIR", target_folder())
        .status()?;
    status.success().then_some(()).ok_or_else(|| format!("the example {example} does not build").into())
}

/// A port of the loopback that nobody listens on.
///
/// # Errors
///
/// When there is none.
pub fn free_port() -> TestResult<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until somebody listens on a port of the loopback.
///
/// # Errors
///
/// When nobody does for half a minute.
#[expect(clippy::disallowed_methods, reason = "between two looks at another process, with a deadline")]
pub fn wait_for_port(port: u16) -> TestResult {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            return Err(format!("nobody listens on port {port}").into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
