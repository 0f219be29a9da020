//! [`Owner`]: the user of this process, and whether others could put something else in the place of a directory.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::permissions;

/// The user and the groups of this process, as the file system of a directory knows them.
pub(super) struct Owner {
    user: u32,
    groups: permissions::Groups,
}

impl Owner {
    /// Asks the file system whose file it is that this process makes in the directory. A network file system may know
    /// this user by another number than the process does.
    pub(super) fn of_files_in(directory: &Path) -> io::Result<Self> {
        let random = crate::random::bytes().map(u64::from_ne_bytes).map_err(io::Error::other)?;
        let path = directory.join(format!(".jam-session-{random:016x}"));
        let mut options = OpenOptions::new();
        let file = permissions::only_ours(options.write(true).create_new(true)).open(&path)?;
        let found = file.metadata().map(|metadata| {
            let user = permissions::owner(&metadata);
            Self { user, groups: permissions::Groups::of_process(&file, user) }
        });
        drop(file);
        fs::remove_file(&path)?;
        found
    }

    pub(super) fn owns(&self, metadata: &Metadata) -> bool {
        permissions::owner(metadata) == self.user
    }

    /// Whether it belongs to this user, or to the administrator, who may do everything anyway.
    fn owns_or_trusts(&self, metadata: &Metadata) -> bool {
        self.owns(metadata) || permissions::owner(metadata) == permissions::ADMINISTRATOR
    }

    /// Whether it belongs to this user, to the administrator, or to a group that this user is in.
    pub(super) fn shares(&self, metadata: &Metadata) -> bool {
        self.owns_or_trusts(metadata) || self.groups.contain(permissions::group(metadata))
    }

    /// Whether users who are in no group of this process may put files into the directory.
    fn lets_others_write(&self, directory: &Metadata) -> bool {
        permissions::writable_by_all(directory)
            || (permissions::writable_by_group(directory) && !self.groups.contain(permissions::group(directory)))
    }

    /// Fails where others may put something else in the place of what lies in the directory. The sticky bit keeps
    /// them from that.
    pub(super) fn check_keeps_entries(&self, directory: &Path, metadata: &Metadata) -> io::Result<()> {
        if !self.lets_others_write(metadata) || permissions::is_sticky(metadata) {
            return Ok(());
        }
        let (shown, right) = (directory.display(), if permissions::writable_by_all(metadata) { "o-w" } else { "g-w" });
        Err(refused(format!(
            "other users may write to `{shown}`, and could put a directory of theirs in the place of this one: \
             `chmod {right}` or `chmod +t` it"
        )))
    }

    /// Fails where another user could put a directory of theirs in the place of this one, or has done so: looks at
    /// all directories above it, those of links on the way included.
    pub(super) fn check_way_to(&self, directory: &Path) -> io::Result<()> {
        let mut way = BTreeSet::new();
        for path in std::path::absolute(directory)?.ancestors() {
            way.extend(fs::canonicalize(path)?.ancestors().map(PathBuf::from));
            way.insert(path.to_owned());
        }
        for path in &way {
            let Some(above) = path.parent() else { continue };
            let metadata = fs::metadata(above)?;
            self.check_keeps_entries(above, &metadata)?;
            // In a directory where everybody may put something, this may be anybody's.
            if self.lets_others_write(&metadata) && !self.owns_or_trusts(&fs::symlink_metadata(path)?) {
                return Err(foreign(&format!("`{}`", path.display())));
            }
        }
        Ok(())
    }
}

/// What is said of something that another user has made.
pub(super) fn foreign(what: &str) -> io::Error {
    refused(format!(
        "{what} belongs to another user, who could use everybody's session: run this program as that user, or name a \
         directory that this user makes"
    ))
}

pub(super) fn refused(why: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, why.into())
}
