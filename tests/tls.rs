//! TLS to a PostgreSQL that demands it: with a `tls-rustls-…` feature it works, without one the error names it.
//!
//! The server is a private one. Where PostgreSQL or OpenSSL is not installed, the test says so and passes, unless
//! `JAM_REQUIRE_SERVICES` is set.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use jam_session::PostgresStore;
use tempfile::TempDir;

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A PostgreSQL server with a self-signed certificate, stopped when it is dropped.
struct Server {
    process: Child,
    port: u16,
    _home: TempDir,
}

impl Server {
    fn start(binaries: &Path) -> TestResult<Self> {
        let home = TempDir::new()?;
        run(Command::new("chmod").arg("755").arg(home.path()))?;
        let data = home.path().join("data");
        std::fs::create_dir(&data)?;
        own(&data)?;
        run(as_postgres(binaries.join("initdb")).args(["--auth=trust", "--username=web", "-N", "-D"]).arg(&data))?;
        let (key, certificate) = (data.join("server.key"), data.join("server.crt"));
        let subject = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
        run(Command::new("openssl").args(subject).arg("-keyout").arg(&key).arg("-out").arg(&certificate))?;
        run(Command::new("chmod").arg("600").arg(&key))?;
        own(&key)?;
        own(&certificate)?;
        std::fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "ssl=on", "fsync=off"];
        let mut command = as_postgres(binaries.join("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { process, port, _home: home })
    }

    fn url(&self, mode: &str) -> String {
        format!("postgres://web@127.0.0.1:{}/postgres?sslmode={mode}", self.port)
    }

    async fn wait(&self) -> TestResult {
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the private server did not start".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: PathBuf) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn own(path: &Path) -> TestResult {
    if is_root() {
        run(Command::new("chown").arg("-R").arg("postgres:postgres").arg(path))?;
    }
    Ok(())
}

fn run(command: &mut Command) -> TestResult {
    let output = command.env("LC_ALL", "C").output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// Where `initdb` and `postgres` are, if they and `openssl` are installed.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let newest = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max()?;
    Command::new("openssl").arg("version").output().ok()?;
    Some(newest)
}

async fn server() -> TestResult<Option<Server>> {
    let Some(binaries) = binaries() else {
        assert!(
            env::var_os("JAM_REQUIRE_SERVICES").is_none(),
            "no PostgreSQL to start, and JAM_REQUIRE_SERVICES is set"
        );
        println!("SKIPPED: PostgreSQL or OpenSSL is not installed; this test has checked nothing");
        return Ok(None);
    };
    let server = Server::start(&binaries)?;
    server.wait().await?;
    Ok(Some(server))
}

#[cfg(feature = "_tls")]
#[tokio::test]
async fn a_store_speaks_tls_where_the_server_demands_it() -> TestResult {
    let Some(server) = server().await? else { return Ok(()) };

    // The server listens before it lets anybody in.
    let store = loop {
        match PostgresStore::connect(&server.url("require")).await {
            Ok(store) => break store,
            Err(error) if format!("{error:?}").contains("57P03") => tokio::task::yield_now().await,
            Err(error) => return Err(error.into()),
        }
    };

    store.migrate().await?;
    assert_eq!(store.check_schema().await?, []);
    assert!(PostgresStore::connect(&server.url("disable")).await.is_err(), "the server would have taken plain text");
    Ok(())
}

#[cfg(not(feature = "_tls"))]
#[tokio::test]
async fn without_a_tls_feature_the_error_names_it() -> TestResult {
    let Some(server) = server().await? else { return Ok(()) };

    let error = PostgresStore::connect(&server.url("require")).await.expect_err("no TLS is built in");

    let text = std::error::Error::source(&error).ok_or("a cause")?.to_string();
    assert!(text.contains("switch on the feature `tls-rustls-ring-webpki`"), "{text}");
    Ok(())
}
