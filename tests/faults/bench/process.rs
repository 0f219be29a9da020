//! A server in a process of its own: this test binary once more, told by an environment variable to serve.

use std::{env, io::Read as _, net::SocketAddr, process::Stdio};

use jam_session::SaveMode;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout, Command},
};

use super::{TestResult, app, http::Client};

const DATABASE: &str = "JAM_FAULT_SERVER";
const OVERWRITE: &str = "JAM_FAULT_OVERWRITE";
const READY: &str = "listening on ";

/// Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// Closed, it would end the process with its next word.
    _words: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Process {
    /// Serves the application over the database of `url`.
    pub(crate) async fn start(url: &str, mode: SaveMode) -> TestResult<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "bench::process::serves_until_its_parent_is_gone", "--ignored", "--nocapture"]);
        command.env(DATABASE, url).kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
        if mode == SaveMode::Overwrite {
            command.env(OVERWRITE, "1");
        }
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, address)) = line.split_once(READY) {
                let address = address.trim().parse()?;
                return Ok(Self { child, _words: lines, address });
            }
        }
        Err("the server process ended before it served".into())
    }

    /// Two processes over one database.
    pub(crate) async fn two(url: &str, mode: SaveMode) -> TestResult<[Self; 2]> {
        Ok([Self::start(url, mode).await?, Self::start(url, mode).await?])
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) -> TestResult {
        Ok(self.child.kill().await?)
    }
}

/// Begins a session and gives its cookie.
pub(crate) async fn begun(client: &mut Client) -> TestResult<String> {
    let answer = client.get("/begin", "").await?;
    answer.cookie.ok_or_else(|| format!("no session begun: {}", answer.status).into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the server that other tests start; by itself it does nothing"]
async fn serves_until_its_parent_is_gone() -> TestResult {
    let Ok(url) = env::var(DATABASE) else { return Ok(()) };
    let mode = if env::var_os(OVERWRITE).is_some() { SaveMode::Overwrite } else { SaveMode::Merge };
    let app = app::app(app::layer(jam_session::connect(&url).await?, mode));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{READY}{}", listener.local_addr()?);
    // The parent's end of the pipe closes, however the parent ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0)
    });
    Ok(axum::serve(listener, app).await?)
}
