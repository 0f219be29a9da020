//! The program `jam-session`, driven as a user drives it: in a terminal, in a pipe, with wrong arguments.

#![cfg(unix)]

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use jam_session::{Clock, Draft, FileStore, SessionData, SessionKey, SessionStore as _, Signer, SqliteStore, sqlx};
use rexpect::{process::WaitStatus, session::spawn_command};
use tempfile::TempDir;
use time::Duration;

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// How long a terminal may stay silent before the test gives up.
const PATIENCE: Option<u64> = Some(30_000);

/// A directory with a database, for programs that are started in it.
struct Place {
    directory: TempDir,
    store: SqliteStore,
}

impl Place {
    /// A table with `expired` sessions that are over, and one that is not.
    async fn with(expired: u32) -> TestResult<Self> {
        let place = Self::without_table().await?;
        place.store.migrate().await?;
        let now = Clock::system().now();
        let data: SessionData = r#"{"cart":[1,"é"],"user":{"name":"Ada"}}"#.parse()?;
        place.store.objects().save(&key("live"), data.clone(), now + Duration::days(3), now).await?;
        for number in 0..expired {
            let key = key(&format!("expired{number}"));
            place.store.objects().save(&key, data.clone(), now - Duration::days(5), now).await?;
        }
        Ok(place)
    }

    async fn without_table() -> TestResult<Self> {
        let directory = TempDir::new()?;
        let store = SqliteStore::connect(&format!("sqlite:{}", directory.path().join("sessions.db").display())).await?;
        Ok(Self { directory, store })
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jam-session"));
        command.args(arguments.split_whitespace()).current_dir(self.directory.path());
        command.env("DATABASE_URL", "sqlite:sessions.db").env("TERM", "xterm");
        command.env_remove("DJANGO_SECRET_KEY").env_remove("DJANGO_SECRET_KEY_FILE");
        command
    }

    fn run(&self, arguments: &str) -> TestResult<Ran> {
        Ok(self.command(arguments).stdin(Stdio::null()).output()?.into())
    }

    fn show(&self, input: &str) -> TestResult<Ran> {
        asked(&mut self.command("show"), input)
    }
}

/// Runs a command that reads `input`.
fn asked(command: &mut Command, input: &str) -> TestResult<Ran> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("a pipe")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?.into())
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints Unicode");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// The one line that says what is wrong.
    fn complaint(&self, code: i32) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        self.stderr.trim_end()
    }
}

fn key(name: &str) -> SessionKey {
    SessionKey::parse(&format!("{name:0>32}")).expect("32 letters and digits")
}

#[tokio::test]
async fn in_a_terminal_clearsessions_shows_its_progress_with_rate_and_time_left() -> TestResult {
    let place = Place::with(60).await?;
    let mut terminal = spawn_command(place.command("clearsessions --batch-size 1"), PATIENCE)?;

    terminal.exp_regex(r" 0/60 removed, [0-9.,]+/s, [0-9]+s left")?;
    terminal.exp_regex(r" 60/60 removed, [0-9.,]+/s, 0s left")?;
    terminal.exp_string("expired sessions removed: 60")?;
    terminal.exp_eof()?;

    assert!(matches!(terminal.process().wait()?, WaitStatus::Exited(_, 0)));
    let stats = place.store.stats(Clock::system().now()).await?;
    assert_eq!((stats.live, stats.expired), (1, 0));
    Ok(())
}

#[tokio::test]
async fn in_a_terminal_show_asks_for_the_key() -> TestResult {
    let place = Place::with(0).await?;
    let mut terminal = spawn_command(place.command("show"), PATIENCE)?;

    terminal.exp_string("session key: ")?;
    terminal.send_line(key("live").as_str())?;
    terminal.exp_string(r#"{"name":"cart","value":[1,"#)?;
    terminal.exp_eof()?;

    assert!(matches!(terminal.process().wait()?, WaitStatus::Exited(_, 0)));
    Ok(())
}

#[tokio::test]
async fn in_a_pipe_clearsessions_prints_plain_lines() -> TestResult {
    let place = Place::with(7).await?;

    let dry = place.run("clearsessions --dry-run")?;
    let wet = place.run("clearsessions --batch-size 3")?;
    let again = place.run("clearsessions")?;

    assert_eq!((dry.code, dry.stdout.as_str()), (Some(0), "expired sessions that would be removed: 7\n"));
    assert_eq!((wet.code, wet.stdout.as_str()), (Some(0), "expired sessions removed: 7\n"));
    assert_eq!(wet.stderr, "expired sessions found: 7\n");
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "expired sessions removed: 0\n"));
    Ok(())
}

