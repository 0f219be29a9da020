//! Who may do what: modes and owners, where the system has them.

#[cfg(unix)]
pub(super) use unix::{
    Groups, group, is_same_file, is_sticky, make_directory, only_ours, open_without_following, owner,
    readable_by_others, writable_by_all, writable_by_group, writable_by_others,
};

/// The user who may do everything.
pub(super) const ADMINISTRATOR: u32 = 0;

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, DirBuilder, File, Metadata, OpenOptions},
        io,
        os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown},
        path::Path,
    };

    /// Makes a directory that nobody else may look into.
    pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    /// A file that is made is for this user alone.
    pub(crate) fn only_ours(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600)
    }

    pub(crate) fn owner(metadata: &Metadata) -> u32 {
        metadata.uid()
    }

    pub(crate) fn group(metadata: &Metadata) -> u32 {
        metadata.gid()
    }

    /// The groups that this process is in.
    pub(crate) enum Groups {
        Listed(Vec<u32>),
        /// The system does not list them. A file of its own may be given to any of them by a user, and to no other
        /// group; the administrator may give it to all.
        Asked(File),
        Administrators,
    }

    impl Groups {
        /// `own_file` was just made by this process, and belongs to this user.
        pub(crate) fn of_process(own_file: &File, user: u32) -> Self {
            let listed = fs::read_to_string("/proc/self/status").ok().and_then(|status| listed(&status));
            match (listed, own_file.try_clone()) {
                (Some(groups), _) => Self::Listed(groups),
                (None, Ok(file)) if user != super::ADMINISTRATOR => Self::Asked(file),
                _ => Self::Administrators,
            }
        }

        pub(crate) fn contain(&self, group: u32) -> bool {
            match self {
                Self::Listed(groups) => groups.contains(&group),
                Self::Asked(file) => fchown(file, None, Some(group)).is_ok(),
                Self::Administrators => group == 0,
            }
        }
    }

    /// The effective group and the others, in the words of Linux.
    fn listed(status: &str) -> Option<Vec<u32>> {
        let values =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::split_ascii_whitespace);
        let effective = values("Gid:")?.nth(1)?.parse().ok()?;
        let mut groups: Vec<u32> = values("Groups:")?.map(str::parse).collect::<Result<_, _>>().ok()?;
        groups.push(effective);
        Some(groups)
    }

    /// Whether only its owner may remove or rename what lies in a directory.
    pub(crate) fn is_sticky(metadata: &Metadata) -> bool {
        metadata.mode() & 0o1000 != 0
    }

    pub(crate) fn writable_by_all(metadata: &Metadata) -> bool {
        metadata.mode() & 0o002 != 0
    }

    pub(crate) fn writable_by_group(metadata: &Metadata) -> bool {
        metadata.mode() & 0o020 != 0
    }

    pub(crate) fn writable_by_others(metadata: &Metadata) -> bool {
        writable_by_all(metadata) || writable_by_group(metadata)
    }

    pub(crate) fn readable_by_others(metadata: &Metadata) -> bool {
        metadata.mode() & 0o044 != 0
    }

    pub(crate) fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    }

    /// Opens what is at the path itself. A link is not followed, and a pipe without a writer does not block.
    ///
    /// `seen` is not compared with what was opened: another request may have replaced the file of the session, and
    /// the new file is as good as the old one.
    pub(crate) fn open_without_following(path: &Path, options: &OpenOptions, _seen: &Metadata) -> io::Result<File> {
        let opened = options.clone().custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
        opened.map_err(|error| match error.raw_os_error() {
            // A link (on FreeBSD `EMLINK`), a socket or a pipe without a reader, a directory.
            Some(libc::ELOOP | libc::EMLINK | libc::ENXIO | libc::EOPNOTSUPP | libc::EISDIR) => {
                io::Error::from(io::ErrorKind::InvalidInput)
            }
            _ => error,
        })
    }
}

#[cfg(not(unix))]
pub(super) use elsewhere::{
    Groups, group, is_same_file, is_sticky, make_directory, only_ours, open_without_following, owner,
    readable_by_others, writable_by_all, writable_by_group, writable_by_others,
};

/// What a file inherits from its directory decides here.
#[cfg(not(unix))]
mod elsewhere {
    use std::{
        fs::{self, File, Metadata, OpenOptions},
        io,
        path::Path,
    };

    pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    pub(crate) fn only_ours(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(crate) fn owner(_metadata: &Metadata) -> u32 {
        0
    }

    pub(crate) fn group(_metadata: &Metadata) -> u32 {
        0
    }

    /// There are none that decide who may write.
    pub(crate) struct Groups;

    impl Groups {
        pub(crate) fn of_process(_own_file: &File, _user: u32) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as where there are groups")]
        pub(crate) fn contain(&self, _group: u32) -> bool {
            true
        }
    }

    pub(crate) fn is_sticky(_metadata: &Metadata) -> bool {
        true
    }

    pub(crate) fn writable_by_all(_metadata: &Metadata) -> bool {
        false
    }

    pub(crate) fn writable_by_group(_metadata: &Metadata) -> bool {
        false
    }

    pub(crate) fn writable_by_others(_metadata: &Metadata) -> bool {
        false
    }

    pub(crate) fn readable_by_others(_metadata: &Metadata) -> bool {
        false
    }

    pub(crate) fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
        one.is_file() == other.is_file() && one.len() == other.len()
    }

    /// Opens what is at the path, and fails with [`Interrupted`](io::ErrorKind::Interrupted) if that is not what was
    /// seen there: another request has replaced it, or a link was followed.
    pub(crate) fn open_without_following(path: &Path, options: &OpenOptions, seen: &Metadata) -> io::Result<File> {
        let file = options.open(path)?;
        if is_same_file(seen, &file.metadata()?) { Ok(file) } else { Err(io::ErrorKind::Interrupted.into()) }
    }
}
