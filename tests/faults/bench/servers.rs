//! Private database servers, which a test may kill, stop and start again.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use jam_session::sqlx::{self, AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};
use tempfile::TempDir;

use super::TestResult;

/// Killed when it is dropped, with the processes that it started.
pub(crate) struct Server {
    kind: &'static Kind,
    program: PathBuf,
    home: TempDir,
    port: u16,
    process: Option<Child>,
}

/// What differs between the databases.
struct Kind {
    name: &'static str,
    /// Who runs it where the test is root, which both refuse.
    user: &'static str,
    find: fn() -> Option<PathBuf>,
    prepare: fn(&Path, &Path) -> Command,
    settings: &'static [&'static str],
    url: fn(u16) -> String,
}

static POSTGRES: Kind = Kind {
    name: "PostgreSQL",
    user: "postgres",
    find: newest_postgres,
    prepare: |program, data| {
        let mut command = Command::new(program.with_file_name("initdb"));
        command.args(["--auth=trust", "--username=web", "-N", "-D"]).arg(data);
        command
    },
    settings: &["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-D"],
    url: |port| format!("postgres://web@127.0.0.1:{port}/postgres?sslmode=disable"),
};

static MARIADB: Kind = Kind {
    name: "MariaDB",
    user: "mysql",
    find: || Some(PathBuf::from("/usr/sbin/mariadbd")).filter(|program| program.exists()),
    prepare: |_, data| {
        let mut command = Command::new("mariadb-install-db");
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        command.arg(format!("--datadir={}", data.display()));
        command
    },
    settings: &["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--datadir"],
    url: |port| format!("mysql://root@127.0.0.1:{port}/test_sessions?ssl-mode=DISABLED"),
};

fn newest_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|version| version.path().join("bin/postgres")).filter(|program| program.exists()).max()
}

pub(crate) async fn postgres() -> TestResult<Option<Server>> {
    Server::start(&POSTGRES).await
}

pub(crate) async fn mariadb() -> TestResult<Option<Server>> {
    Server::start(&MARIADB).await
}

impl Server {
    async fn start(kind: &'static Kind) -> TestResult<Option<Self>> {
        let Some(program) = (kind.find)() else {
            let name = kind.name;
            assert!(
                env::var_os("JAM_REQUIRE_SERVICES").is_none(),
                "no {name} to start, and JAM_REQUIRE_SERVICES is set"
            );
            println!("SKIPPED: {name} is not installed; this test has checked nothing");
            eprintln!("SKIPPED: {name} is not installed; this test has checked nothing");
            return Ok(None);
        };
        let home = TempDir::new()?;
        run(Command::new("chmod").arg("755").arg(home.path()))?;
        let data = home.path().join("data");
        std::fs::create_dir(&data)?;
        if is_root() {
            run(Command::new("chown").arg(format!("{0}:{0}", kind.user)).arg(&data))?;
        }
        run(&mut as_user(kind.user, &(kind.prepare)(&program, &data)))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Self { kind, program, home, port, process: None };
        server.run()?;
        server.wait().await?;
        Ok(Some(server))
    }

    /// Starts the server, again where it was killed.
    pub(crate) fn run(&mut self) -> TestResult {
        let data = self.home.path().join("data");
        let mut command = Command::new(&self.program);
        command.args(self.kind.settings).arg(&data).arg(format!("--port={}", self.port));
        if self.kind.name == MARIADB.name {
            command.arg(format!("--socket={}", data.join("socket").display()));
        }
        let mut command = as_user(self.kind.user, &command);
        self.process = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        Ok(())
    }

    /// Waits until the server lets somebody in. One that was killed may have to be started twice: the new one
    /// does not begin before the last process of the old one has gone.
    pub(crate) async fn wait(&mut self) -> TestResult {
        for _ in 0..600 {
            if self.process.as_mut().is_some_and(|process| process.try_wait().is_ok_and(|ended| ended.is_some())) {
                self.run()?;
            }
            if self.lets_in().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Err(format!("the private {} did not start", self.kind.name).into())
    }

    async fn lets_in(&self) -> sqlx::Result<()> {
        if self.kind.name == POSTGRES.name {
            return PgConnection::connect(&self.url()).await?.close().await;
        }
        let any = self.url().replace("/test_sessions", "/");
        let mut connection = MySqlConnection::connect(&any).await?;
        let create = AssertSqlSafe("CREATE DATABASE IF NOT EXISTS test_sessions".to_owned());
        sqlx::raw_sql(create).execute(&mut connection).await?;
        connection.close().await
    }

    pub(crate) fn url(&self) -> String {
        (self.kind.url)(self.port)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> TestResult {
        self.signal("KILL")?;
        if let Some(mut process) = self.process.take() {
            process.wait()?;
        }
        Ok(())
    }

    /// Sends a signal to the server and to each process that it has started.
    pub(crate) fn signal(&self, signal: &str) -> TestResult {
        let Some(process) = &self.process else { return Ok(()) };
        let id = process.id();
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}")).arg(id.to_string());
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let stopped = run(&mut kill);
        // The server has stopped, so this list does not grow; a process that has just ended is no loss.
        for child in children.split_whitespace() {
            let _ = run(Command::new("kill").arg(format!("-{signal}")).arg(child));
        }
        stopped
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The same command as another user, who takes it along when this process ends.
fn as_user(user: &str, command: &Command) -> Command {
    let mut as_user = Command::new("setpriv");
    if is_root() {
        as_user.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--clear-groups");
    }
    as_user.arg("--pdeathsig=KILL").arg(command.get_program()).args(command.get_args());
    as_user
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn run(command: &mut Command) -> TestResult {
    let output = command.env("LC_ALL", "C").output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