#[tokio::test]
async fn show_decodes_a_session_and_never_prints_its_key() -> TestResult {
    let place = Place::with(1).await?;

    let live = place.show(&format!("{}\n", key("live").as_str()))?;
    let expired = place.show(key("expired0").as_str())?;

    let lines: Vec<_> = live.stdout.lines().collect();
    assert_eq!(live.code, Some(0));
    assert!(lines[0].starts_with(r#"{"expire_date":"2"#) && lines[0].contains(r#""expired":false"#), "{live:?}");
    assert_eq!(lines[1], r#"{"name":"cart","value":[1,"\u00e9"]}"#, "as it is stored: in ASCII");
    assert_eq!(lines[2], r#"{"name":"user","value":{"name":"Ada"}}"#);
    assert!(lines.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{live:?}");
    assert!(expired.stdout.contains(r#""expired":true"#), "{expired:?}");
    for ran in [live, expired] {
        assert!(
            !ran.stdout.contains("0000live") && !ran.stdout.contains("expired0") && ran.stderr.is_empty(),
            "{ran:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn show_takes_the_key_of_a_cookie_where_its_hash_is_stored() -> TestResult {
    let place = Place::with(0).await?;
    let now = Clock::system().now();
    let hash = key("cookie").hashed();
    place.store.objects().save(&hash, r#"{"cart":2}"#.parse()?, now + Duration::days(3), now).await?;

    let (by_key, by_hash) = (place.show(key("cookie").as_str())?, place.show(hash.as_str())?);

    assert!(by_key.stdout.ends_with("{\"name\":\"cart\",\"value\":2}\n"), "{by_key:?}");
    assert_eq!(by_key.stdout, by_hash.stdout);
    assert!(!by_key.stdout.contains(hash.as_str()) && by_key.stderr.is_empty());
    Ok(())
}

#[tokio::test]
async fn show_says_why_there_is_nothing_to_show() -> TestResult {
    let place = Place::with(0).await?;
    sqlx::query("INSERT INTO django_session VALUES (?1, '.eJyr:1tZ:xyz', '2999-01-01 00:00:00')")
        .bind(key("signed").as_str())
        .execute(place.store.pool())
        .await?;

    assert_eq!(place.show(key("other").as_str())?.complaint(1), "error: there is no session of this key");
    assert_eq!(place.show("a b\n")?.complaint(1), "error: the line on standard input is no session key");
    let signed = place.show(key("signed").as_str())?;
    assert_eq!(signed.code, Some(1));
    assert!(signed.stderr.contains("if it is signed, its secret key comes from DJANGO_SECRET_KEY or"), "{signed:?}");
    Ok(())
}

/// A table of one session, signed.
async fn signed_place() -> TestResult<Place> {
    let place = Place::without_table().await?;
    let store = place.store.clone().signing(Signer::new("a secret of the test"));
    store.migrate().await?;
    let now = Clock::system().now();
    store.objects().save(&key("signed"), r#"{"cart":[1]}"#.parse()?, now + Duration::days(3), now).await?;
    std::fs::write(place.directory.path().join("rotated"), "a newer secret\n\na secret of the test\n")?;
    Ok(place)
}

#[tokio::test]
async fn show_and_check_know_the_secret_key_from_a_file_or_the_environment() -> TestResult {
    let place = signed_place().await?;
    let shown = |arguments: &str, variable: Option<&str>| -> TestResult<Ran> {
        let mut command = place.command(&format!("show {arguments}"));
        command.envs(variable.map(|secret| ("DJANGO_SECRET_KEY", secret)));
        asked(&mut command, key("signed").as_str())
    };

    for ran in [shown("--secret-key-file rotated", None)?, shown("", Some("a secret of the test"))?] {
        assert_eq!((ran.code, ran.stdout.lines().nth(1)), (Some(0), Some(r#"{"name":"cart","value":[1]}"#)), "{ran:?}");
    }
    for ran in [
        shown("", None)?,
        shown("", Some("a wrong secret"))?,
        shown("--key-salt django.contrib.sessions.Own --secret-key-file rotated", None)?,
    ] {
        assert!(ran.code == Some(1) && ran.stderr.contains("the session does not decode ("), "{ran:?}");
        assert!(!ran.stderr.contains("a wrong secret") && !ran.stdout.contains("cart"), "{ran:?}");
    }
    assert_eq!(place.run("check --secret-key-file rotated")?.code, Some(0));
    assert_eq!(place.run("check")?.code, Some(3));
    Ok(())
}

#[tokio::test]
async fn a_secret_key_that_is_none_is_wrong_usage() -> TestResult {
    let place = signed_place().await?;
    std::fs::write(place.directory.path().join("empty"), "\n")?;

    let empty = place.run("stats --secret-key-file empty")?;
    assert_eq!(empty.complaint(2), "error: the secret key is empty");
    let missing = place.run("stats --secret-key-file missing")?;
    assert!(missing.complaint(2).contains("the file of the secret key cannot be read"), "{missing:?}");
    // It is not for the command line.
    assert_eq!(place.run("stats --secret-key hunter2")?.code, Some(2));
    Ok(())
}

#[tokio::test]
async fn stats_counts_and_measures() -> TestResult {
    let place = Place::with(3).await?;

    let ran = place.run("stats")?;

    assert_eq!(ran.code, Some(0));
    for line in [
        "live sessions:             1",
        "expired sessions:          3",
        "longest expired since:     5 d 0 h",
        "last one expires in:       2 d 23 h",
        "size, median:              43 bytes",
        "size, largest:             43 bytes",
    ] {
        assert!(ran.stdout.lines().any(|printed| printed == line), "{line:?} in {}", ran.stdout);
    }
    Ok(())
}

#[tokio::test]
async fn migrate_makes_the_table_that_check_and_the_others_miss() -> TestResult {
    let place = Place::without_table().await?;

    for command in ["check", "clearsessions", "clearsessions --dry-run", "stats"] {
        let ran = place.run(command)?;
        let complaint = ran.complaint(3);
        assert!(
            complaint.starts_with("error: there is no table `django_session`: run `jam-session migrate`"),
            "{ran:?}"
        );
    }
    assert_eq!(place.show(key("live").as_str())?.code, Some(3));

    assert_eq!(place.run("migrate")?.code, Some(0));
    assert_eq!(place.run("check")?.code, Some(0));
    assert_eq!(place.run("--table web_session check")?.code, Some(3));
    assert_eq!(place.run("migrate --table web_session")?.code, Some(0));
    assert_eq!(place.run("clearsessions --table web_session")?.code, Some(0));
    Ok(())
}

#[tokio::test]
async fn a_table_that_is_not_as_it_should_be_is_a_schema_problem() -> TestResult {
    let place = Place::without_table().await?;
    let sql = "CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text)";
    sqlx::query(sql).execute(place.store.pool()).await?;

    let checked = place.run("check")?;

    assert_eq!(checked.code, Some(3));
    assert!(checked.stderr.contains("has no column `expire_date`: add it"), "{checked:?}");
    assert_eq!(place.run("clearsessions")?.code, Some(3));
    Ok(())
}

#[tokio::test]
async fn a_wrong_url_is_one_line_with_the_cure_and_without_the_password() -> TestResult {
    let place = Place::without_table().await?;
    let run = |url: &str| place.run(&format!("stats --connect-timeout 1 -D {url}"));

    let missing = run("sqlite:missing.db")?;
    assert!(missing.complaint(1).contains("cannot open the SQLite database `missing.db`; check that"), "{missing:?}");
    assert!(!place.directory.path().join("missing.db").exists());

    for url in [
        "hunter2",
        "sqlserver://u:hunter2@localhost/x",
        "postgres://u:hunter2@127.0.0.1:1/x",
        "postgres://u:hunter2@127.0.0.1:port/x",
        "mysql://u:hunter2@127.0.0.1:1/x",
        "sqlite:sessions.db?secret=hunter2",
    ] {
        let ran = run(url)?;
        assert!(!ran.complaint(1).contains("hunter2"), "{ran:?}");
    }
    Ok(())
}

#[tokio::test]
async fn wrong_usage_exits_2() -> TestResult {
    let place = Place::with(0).await?;

    for arguments in ["", "clear", "clearsessions --batch-size 0", "clearsessions --bulk", "stats --table a;b"] {
        let ran = place.run(arguments)?;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments}: {ran:?}");
    }
    let ran: Ran = place.command("stats").env_remove("DATABASE_URL").output()?.into();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("give `--database-url`, or set DATABASE_URL"), "{ran:?}");
    Ok(())
}

#[tokio::test]
async fn the_url_is_read_from_a_file_dot_env() -> TestResult {
    let place = Place::with(2).await?;
    let file = place.directory.path().join(".env");
    let dry_run = || place.command("clearsessions --dry-run").env_remove("DATABASE_URL").output().map(Ran::from);

    std::fs::write(&file, "DATABASE_URL=sqlite:sessions.db\n")?;
    assert_eq!(dry_run()?.stdout, "expired sessions that would be removed: 2\n");

    std::fs::write(&file, "hunter2 = 'a\n")?;
    let ran = dry_run()?;
    assert!(!ran.complaint(2).contains("hunter2"), "{ran:?}");
    Ok(())
}

#[tokio::test]
async fn every_shell_gets_its_completions() -> TestResult {
    let place = Place::without_table().await?;

    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran: Ran = place.command(&format!("completions {shell}")).env_remove("DATABASE_URL").output()?.into();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(ran.stdout.contains("clearsessions") && ran.stdout.contains("batch-size"), "{shell}");
    }
    Ok(())
}

#[tokio::test]
async fn a_directory_of_sessions_is_cleaned_with_its_secret() -> TestResult {
    let place = Place::without_table().await?;
    let directory = place.directory.path().join("sessions");
    let store = FileStore::new(&directory)?.signing(Signer::new("secret"));
    let now = Clock::system().now();
    for (key, expires) in [("a", now - Duration::DAY), ("b", now - Duration::SECOND), ("c", now + Duration::DAY)] {
        let draft = Draft::new(r#"{"a":1}"#.parse()?, expires);
        store.create(&SessionKey::parse(&key.repeat(32))?, &draft, now).await?;
    }

    std::fs::write(place.directory.path().join("key"), "secret\n")?;

    // Who cannot verify how long a session is to live does not remove it.
    let without = place.run("clearsessions -D file:sessions")?;
    let ran = place.run("clearsessions -D file:sessions --secret-key-file key")?;

    assert_eq!((without.code, without.stdout.trim()), (Some(0), "expired sessions removed: 0"), "{without:?}");
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), "expired sessions removed: 2"), "{ran:?}");
    assert_eq!(place.run("stats -D file:sessions")?.code, Some(2));
    let missing = place.run("clearsessions -D file:wrong")?;
    assert!(missing.code == Some(1) && missing.stderr.contains("`wrong`"), "{missing:?}");
    assert!(!place.directory.path().join("wrong").exists());
    Ok(())
}

#[cfg(feature = "redis")]
#[test]
fn a_redis_that_cannot_be_reached_is_said_without_its_password() -> TestResult {
    let run = |arguments: &str| -> TestResult<Ran> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jam-session"));
        command.args(arguments.split_whitespace()).env("DATABASE_URL", "redis://web:s3cret@127.0.0.1:1/0");
        Ok(command.stdin(Stdio::null()).output()?.into())
    };
    for (arguments, code, said) in [
        ("check", 1, "cannot reach Redis at 127.0.0.1:1"),
        ("clearsessions", 1, "cannot reach Redis at 127.0.0.1:1"),
        ("migrate", 2, "two commands"),
    ] {
        let ran = run(arguments)?;
        let complaint = ran.complaint(code);
        assert!(complaint.contains(said) && !complaint.contains("s3cret"), "{complaint}");
    }
    Ok(())
}
