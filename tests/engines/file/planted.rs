//! Directories and files that another local user made. To make them a test has to be the administrator.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use jam_session::{FileStore, Saved, SessionStore as _};
use tempfile::TempDir;
use time::Duration;

use super::{KEY, NOW, OTHER_KEY, chain, draft, file_of, folder, key, plain_files};
use crate::TestResult;

/// Another user of the machine, and the group of that user.
const MALLORY: u32 = 65_534;
/// A group that the process of a test is in where it says so.
const OUR_GROUP: u32 = 4_242;
const ADMIN: &str = r#"{"_auth_user_id":"1"}"#;

/// What each of these tests begins with.
macro_rules! only_as_administrator {
    ($what:expr) => {
        let mine = folder();
        if let Err(error) = chown(mine.path(), Some(MALLORY), None) {
            println!("SKIPPED: nothing can be given to another user ({error}); {} was not checked", $what);
            eprintln!("SKIPPED: nothing can be given to another user ({error}); {} was not checked", $what);
            return Ok(());
        }
    };
}

fn directory(path: PathBuf, mode: u32, owner: u32, group: u32) -> TestResult<PathBuf> {
    fs::create_dir(&path)?;
    chown(&path, Some(owner), Some(group))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    Ok(path)
}

fn file(path: &Path, content: &str, owner: u32) -> TestResult {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    fs::File::open(path)?.set_modified(NOW.into())?;
    Ok(chown(path, Some(owner), Some(owner))?)
}

/// A session directory of which some parts are Mallory's: itself, its subfolder, the first lock and a session.
fn planted(path: PathBuf, owners: [Option<u32>; 4]) -> TestResult<PathBuf> {
    let [itself, subfolder, lock, session] = owners;
    let path = directory(path, 0o700, itself.unwrap_or(0), itself.unwrap_or(0))?;
    if let Some(owner) = subfolder {
        let subfolder = directory(path.join(".jam-session"), 0o700, owner, owner)?;
        lock.map_or(Ok(()), |owner| file(&subfolder.join("lock-00"), "", owner))?;
    }
    session.map_or(Ok(()), |owner| file(&file_of(&path, KEY), ADMIN, owner))?;
    Ok(path)
}

/// Everything that lies in a directory and in the subfolder of its locks.
fn listed(path: &Path) -> TestResult<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in [path.to_owned(), path.join(".jam-session")] {
        for entry in fs::read_dir(path).into_iter().flatten() {
            found.push(entry?.path());
        }
    }
    found.sort();
    Ok(found)
}

#[test]
#[ignore = "the process that another test lets open a directory; by itself it does nothing"]
fn opens_what_it_is_told() -> TestResult {
    let Some(path) = env::var_os("JAM_FILE_OPENS") else { return Ok(()) };
    let opened = match env::var("JAM_FILE_OPENS_BY")?.as_str() {
        "new" => FileStore::new(path),
        "in_temp_dir" => FileStore::in_temp_dir(),
        _ => FileStore::in_shared_directory(path),
    };
    println!("\nresult: {}", opened.map_or_else(|error| chain(&error), |_| "opened".to_owned()));
    Ok(())
}

/// How another process opens a directory.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    New,
    InTempDir,
    Shared,
}

