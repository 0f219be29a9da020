//! Who may do what: modes and owners, where the system has them.

#[cfg(unix)]
pub(super) use unix::{
    is_same_file, make_directory, only_ours, open_without_following, owner, readable_by_others, writable_by_others,
};

#[cfg(unix)]
mod unix {
    use std::{
        fs::{DirBuilder, File, Metadata, OpenOptions},
        io,
        os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
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

    pub(crate) fn writable_by_others(metadata: &Metadata) -> bool {
        metadata.mode() & 0o022 != 0
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
    is_same_file, make_directory, only_ours, open_without_following, owner, readable_by_others, writable_by_others,
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
