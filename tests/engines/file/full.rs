//! A disk that is full.

use std::{env, path::Path, process::Command};

use jam_session::{Draft, FileStore, SessionStore as _};
use tempfile::TempDir;

use super::{KEY, NOW, OTHER_KEY, chain, done, draft, key};
use crate::TestResult;

const DIRECTORY: &str = "JAM_FILE_FULL_DIRECTORY";
const SEEN: &str = "the fault was seen: ";

#[tokio::test]
#[ignore = "the process that another test gives a full disk; by itself it does nothing"]
async fn saves_where_there_is_no_space() -> TestResult {
    let Some(directory) = env::var_os(DIRECTORY) else { return Ok(()) };
    let store = FileStore::new(directory)?;
    let created = store.create(&key(KEY), &draft(r#"{"a":1}"#), NOW).await?;
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(400_000));
    let large = Draft::new(large.parse()?, NOW + time::Duration::HOUR);

    let errors = [
        store.save(&created, &large, NOW).await.map(drop),
        store.cycle(&created, &key(OTHER_KEY), &large, NOW).await.map(drop),
        store.create(&key(OTHER_KEY), &large, NOW).await.map(drop),
    ];

    for error in errors {
        let error = error.expect_err("there is no space for it");
        println!("\n{SEEN}{:?}: {}", error.kind(), chain(&error));
    }
    assert!(!store.exists(&key(OTHER_KEY)).await?);
    let loaded = store.load(&key(KEY), NOW).await?.ok_or("the old session")?;
    assert_eq!(loaded.session_data.to_json(), r#"{"a":1}"#);
    done(store.save(&loaded, &draft(r#"{"a":2}"#), NOW).await?);
    Ok(())
}

/// Runs the test above in a shell that takes the space away first.
fn without_space(script: &str, directory: &Path) -> TestResult<Result<String, String>> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash", "-c", script, "bash"]).arg(env::current_exe()?);
    if script.contains("ulimit") {
        command = Command::new("bash");
        command.args(["-c", script, "bash"]).arg(env::current_exe()?);
    }
    command.args(["--exact", "file::full::saves_where_there_is_no_space", "--ignored", "--nocapture"]);
    command.env(DIRECTORY, directory.join("sessions")).env("FULL", directory);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Ok(Err(format!("{command:?}: {error}"))),
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(if output.status.success() { Ok(out.into_owned()) } else { Err(format!("{out}{err}")) })
}

fn seen(output: &str) -> Vec<&str> {
    output.lines().filter_map(|line| line.strip_prefix(SEEN)).collect()
}

#[test]
fn a_full_disk_is_an_error_and_the_old_session_stands() -> TestResult {
    let directory = TempDir::new()?;
    let mount = r#"mount -t tmpfs -o size=256k none "$FULL" || { echo no mount; exit 1; }; exec "$@""#;
    match without_space(mount, directory.path())? {
        Ok(output) => {
            let seen = seen(&output);
            assert!(
                seen.len() == 3
                    && seen.iter().all(|line| line.starts_with("StoreFailure: ") && line.contains("No space left")),
                "{output}"
            );
            println!("file: disk full, 3 writes: {}; the old session stands", seen[0]);
        }
        // Who may not mount has no small disk.
        Err(output) if !output.contains("test result") => {
            println!("SKIPPED: no small disk can be mounted ({}); only the limit below is checked", output.trim());
        }
        Err(output) => panic!("{output}"),
    }
    Ok(())
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_the_old_session_stands() -> TestResult {
    let directory = TempDir::new()?;
    let limit = r#"trap "" XFSZ; ulimit -f 64; exec "$@""#;
    let output = without_space(limit, directory.path())??;
    let seen = seen(&output);
    assert!(
        seen.len() == 3 && seen.iter().all(|line| line.starts_with("Refused: ") && line.contains("too large")),
        "{output}"
    );
    println!("file: file size limit, 3 writes: {}; the old session stands", seen[0]);
    Ok(())
}