/// What another process says that opens the directory; with these words before its command.
fn opened(before: &[&str], executable: &Path, by: By, path: &Path) -> TestResult<String> {
    let by = ["new", "in_temp_dir", "in_shared_directory"][by as usize];
    let mut words = before.iter().map(AsRef::as_ref).chain([executable.as_os_str()]);
    let mut command = Command::new(words.next().ok_or("a command")?);
    command.args(words).args(["--exact", "file::planted::opens_what_it_is_told", "--ignored", "--nocapture"]);
    command.env("JAM_FILE_OPENS", path).env("JAM_FILE_OPENS_BY", by).env("TMPDIR", path.parent().ok_or("a parent")?);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let result = text.lines().find_map(|line| line.strip_prefix("result: ")).map(str::to_owned);
    result.ok_or_else(|| format!("{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr)).into())
}

#[test]
fn what_another_user_made_is_refused_and_left_as_it_was() -> TestResult {
    only_as_administrator!("a directory that another user made");
    let (ours, theirs) = (Some(0), Some(MALLORY));
    let cases = [
        [theirs, None, None, None],
        [theirs, None, None, theirs],
        [theirs, theirs, theirs, theirs],
        [theirs, ours, ours, theirs],
        [ours, theirs, None, None],
        [ours, theirs, theirs, None],
        [ours, theirs, ours, None],
        [ours, ours, theirs, None],
    ];
    for owners in cases {
        for by in [By::New, By::InTempDir, By::Shared] {
            let parent = TempDir::new()?;
            let path = planted(parent.path().join("jam-session"), owners)?;
            let before = listed(&path)?;

            let result = opened(&[], &env::current_exe()?, by, &path)?;

            assert!(result.contains("belongs to another user"), "{owners:?}, {by:?}: {result}");
            assert!(result.contains("run this program as that user"), "it names the cure: {result}");
            assert!(result.contains(&path.display().to_string()), "it names the directory: {result}");
            assert_eq!(listed(&path)?, before, "{owners:?}, {by:?}");
        }
    }
    println!("file: {} plants by another user, each opened in 3 ways: 0 accepted", cases.len());
    Ok(())
}

#[tokio::test]
async fn a_session_that_another_user_planted_is_no_session() -> TestResult {
    only_as_administrator!("a session that another user planted");
    for shared in [false, true] {
        let (store, path) = plain_files().await;
        let store = if shared { FileStore::in_shared_directory(path.path())? } else { store };
        let record = store.create(&key(KEY), &draft(ADMIN), NOW).await?;
        let planted = file_of(path.path(), KEY);
        fs::remove_file(&planted)?;
        file(&planted, ADMIN, MALLORY)?;

        assert!(store.load(&key(KEY), NOW).await?.is_none());
        assert!(matches!(store.save(&record, &draft("{}"), NOW).await?, Saved::Gone));
        assert!(matches!(store.touch(&record, NOW + Duration::DAY, NOW).await?, Saved::Gone));
        assert!(matches!(store.cycle(&record, &key(OTHER_KEY), &draft("{}"), NOW).await?, Saved::Gone));
        assert_eq!(store.clear_expired(NOW + Duration::weeks(99)).await?, 0);
        assert_eq!(fs::read_to_string(&planted)?, ADMIN);
        store.delete(&key(KEY)).await?;
        assert!(!planted.exists(), "it can be deleted");
    }
    Ok(())
}

/// Somebody who cleans up temporary files removes the directory of a process that runs.
#[tokio::test]
async fn a_directory_that_another_user_made_since_is_not_written_to() -> TestResult {
    only_as_administrator!("a directory that another user made since");
    let parent = folder();
    let path = parent.path().join("sessions");
    let store = FileStore::new(&path)?;
    let record = store.create(&key(KEY), &draft("{}"), NOW).await?;
    for owners in [[Some(MALLORY), None, None, Some(MALLORY)], [Some(MALLORY), Some(0), Some(0), Some(MALLORY)]] {
        fs::remove_dir_all(&path)?;
        planted(path.clone(), owners)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777))?;
        let before = listed(&path)?;

        assert!(store.load(&key(KEY), NOW).await?.is_none(), "a planted session");
        let errors = [
            store.create(&key(OTHER_KEY), &draft("{}"), NOW).await.map(drop),
            store.save(&record, &draft("{}"), NOW).await.map(drop),
            store.touch(&record, NOW + Duration::DAY, NOW).await.map(drop),
        ];
        for error in errors {
            let error = error.expect_err("nothing may be written there");
            assert!(chain(&error).contains("belongs to another user"), "{}", chain(&error));
        }
        assert_eq!(listed(&path)?, before, "no key is shown to another user");
    }
    Ok(())
}

#[tokio::test]
async fn a_directory_that_was_removed_is_made_again_for_this_user_alone() -> TestResult {
    let parent = folder();
    let path = parent.path().join("sessions");
    let store = FileStore::new(&path)?;
    let record = store.create(&key(KEY), &draft("{}"), NOW).await?;
    fs::remove_dir_all(&path)?;

    assert!(store.load(&key(KEY), NOW).await?.is_none());
    assert!(matches!(store.save(&record, &draft("{}"), NOW).await?, Saved::Gone), "what was removed is over");
    store.create(&key(OTHER_KEY), &draft("{}"), NOW).await?;

    assert!(store.load(&key(OTHER_KEY), NOW).await?.is_some());
    assert_eq!(fs::metadata(&path)?.mode() & 0o777, 0o700);
    Ok(())
}

/// What may be said of a directory: that it is opened, or why not.
fn said(result: Result<FileStore, jam_session::StoreError>) -> String {
    result.map_or_else(|error| chain(&error), |_| "opened".to_owned())
}

#[test]
fn a_parent_that_others_may_write_to_is_refused_with_the_cure() -> TestResult {
    for (mode, expected) in [(0o777, "`chmod o-w` or `chmod +t` it"), (0o1777, "opened"), (0o755, "opened")] {
        for between in ["", "a", "a/b"] {
            let parent = folder();
            let open = parent.path().join("open");
            fs::create_dir_all(open.join(between))?;
            fs::set_permissions(&open, fs::Permissions::from_mode(mode))?;
            let path = open.join(between).join("sessions");

            let result = said(FileStore::new(&path));
            assert!(result.contains(expected), "{mode:o}, {between:?}: {result}");
            assert!(result == "opened" || result.contains(&format!("`{}`", open.display())), "{result}");

            let _ = fs::create_dir(&path);
            let result = said(FileStore::in_shared_directory(&path));
            assert!(result.contains(expected), "shared, {mode:o}, {between:?}: {result}");
        }
    }
    Ok(())
}

#[test]
fn a_shared_directory_that_others_may_write_to_needs_the_sticky_bit() -> TestResult {
    let path = folder();
    for (mode, expected) in [(0o777, "`chmod o-w` or `chmod +t` it"), (0o1777, "opened"), (0o755, "opened")] {
        fs::set_permissions(path.path(), fs::Permissions::from_mode(mode))?;
        let result = said(FileStore::in_shared_directory(path.path()));
        assert!(result.contains(expected), "{mode:o}: {result}");
    }
    Ok(())
}

