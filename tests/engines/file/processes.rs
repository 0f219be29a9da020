//! Several processes over one directory.

use std::{env, process::Command, time::Duration};

use jam_session::{FileStore, SessionLayer};

use super::{KEY, folder, key};
use crate::TestResult;

const DIRECTORY: &str = "JAM_FILE_COUNT_DIRECTORY";
const PROCESSES: u64 = 4;
const EACH: u64 = 50;

#[tokio::test]
#[ignore = "one of the processes that another test starts; by itself it does nothing"]
async fn counts() -> TestResult {
    let Some(directory) = env::var_os(DIRECTORY) else { return Ok(()) };
    // How slow the disk of this machine is is not the question.
    let layer = SessionLayer::new(FileStore::new(directory)?).save_deadline(Duration::from_secs(60));
    for _ in 0..EACH {
        let session = layer.open(&key(KEY)).await?;
        session.modify("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
        session.save().await?;
    }
    Ok(())
}

#[tokio::test]
async fn four_processes_that_count_in_one_session_lose_nothing() -> TestResult {
    let directory = folder();
    let store = FileStore::new(directory.path())?;
    let now = jam_session::Clock::system().now();
    let draft = jam_session::Draft::new("{}".parse()?, now + time::Duration::HOUR);
    jam_session::SessionStore::create(&store, &key(KEY), &draft, now).await?;
    let start = || {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "file::processes::counts", "--ignored"]).env(DIRECTORY, directory.path());
        command.stdout(std::process::Stdio::null()).spawn()
    };
    let children = (0..PROCESSES).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    for mut child in children {
        assert!(child.wait()?.success());
    }

    let session = SessionLayer::new(store).open(&key(KEY)).await?;

    assert_eq!(session.get::<u64>("n")?, Some(PROCESSES * EACH));
    println!("file: {PROCESSES} processes, {EACH} changes each, of one session: 0 lost");
    Ok(())
}
