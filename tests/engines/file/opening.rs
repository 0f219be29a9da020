//! The temporary directory, and directories that a URL names.

use std::{env, fs, process::Command};

use jam_session::{Clock, Draft, FileStore, SessionStore as _, connect};
use time::Duration;

use super::{KEY, chain, folder, key};
use crate::TestResult;

const ASKED: &str = "JAM_FILE_TEMP_DIRECTORY";

#[test]
#[ignore = "the process that another test gives a temporary directory of its own; by itself it does nothing"]
fn opens_the_temporary_directory() -> TestResult {
    if env::var_os(ASKED).is_some() {
        FileStore::in_temp_dir()?;
    }
    Ok(())
}

#[test]
fn the_temporary_directory_has_one_for_sessions() -> TestResult {
    let directory = folder();
    for _ in 0..2 {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "file::opening::opens_the_temporary_directory", "--ignored"]);
        let output = command.env(ASKED, "1").env("TMPDIR", directory.path()).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(directory.path().join("jam-session/.jam-session").is_dir());
    assert_eq!(fs::read_dir(directory.path())?.count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_url_names_a_directory() -> TestResult {
    let (parent, now) = (folder(), Clock::system().now());
    let directory = parent.path().join("sessions");
    let shown = directory.display();
    let store = FileStore::new(&directory)?;
    store.create(&key(KEY), &Draft::new(r#"{"a":1}"#.parse()?, now + Duration::HOUR), now).await?;

    for url in [format!("file:{shown}"), format!("file://{shown}")] {
        assert!(connect(&url).await?.load(&key(KEY), now).await?.is_some(), "{url}");
    }
    for (url, problem) in [
        ("file:".to_owned(), "names a directory"),
        ("file://localhost/sessions".to_owned(), "names no host"),
        (format!("file:{shown}/no/such"), "cannot make the session directory"),
    ] {
        let error = connect(&url).await.expect_err("no directory");
        assert!(chain(&error).contains(problem), "{url}: {}", chain(&error));
    }
    Ok(())
}