#[test]
fn a_link_that_others_may_replace_is_refused() -> TestResult {
    let parent = folder();
    let (open, target) = (parent.path().join("open"), parent.path().join("target"));
    fs::create_dir_all(&open)?;
    fs::create_dir_all(target.join("sessions"))?;
    symlink(&target, open.join("link"))?;
    for path in [open.join("link"), open.join("link/sessions")] {
        for (mode, expected) in [(0o777, "`chmod o-w` or `chmod +t` it"), (0o1777, "opened")] {
            fs::set_permissions(&open, fs::Permissions::from_mode(mode))?;
            let result = said(FileStore::in_shared_directory(&path));
            assert!(result.contains(expected), "{}, {mode:o}: {result}", path.display());
        }
    }

    only_as_administrator!("a link of another user's");
    lchown(open.join("link"), Some(MALLORY), Some(MALLORY))?;
    let result = said(FileStore::in_shared_directory(open.join("link/sessions")));
    assert!(result.contains("belongs to another user"), "{result}");
    Ok(())
}

#[test]
fn what_another_user_made_where_everybody_may_is_no_place_for_sessions() -> TestResult {
    only_as_administrator!("a parent that another user made");
    let parent = folder();
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o1777))?;
    let theirs = directory(parent.path().join("theirs"), 0o755, MALLORY, MALLORY)?;
    let ours = directory(theirs.join("ours"), 0o700, 0, 0)?;
    for path in [theirs.join("sessions"), ours.join("sessions")] {
        let result = said(FileStore::new(path));
        assert!(result.contains("belongs to another user"), "{result}");
    }
    Ok(())
}

/// A process of another user than the administrator, as services are; in one group more, or not.
struct Service {
    home: TempDir,
    executable: PathBuf,
}

impl Service {
    fn new() -> TestResult<Self> {
        let home = TempDir::new()?;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755))?;
        // The tests may have been built where others may not look.
        let executable = home.path().join("tests");
        fs::copy(env::current_exe()?, &executable)?;
        Ok(Self { home, executable })
    }

    fn opens(&self, by: By, path: &Path, in_our_group: bool) -> TestResult<String> {
        let groups = if in_our_group { format!("--groups={OUR_GROUP}") } else { "--clear-groups".to_owned() };
        opened(&["setpriv", "--reuid=1001", "--regid=1001", &groups], &self.executable, by, path)
    }
}

const SERVICE: u32 = 1_001;

#[test]
fn a_parent_that_is_open_to_a_group_of_the_process_is_fine() -> TestResult {
    only_as_administrator!("a parent that is open to a group");
    let service = Service::new()?;
    // A mounted volume: the administrator's, open to a group that the process is in.
    for (mode, owner) in [(0o2775, 0), (0o770, 0), (0o775, SERVICE)] {
        let name = format!("volume-{mode:o}");
        let volume = directory(service.home.path().join(name), mode, owner, OUR_GROUP)?;
        let sessions = directory(volume.join("sessions"), 0o700, SERVICE, SERVICE)?;
        assert_eq!(service.opens(By::New, &sessions, true)?, "opened", "{mode:o}");
        if mode & 0o005 != 0 {
            let result = service.opens(By::New, &sessions, false)?;
            assert!(result.contains("`chmod g-w` or `chmod +t` it"), "not a group of its own, {mode:o}: {result}");
        }
    }
    let fresh = directory(service.home.path().join("fresh"), 0o2775, 0, OUR_GROUP)?;
    assert_eq!(service.opens(By::New, &fresh.join("sessions"), true)?, "opened", "it makes the directory itself");

    // The administrator is not in that group.
    let result = said(FileStore::new(fresh.join("others")));
    assert!(result.contains("`chmod g-w` or `chmod +t` it"), "{result}");
    Ok(())
}

#[test]
fn a_shared_directory_belongs_to_this_user_the_administrator_or_a_group_of_the_process() -> TestResult {
    only_as_administrator!("whose a shared directory is");
    let service = Service::new()?;
    let cases = [
        (SERVICE, SERVICE, 0o755, false, "opened"),
        (0, 0, 0o1777, false, "opened"),
        (0, OUR_GROUP, 0o2775, true, "opened"),
        (MALLORY, OUR_GROUP, 0o2775, true, "opened"),
        (MALLORY, OUR_GROUP, 0o1777, false, "belongs to another user"),
        (MALLORY, MALLORY, 0o1777, true, "belongs to another user"),
        (0, OUR_GROUP, 0o777, true, "`chmod o-w` or `chmod +t` it"),
    ];
    for (number, (owner, group, mode, in_our_group, expected)) in cases.into_iter().enumerate() {
        let path = directory(service.home.path().join(number.to_string()), mode, owner, group)?;
        let result = service.opens(By::Shared, &path, in_our_group)?;
        assert!(result.contains(expected), "{owner}, {group}, {mode:o}, {in_our_group}: {result}");
    }
    Ok(())
}
