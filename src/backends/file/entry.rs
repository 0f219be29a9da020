//! One file: the encoded session, and the time that its expiry is counted from.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use time::{Duration, OffsetDateTime};

use super::{
    FileStore,
    failure::cannot,
    folder::{Folder, Shard},
};
use crate::{
    backends::base::Record, base_session::StoredText, error::StoreError, expiry::Stored, session_data::SessionData,
    session_key::SessionKey,
};

/// 2099-12-31: file systems with fewer bits for the time of a file end in 2106.
const LATEST_FILE: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::seconds(4_102_358_400));

/// What is in a file.
pub(super) struct Entry {
    pub(super) text: Arc<str>,
    /// To the microsecond.
    pub(super) modified: OffsetDateTime,
}

impl FileStore {
    /// What is stored under the key, if anything.
    pub(super) fn read(&self, session_key: &SessionKey) -> Result<Option<Entry>, StoreError> {
        let Some(path) = self.path(session_key) else { return Ok(None) };
        let file = self.folder.open_session(&path, OpenOptions::new().read(true));
        let Some(file) = file.map_err(cannot("open a session"))? else { return Ok(None) };
        self.entry(file).map(Some)
    }

    pub(super) fn entry(&self, file: File) -> Result<Entry, StoreError> {
        let limit = longest(self.codec.serializer.limits().stored_bytes);
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let modified = modified.and_then(from_system).map_err(cannot("read the time of a session"))?;
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(cannot("read a session"))?;
        if bytes.len() > limit {
            let (what, size) = ("the number of bytes of the file", bytes.len());
            return Err(StoreError::TooLarge { what, size, limit }.on_load());
        }
        let text = String::from_utf8(bytes).map_err(|_| StoreError::Undecodable("the file is not text".into()))?;
        Ok(Entry { text: text.into(), modified })
    }

    /// The session of a file. Django begins a session with an empty file.
    pub(super) fn decode(&self, session_key: &SessionKey, entry: &Entry) -> Result<Record, StoreError> {
        let data = if entry.text.is_empty() { SessionData::default() } else { self.codec.decode(&entry.text)? };
        let expire_date = self.expire_date(&data, entry.modified);
        Ok(Record::new(session_key.clone(), data, expire_date, StoredText(Arc::clone(&entry.text))))
    }

    /// When a session expires whose file has this time.
    pub(super) fn expire_date(&self, data: &SessionData, modified: OffsetDateTime) -> OffsetDateTime {
        let stored = Stored::of(data, &|at| self.local_time.offset(at))
            .and_then(|stored| stored.date(modified, self.cookie_age));
        stored.unwrap_or_else(|_| modified.saturating_add(self.cookie_age))
    }

    /// The time that the file needs for its session to expire then. An instant in the data needs none.
    pub(super) fn modified_for(&self, data: &SessionData, expire_date: OffsetDateTime) -> OffsetDateTime {
        let [one, other] = [OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH + Duration::DAY];
        let lasts = self.expire_date(data, one) - one;
        let counts_from_file = self.expire_date(data, other) - other == lasts;
        if counts_from_file {
            return expire_date.saturating_sub(lasts);
        }
        // It may be any time that every file system keeps; the one that Django would count from, if it is one.
        expire_date.saturating_sub(self.cookie_age).clamp(OffsetDateTime::UNIX_EPOCH, LATEST_FILE)
    }
}

impl Folder {
    /// Writes beside the sessions what is to take its place among them. The caller has the lock of the shard.
    pub(super) fn write_draft(&self, shard: Shard, text: &str, modified: OffsetDateTime) -> Result<(), StoreError> {
        let path = self.draft(shard);
        let written = remove(&path).and_then(|_| self.make_file(&path)).and_then(|file| write(file, text, modified));
        written.map_err(|error| {
            let _ = fs::remove_file(&path);
            cannot("write a session")(error)
        })
    }
}

fn write(mut file: File, text: &str, modified: OffsetDateTime) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    set_modified(&file, modified)
}

/// Sets the time of a file, makes sure that it is kept to the microsecond, and syncs it.
pub(super) fn set_modified(file: &File, modified: OffsetDateTime) -> io::Result<()> {
    file.set_modified(to_system(modified)?)?;
    file.sync_all()?;
    if from_system(file.metadata()?.modified()?)? == modified {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::Unsupported, "the file system does not keep this time to the microsecond"))
}

/// Whether there was something to remove.
pub(super) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What so many bytes may take in a file, signed and in base64, generously.
fn longest(stored_bytes: usize) -> usize {
    stored_bytes.saturating_add(stored_bytes / 2).saturating_add(256)
}

fn to_system(at: OffsetDateTime) -> io::Result<SystemTime> {
    let micros = i64::try_from(at.unix_timestamp_nanos() / 1000).map_err(|_| out_of_range())?;
    let since = std::time::Duration::from_micros(micros.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    if micros < 0 { epoch.checked_sub(since) } else { epoch.checked_add(since) }.ok_or_else(out_of_range)
}

fn from_system(at: SystemTime) -> io::Result<OffsetDateTime> {
    let since = match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Duration::try_from(since),
        Err(before) => Duration::try_from(before.duration()).map(|before| -before),
    };
    let at = since.ok().and_then(|since| OffsetDateTime::UNIX_EPOCH.checked_add(since)).ok_or_else(out_of_range)?;
    at.replace_microsecond(at.microsecond()).map_err(|_| out_of_range())
}

fn out_of_range() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the time is out of range")
}
