//! [`Folder`]: the directory of a store, the locks in it, and opening files without following anybody's links.
//!
//! The locks, and what is being written, are in a directory of their own below, which is for this user alone
//! wherever the sessions are: nobody can plant anything there.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{
    failure::cannot,
    owner::{Owner, foreign, refused},
    permissions,
};
use crate::{backends::deadline, error::StoreError, session_key::SessionKey};

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
    owner: Owner,
    /// Others may put files beside the sessions.
    is_shared: bool,
}

impl Folder {
    /// A directory that others have no part in.
    pub(super) fn private(directory: PathBuf) -> Result<Self, StoreError> {
        let shown = directory.display();
        there_or_made(&directory).map_err(cannot(format!("make the session directory `{shown}`")))?;
        Self::opened(directory, false)
    }

    /// A directory as it is.
    pub(super) fn shared(directory: PathBuf) -> Result<Self, StoreError> {
        Self::opened(directory, true)
    }

    fn opened(directory: PathBuf, is_shared: bool) -> Result<Self, StoreError> {
        let shown = directory.display().to_string();
        let failed = |error| cannot(format!("use the session directory `{shown}`"))(error);
        if !is_shared && !fs::symlink_metadata(&directory).map_err(failed)?.is_dir() {
            return Err(failed(no_directory(&directory)));
        }
        let owner = Owner::of_files_in(&directory).map_err(failed)?;
        owner.check_way_to(&directory).map_err(failed)?;
        let folder = Self { workshop: directory.join(WORKSHOP), directory, owner, is_shared };
        folder.open_lock(Shard(0)).map_err(failed)?;
        Ok(folder)
    }

    /// Makes what is missing, and fails where what is there is not for this user alone.
    ///
    /// It is looked at for every write: somebody who cleans up temporary files may have removed it, and another user
    /// may have made a directory by that name since.
    fn prepare(&self) -> io::Result<()> {
        if self.is_shared {
            self.check_shared(&fs::metadata(&self.directory)?)?;
        } else {
            self.check_private(&there_or_made(&self.directory)?)?;
        }
        let workshop = there_or_made(&self.workshop)?;
        if !workshop.is_dir() || permissions::writable_by_others(&workshop) {
            return Err(refused(format!(
                "`{WORKSHOP}` in it is no directory, or other users may write to it: remove it"
            )));
        }
        if self.owner.owns(&workshop) { Ok(()) } else { Err(foreign(&format!("`{WORKSHOP}` in it"))) }
    }

    fn check_private(&self, directory: &Metadata) -> io::Result<()> {
        if !directory.is_dir() {
            Err(no_directory(&self.directory))
        } else if !self.owner.owns(directory) {
            Err(foreign("it"))
        } else if permissions::writable_by_others(directory) || permissions::readable_by_others(directory) {
            Err(refused("it is open to other users, who could use everybody's session: `chmod 700` it"))
        } else {
            Ok(())
        }
    }

    fn check_shared(&self, directory: &Metadata) -> io::Result<()> {
        if !directory.is_dir() {
            Err(no_directory(&self.directory))
        } else if !self.owner.shares(directory) {
            Err(foreign("it"))
        } else {
            // What is in it must stay where it is, too.
            self.owner.check_keeps_entries(&self.directory, directory)
        }
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
        let locks = [lock(first)?, if first == second { None } else { lock(second)? }];
        deadline::check(deadline::current())?;
        Ok(locks)
    }

    fn open_lock(&self, shard: Shard) -> io::Result<File> {
        let path = self.workshop.join(format!("lock-{:02}", shard.0));
        let mut replaced = io::Error::from(ErrorKind::Interrupted);
        for _ in 0..TRIES {
            self.prepare()?;
            match self.try_lock(&path) {
                // Another process removed it, or is making it.
                Err(error) if is_replaced(&error) || is_gone_or_new(&error) => replaced = error,
                locked => return locked,
            }
        }
        // That may pass, which cannot be said of a file that is missing.
        Err(io::Error::new(ErrorKind::Interrupted, replaced))
    }

    fn try_lock(&self, path: &Path) -> io::Result<File> {
        let file = match open(path, OpenOptions::new().read(true).write(true)) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.make_file(path)?,
            file => file?,
        };
        if !self.owner.owns(&file.metadata()?) {
            return Err(foreign("a lock in it"));
        }
        file.lock()?;
        // A lock on a file that is not there any more excludes nobody.
        let there = permissions::is_same_file(&fs::symlink_metadata(path)?, &file.metadata()?);
        if there { Ok(file) } else { Err(ErrorKind::NotFound.into()) }
    }

    /// Makes a file that was not there, not even as a link.
    pub(super) fn make_file(&self, path: &Path) -> io::Result<File> {
        let file = permissions::only_ours(OpenOptions::new().read(true).write(true).create_new(true)).open(path)?;
        if self.owner.owns(&file.metadata()?) {
            return Ok(file);
        }
        fs::remove_file(path)?;
        // This process changed its user since.
        Err(foreign("it"))
    }

    /// Opens the file of a session; `None` where there is none, or none of ours.
    pub(super) fn open_session(&self, path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
        let file = match open(path, options) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(disbelieved()),
            file => file?,
        };
        let metadata = file.metadata()?;
        let is_foreign = !self.owner.owns(&metadata) || (self.is_shared && permissions::writable_by_others(&metadata));
        Ok(if is_foreign { disbelieved() } else { Some(file) })
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
fn there_or_made(path: &Path) -> io::Result<Metadata> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        there => return there,
    }
    match permissions::make_directory(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::symlink_metadata(path),
    }
}

/// What is said where a directory is to be and none is.
fn no_directory(path: &Path) -> io::Error {
    let error = |why: &str| io::Error::new(ErrorKind::NotADirectory, why);
    match path.is_symlink() {
        true => error("it is a symbolic link: name the directory that it leads to"),
        false => error("it is not a directory"),
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

fn is_gone_or_new(error: &io::Error) -> bool {
    [ErrorKind::NotFound, ErrorKind::AlreadyExists].contains(&error.kind())
}

/// Whether a file was replaced by another one while it was opened, so that it has to be opened again. A network
/// file system says so of a file that it has lost.
fn is_replaced(error: &io::Error) -> bool {
    [ErrorKind::Interrupted, ErrorKind::StaleNetworkFileHandle].contains(&error.kind())
}
