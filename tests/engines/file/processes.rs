//! Several processes over one directory.

use std::{env, process::Command, time::Duration};

use jam_session::{FileStore, SessionLayer};

use super::{KEY, folder, key};
use crate::TestResult;

const DIRECTORY: &str = "JAM_FILE_COUNT_DIRECTORY";
const CHANGES: &str = "JAM_FILE_COUNT_CHANGES";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one of the processes that another test starts; by itself it does nothing"]
async fn counts() -> TestResult {
    let Some(directory) = env::var_os(DIRECTORY) else { return Ok(()) };
    let changes: u64 = env::var(CHANGES)?.parse()?;
    // How slow the disk of this machine is is not the question.
    let layer = SessionLayer::new(FileStore::new(directory)?).save_deadline(Duration::from_secs(60));
    let layer = layer.load_deadline(Duration::from_secs(60));
    let counts = |changes: u64| {
        let layer = layer.clone();
        tokio::spawn(async move {
            for _ in 0..changes {
                let session = layer.open(&key(KEY)).await?;
                session.modify("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
                session.save().await?;
            }
            Ok::<_, jam_session::Error>(())
        })
    };
    // Two requests at a time, so that some read while others write.
    let (one, other) = (counts(changes / 2), counts(changes - changes / 2));
    one.await??;
    Ok(other.await??)
}

/// Several processes count in one session, each so many times.
async fn count(processes: u64, changes: u64) -> TestResult {
    let directory = folder();
    let store = FileStore::new(directory.path())?;
    let now = jam_session::Clock::system().now();
    let draft = jam_session::Draft::new("{}".parse()?, now + time::Duration::HOUR);
    jam_session::SessionStore::create(&store, &key(KEY), &draft, now).await?;
    let start = || {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "file::processes::counts", "--ignored"]).env(DIRECTORY, directory.path());
        command.env(CHANGES, changes.to_string()).stdout(std::process::Stdio::null()).spawn()
    };
    let children = (0..processes).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    for mut child in children {
        assert!(child.wait()?.success());
    }

    let session = SessionLayer::new(store).open(&key(KEY)).await?;

    let (counted, all) = (session.get::<u64>("n")?.unwrap_or(0), processes * changes);
    println!("file: {processes} processes, {changes} changes each, of one session: {counted} of {all} counted");
    assert_eq!(counted, all);
    Ok(())
}

#[tokio::test]
async fn four_processes_that_count_in_one_session_lose_nothing() -> TestResult {
    count(4, 50).await
}

#[tokio::test]
#[ignore = "3,200 changes take longer than a normal run is to take"]
async fn two_processes_that_count_to_3_200_lose_nothing() -> TestResult {
    count(2, 1_600).await
}
