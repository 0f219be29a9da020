//! [`Folder`]: the directory of a store, the locks in it, and opening files without following anybody's links.
//!
//! The locks, and what is being written, are in a directory of their own below, which is for this user alone
//! wherever the sessions are: nobody can plant anything there.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{failure::cannot, permissions};
use crate::{error::StoreError, session_key::SessionKey};

/// Below the directory of the sessions.
const WORKSHOP: &str = ".jam-session";
/// How many writers of different sessions can be at work at once.
const SHARDS: usize = 64;
/// How often a file may be replaced under our hands before that is an error.
const TRIES: usize = 16;

/// One part of the sessions; who has its lock may write to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shard(usize);

impl Shard {
    /// The same in every process.
    pub(super) fn of(session_key: &SessionKey) -> Self {
        let hash = session_key.as_str().bytes().fold(5381_u32, |hash, byte| hash.wrapping_mul(33) ^ u32::from(byte));
        Self(hash as usize % SHARDS)
    }
}

/// A lock of this process, until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file unlocks it")] File);

pub(super) struct Folder {
    directory: PathBuf,
    workshop: PathBuf,
    /// Who works here. A file that another user made, be it the administrator, would lock this one out.
    owner: u32,
    /// Others may put files beside the sessions.
    is_shared: bool,
}

impl Folder {
    /// A directory that others have no part in.
    pub(super) fn private(directory: PathBuf) -> Result<Self, StoreError> {
        let shown = directory.display();
        let metadata = made(&directory).map_err(cannot(format!("make the session directory `{shown}`")))?;
        let problem = if metadata.is_symlink() {
            "is a symbolic link: name the directory that it leads to"
        } else if !metadata.is_dir() {
            "is not a directory"
        } else if permissions::writable_by_others(&metadata) || permissions::readable_by_others(&metadata) {
            "is open to other users, who could use everybody's session: `chmod 700` it"
        } else {
            return Self::opened(directory, false);
        };
        Err(StoreError::Backend(format!("the session directory `{shown}` {problem}").into()))
    }

    /// A directory as it is.
    pub(super) fn shared(directory: PathBuf) -> Result<Self, StoreError> {
        Self::opened(directory, true)
    }

    fn opened(directory: PathBuf, is_shared: bool) -> Result<Self, StoreError> {
        let shown = directory.display().to_string();
        let workshop = directory.join(WORKSHOP);
        let failed = |error| cannot(format!("write to the session directory `{shown}`"))(error);
        let metadata = made(&workshop).map_err(failed)?;
        if !metadata.is_dir() || permissions::writable_by_others(&metadata) {
            return Err(failed(io::Error::other("what it is to work with is open to other users, or no directory")));
        }
        let folder = Self { directory, workshop, owner: permissions::owner(&metadata), is_shared };
        folder.open_lock(Shard(0)).map_err(failed)?;
        Ok(folder)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where the one who has the lock of a shard writes what is to become a session.
    pub(super) fn draft(&self, shard: Shard) -> PathBuf {
        self.workshop.join(format!("new-{:02}", shard.0))
    }

    /// Waits until nobody else writes to sessions of these shards.
    pub(super) fn lock(&self, one: Shard, other: Shard) -> Result<[Option<Lock>; 2], StoreError> {
        // In order, so that two who want the same two do not wait for each other.
        let (first, second) = (one.min(other), one.max(other));
        let lock = |shard| self.open_lock(shard).map(|file| Some(Lock(file))).map_err(cannot("lock a session"));
        Ok([lock(first)?, if first == second { None } else { lock(second)? }])
    }

    fn open_lock(&self, shard: Shard) -> io::Result<File> {
        let path = self.workshop.join(format!("lock-{:02}", shard.0));
        let mut problem = io::Error::from(ErrorKind::NotFound);
        for _ in 0..TRIES {
            match self.try_lock(&path) {
                Ok(file) => return Ok(file),
                // It was removed, or is being made, by somebody else.
                Err(error) if [ErrorKind::NotFound, ErrorKind::AlreadyExists].contains(&error.kind()) => {
                    problem = error;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Err(problem)
    }

    fn try_lock(&self, path: &Path) -> io::Result<File> {
        let file = match open(path, OpenOptions::new().read(true).write(true)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // A cleaner of temporary files may have taken the directory, too.
                made(&self.workshop)?;
                self.make_file(path)?
            }
            file => file?,
        };
        file.lock()?;
        // A lock on a file that is not there any more excludes nobody.
        let there = permissions::is_same_file(&fs::symlink_metadata(path)?, &file.metadata()?);
        if there { Ok(file) } else { Err(ErrorKind::NotFound.into()) }
    }

    /// Makes a file that was not there, not even as a link.
    pub(super) fn make_file(&self, path: &Path) -> io::Result<File> {
        let file = permissions::only_ours(OpenOptions::new().read(true).write(true).create_new(true)).open(path)?;
        if permissions::owner(&file.metadata()?) == self.owner {
            return Ok(file);
        }
        fs::remove_file(path)?;
        Err(io::Error::new(ErrorKind::PermissionDenied, "it belongs to another user; run this program as that user"))
    }

    /// Opens the file of a session; `None` where there is none, or none of ours.
    pub(super) fn open_session(&self, path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
        let file = match open(path, options) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(disbelieved()),
            file => file?,
        };
        let metadata = file.metadata()?;
        let is_foreign = permissions::owner(&metadata) != self.owner || permissions::writable_by_others(&metadata);
        Ok(if self.is_shared && is_foreign { disbelieved() } else { Some(file) })
    }

    /// Has what was renamed, linked and removed outlast a loss of power.
    pub(super) fn sync(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.directory)?.sync_all() } else { Ok(()) }
    }
}

/// What is said of a file that is in the place of a session and is none of ours.
fn disbelieved() -> Option<File> {
    tracing::warn!("something in the session directory is not a file of this user; it is not believed");
    None
}

/// A directory, made if it is missing; and what is there, which may be no directory.
fn made(path: &Path) -> io::Result<Metadata> {
    match permissions::make_directory(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::symlink_metadata(path),
    }
}

/// Opens a regular file, and nothing that a link leads to: a link, a pipe or a device is `InvalidInput`.
///
/// The kind of file is looked at twice, because to open a device may do something, and because it may have been
/// replaced before it was opened. A file that another file has replaced is not missing: what is there now is opened.
fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let not_a_file = || io::Error::new(ErrorKind::InvalidInput, "a link or a directory is in the place of a file");
    let mut replaced = io::Error::from(ErrorKind::Interrupted);
    for _ in 0..TRIES {
        let seen = fs::symlink_metadata(path)?;
        if !seen.is_file() {
            return Err(not_a_file());
        }
        match permissions::open_without_following(path, options, &seen) {
            Ok(file) if file.metadata()?.is_file() => return Ok(file),
            Ok(_) => return Err(not_a_file()),
            Err(error) if is_replaced(&error) => replaced = error,
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Err(not_a_file()),
            Err(error) => return Err(error),
        }
    }
    Err(replaced)
}

/// Whether a file was replaced by another one while it was opened, so that it has to be opened again. A network
/// file system says so of a file that it has lost.
fn is_replaced(error: &io::Error) -> bool {
    [ErrorKind::Interrupted, ErrorKind::StaleNetworkFileHandle].contains(&error.kind())
}
