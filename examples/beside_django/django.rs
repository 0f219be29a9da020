//! The Django side: its environment, its tables, its demo user, and its server as a child process.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use jam_session::BoxError;
use rand::{RngExt as _, distr::Alphanumeric};
use tokio::{
    net::TcpStream,
    process::{Child, ChildStdin, Command},
    time::{sleep, timeout},
};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/beside_django/django_project");
const REQUIREMENTS: &str = include_str!("django_project/requirements.txt");

/// How long Django's server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Django with its tables and a user, not running yet.
pub(crate) struct Site {
    python: PathBuf,
    axum: String,
    pub(crate) database: String,
    pub(crate) secret_key: String,
    pub(crate) password: String,
}

impl Site {
    pub(crate) const USER: &str = "demo";

    /// Installs Django where it is missing, makes the tables and the user.
    pub(crate) async fn prepare(axum: &str) -> Result<Self, BoxError> {
        let folder = folder()?;
        fs::create_dir_all(&folder)?;
        let file = || format!("sqlite:{}", folder.join("site.db").display());
        let site = Self {
            python: python(&folder).await?,
            axum: axum.to_owned(),
            database: env::var("DATABASE_URL").unwrap_or_else(|_| file()),
            secret_key: env::var("SECRET_KEY").unwrap_or_else(|_| random(50)),
            password: env::var("DEMO_PASSWORD").unwrap_or_else(|_| random(16)),
        };
        done(site.manage(&["migrate", "--verbosity", "0"]), "Django cannot make its tables").await?;
        done(site.manage(&["demo_user"]), "Django cannot make its user").await?;
        Ok(site)
    }

    /// `manage.py` with these arguments. What is secret is in its environment: arguments are for all to see.
    fn manage(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command.arg("manage.py").args(arguments).current_dir(PROJECT).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("DATABASE_URL", &self.database).env("AXUM_URL", &self.axum);
        command.env("SECRET_KEY", &self.secret_key).env("DEMO_PASSWORD", &self.password);
        command
    }
}

/// A Django that runs until it is stopped or dropped, or this process ends.
pub(crate) struct Django {
    server: Child,
    /// It ends when this does.
    _stdin: Option<ChildStdin>,
    pub(crate) url: String,
}

impl Django {
    pub(crate) async fn start(site: &Site) -> Result<Self, BoxError> {
        let address = address()?;
        let mut command = site.manage(&["runserver", "--noreload", &address]);
        // It reads its standard input to see when we are gone, however that happens.
        command.env("END_WITH_STDIN", "1").stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        let mut server = command.spawn().map_err(|error| format!("Django cannot be started: {error}"))?;
        // Waiting for a child would close it.
        let stdin = server.stdin.take();
        let mut django = Self { server, _stdin: stdin, url: format!("http://{address}") };
        let listening = async {
            while TcpStream::connect(&address).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            listening = timeout(PATIENCE, listening) => {
                listening.map_err(|_| format!("Django does not listen on {address}"))?;
            }
            ended = django.ended() => return Err(ended),
        }
        Ok(django)
    }

    /// Waits until Django's server ends, which it should not.
    pub(crate) async fn ended(&mut self) -> BoxError {
        match self.server.wait().await {
            Ok(status) => format!("Django's server has ended ({status}); what it printed says why").into(),
            Err(error) => error.into(),
        }
    }

    pub(crate) async fn stop(&mut self) -> std::io::Result<()> {
        self.server.kill().await
    }
}

/// Ctrl-C, or what a supervisor sends.
pub(crate) async fn stop_signal() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// `target/beside_django`, beside the folder in which Cargo puts the examples.
fn folder() -> Result<PathBuf, BoxError> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("this program is not in a folder of Cargo's")?;
    Ok(target.join("beside_django"))
}

/// An interpreter with Django: the one that `PYTHON` names, or that of an environment of our own.
async fn python(folder: &Path) -> Result<PathBuf, BoxError> {
    if let Some(python) = env::var_os("PYTHON") {
        let mut probe = Command::new(&python);
        probe.args(["-c", "import django"]);
        done(probe, "the interpreter that PYTHON names has no Django: install it there, or unset PYTHON").await?;
        return Ok(python.into());
    }
    let home = folder.join("venv");
    let python = home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let installed = home.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(python);
    }
    println!("installing Django below {}", folder.display());
    let mut venv = Command::new(if cfg!(windows) { "python" } else { "python3" });
    venv.args(["-m", "venv", "--clear"]).arg(&home);
    done(venv, "no Python 3.10 or newer with the module venv; Debian's package is python3-venv").await?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"]);
    pip.current_dir(PROJECT);
    done(pip, "Django cannot be installed; PYTHON may name an interpreter that has it").await?;
    fs::write(installed, REQUIREMENTS)?;
    Ok(python)
}

/// Runs a command to its end; `otherwise` is what its failure means.
async fn done(mut command: Command, otherwise: &str) -> Result<(), BoxError> {
    let output = command.stdin(Stdio::null()).output().await.map_err(|error| format!("{otherwise} ({error})"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{otherwise}:\n{}", String::from_utf8_lossy(&output.stderr).trim_end()).into()),
    }
}

/// Where Django is to listen. Cookies know hosts and no ports, so the host is that of the Axum side.
fn address() -> Result<String, BoxError> {
    let address = env::var("DJANGO_ADDR").unwrap_or_else(|_| "127.0.0.1:8000".to_owned());
    // It may be any free port, which Django itself would not choose.
    let free = TcpListener::bind(&address).map_err(|error| format!("Django cannot listen on {address}: {error}"))?;
    Ok(free.local_addr()?.to_string())
}

fn random(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}
