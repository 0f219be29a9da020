//! Who may do what in the directory, and what is refused at the start.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::Path,
};

use jam_session::{FileStore, SessionStore as _, StoreError};
use tempfile::TempDir;

use super::{KEY, NOW, chain, draft, file_of, key};
use crate::TestResult;

fn mode(path: &Path) -> TestResult<u32> {
    Ok(fs::symlink_metadata(path)?.permissions().mode() & 0o777)
}

#[tokio::test]
async fn directories_are_0700_and_files_0600() -> TestResult {
    let parent = TempDir::new()?;
    let directory = parent.path().join("sessions");
    let store = FileStore::new(&directory)?;
    let created = store.create(&key(KEY), &draft("{}"), NOW).await?;
    let _ = store.save(&created, &draft(r#"{"a":1}"#), NOW).await?;

    assert_eq!(mode(&directory)?, 0o700);
    let mut seen = 0;
    for folder in [directory.clone(), directory.join(".jam-session")] {
        assert_eq!(mode(&folder)?, 0o700);
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_file() {
                assert_eq!(mode(&path)?, 0o600, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 2, "a session and a lock");
    Ok(())
}

#[test]
fn a_directory_that_is_open_to_others_or_a_link_is_refused_with_the_cure() -> TestResult {
    let parent = TempDir::new()?;
    let (open, listed, link, file) =
        (parent.path().join("open"), parent.path().join("listed"), parent.path().join("link"), parent.path().join("f"));
    for (path, mode) in [(&open, 0o722), (&listed, 0o755)] {
        fs::create_dir(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    symlink(&open, &link)?;
    fs::write(&file, "")?;

    for (path, problem) in
        [(&open, "chmod 700"), (&listed, "chmod 700"), (&link, "symbolic link"), (&file, "not a directory")]
    {
        let text = chain(&FileStore::new(path).expect_err("it is refused"));
        assert!(text.contains(problem) && text.contains(&path.display().to_string()), "{text}");
    }
    let missing = chain(&FileStore::new(parent.path().join("no/such")).expect_err("its parent is missing"));
    assert!(missing.contains("cannot make the session directory"), "{missing}");

    fs::remove_file(link)?;
    fs::set_permissions(&open, fs::Permissions::from_mode(0o1722))?;
    FileStore::in_shared_directory(open)?;
    Ok(())
}

/// In a directory where others can put files, a session that somebody wrote for themselves is not one.
#[tokio::test]
async fn a_file_of_another_user_is_not_believed() -> TestResult {
    let directory = TempDir::new()?;
    let store = FileStore::in_shared_directory(directory.path())?;
    store.create(&key(KEY), &draft(r#"{"_auth_user_id":"1"}"#), NOW).await?;
    let file = file_of(directory.path(), KEY);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o666))?;
    assert!(store.load(&key(KEY), NOW).await?.is_none(), "anybody could have written it");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    assert!(store.load(&key(KEY), NOW).await?.is_some());

    if let Err(error) = chown(&file, Some(65_534), None) {
        println!("SKIPPED: a file cannot be given away ({error}); its owner was not checked");
        return Ok(());
    }
    assert!(store.load(&key(KEY), NOW).await?.is_none(), "it belongs to somebody else");
    let taken = store.create(&key(KEY), &draft("{}"), NOW).await;
    assert!(matches!(taken, Err(StoreError::KeyTaken)), "{taken:?}");
    Ok(())
}

/// Whoever may do everything must not lock out the user whose directory it is.
#[tokio::test]
async fn a_directory_of_another_user_is_refused_and_left_as_it_was() -> TestResult {
    let (store, directory) = super::plain_files().await;
    store.create(&key(KEY), &draft("{}"), NOW).await?;
    let workshop = directory.path().join(".jam-session");
    for entry in fs::read_dir(&workshop)? {
        fs::remove_file(entry?.path())?;
    }
    if let Err(error) = chown(&workshop, Some(65_534), None) {
        println!("SKIPPED: a directory cannot be given away ({error}); nothing was checked");
        return Ok(());
    }

    let refused = chain(&FileStore::new(directory.path()).expect_err("it is somebody else's"));

    assert!(refused.contains("run this program as that user"), "{refused}");
    assert_eq!(fs::read_dir(&workshop)?.count(), 0, "nothing that its owner could not open");
    Ok(())
}
