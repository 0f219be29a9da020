//! Removing what has expired, some files at a time.

use std::{fs::ReadDir, io::ErrorKind};

use time::OffsetDateTime;

use super::{FileStore, entry::remove, failure::cannot, folder::Shard};
use crate::{error::StoreError, session_key::SessionKey};

/// How many files are looked at without a pause in which the caller may go away.
const BATCH: usize = 500;

impl FileStore {
    pub(super) fn files(&self) -> Result<ReadDir, StoreError> {
        std::fs::read_dir(self.folder.directory()).map_err(cannot("list the session directory"))
    }

    /// Looks at the next files; gives those that are left, and how many sessions were removed.
    pub(super) fn clear_some(
        &self,
        mut files: ReadDir,
        now: OffsetDateTime,
    ) -> Result<(Option<ReadDir>, u64), StoreError> {
        let (mut removed, mut looked_at) = (0, 0);
        while looked_at < BATCH {
            let Some(file) = files.next() else {
                return self.synced(removed).map(|removed| (None, removed));
            };
            looked_at += 1;
            let name = match file {
                Ok(file) => file.file_name(),
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot("list the session directory")(error)),
            };
            // Other names are not ours to remove, whatever they are.
            let key = name.to_str().and_then(|name| name.strip_prefix(&*self.prefix));
            let Some(key) = key.filter(|key| SessionKey::is_storable(key)) else { continue };
            let Ok(key) = SessionKey::parse(key) else { continue };
            removed += u64::from(self.is_expired(&key, now)? && self.remove_if_expired(&key, now)?);
        }
        Ok((Some(files), self.synced(removed)?))
    }

    fn is_expired(&self, key: &SessionKey, now: OffsetDateTime) -> Result<bool, StoreError> {
        let entry = match self.read(key) {
            Ok(Some(entry)) => entry,
            // It went away meanwhile, or is not what it seems.
            Ok(None) | Err(StoreError::Undecodable(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let data = if entry.text.is_empty() { Some(Default::default()) } else { self.codec.decode(&entry.text).ok() };
        Ok(data.is_some_and(|data| self.expire_date(&data, entry.modified) < now))
    }

    /// Somebody may have extended it since it was looked at.
    fn remove_if_expired(&self, key: &SessionKey, now: OffsetDateTime) -> Result<bool, StoreError> {
        let _lock = self.folder.lock(Shard::of(key), Shard::of(key))?;
        let Some(path) = self.path(key) else { return Ok(false) };
        if !self.is_expired(key, now)? {
            return Ok(false);
        }
        remove(&path).map_err(cannot("remove an expired session"))
    }

    fn synced(&self, removed: u64) -> Result<u64, StoreError> {
        if removed > 0 {
            self.folder.sync().map_err(cannot("sync the session directory"))?;
        }
        Ok(removed)
    }
}
