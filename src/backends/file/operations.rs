//! What the store does to files, one operation a function. They block, so they run where that is allowed.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    path::Path,
};

use time::OffsetDateTime;

use super::{
    FileStore,
    entry::{remove, set_modified},
    failure::cannot,
    folder::Shard,
};
use crate::{
    backends::{
        base::{Draft, Record, Saved},
        deadline,
    },
    base_session::StoredText,
    error::StoreError,
    session_key::SessionKey,
};

impl FileStore {
    pub(super) fn load_live(&self, key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let Some(entry) = self.read(key)? else { return Ok(None) };
        Ok(Some(self.decode(key, &entry)?).filter(|record| record.expire_date > now))
    }

    pub(super) fn create_file(
        &self,
        key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Record, StoreError> {
        let (record, path) = (self.encode(key, draft, now)?, self.path_or_refuse(key)?);
        let shard = Shard::of(key);
        let _lock = self.folder.lock(shard, shard)?;
        self.write_draft(shard, &record)?;
        self.link_draft(shard, &path)?;
        self.folder.sync().map_err(cannot("sync the session directory"))?;
        Ok(record)
    }

    /// Writes under `to` what replaces `loaded`.
    pub(super) fn replace(
        &self,
        loaded: &Record,
        to: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let from = &loaded.session_key;
        let (record, path) = (self.encode(to, draft, now)?, self.path_or_refuse(to)?);
        let _locks = self.folder.lock(Shard::of(from), Shard::of(to))?;
        let Some(found) = self.load_live(from, now)? else { return Ok(Saved::Gone) };
        if found.stored != loaded.stored {
            return Ok(Saved::Conflict(found));
        }
        let shard = Shard::of(to);
        if to != from {
            self.write_draft(shard, &record)?;
            self.link_draft(shard, &path)?;
            // Whoever knows the old key has the session until here; nobody knows the new one yet.
            let removed = self.path(from).map_or(Ok(false), |old| remove(&old));
            removed.map_err(|error| {
                let _ = fs::remove_file(&path);
                cannot("remove the old file of a session")(error)
            })?;
        } else {
            self.write_draft(shard, &record)?;
            fs::rename(self.folder.draft(shard), &path).map_err(cannot("put a session in its place"))?;
        }
        self.folder.sync().map_err(cannot("sync the session directory"))?;
        Ok(Saved::Done(record))
    }

    pub(super) fn touch_file(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        let key = &loaded.session_key;
        let Some(path) = self.path(key) else { return Ok(Saved::Gone) };
        let _lock = self.folder.lock(Shard::of(key), Shard::of(key))?;
        let file = self.folder.open_session(&path, OpenOptions::new().read(true).write(true));
        let Some(file) = file.map_err(cannot("open a session"))? else { return Ok(Saved::Gone) };
        let entry = self.entry(file.try_clone().map_err(cannot("open a session"))?)?;
        let found = self.decode(key, &entry)?;
        if found.expire_date <= now || found.expire_date != loaded.expire_date {
            return Ok(Saved::Gone);
        }
        let modified = self.modified_for(&found.session_data, expire_date);
        set_modified(&file, modified).map_err(cannot("extend a session"))?;
        Ok(Saved::Done(Record { expire_date: self.expire_date(&found.session_data, modified), ..loaded.clone() }))
    }

    /// Removes `loaded`, unless it was written since.
    pub(super) fn delete_loaded_file(&self, loaded: &Record, now: OffsetDateTime) -> Result<Saved, StoreError> {
        let key = &loaded.session_key;
        let Some(path) = self.path(key) else { return Ok(Saved::Gone) };
        let _lock = self.folder.lock(Shard::of(key), Shard::of(key))?;
        let Some(found) = self.load_live(key, now)? else { return Ok(Saved::Gone) };
        if found.stored != loaded.stored {
            return Ok(Saved::Conflict(found));
        }
        remove(&path).map_err(cannot("delete a session"))?;
        self.folder.sync().map_err(cannot("sync the session directory"))?;
        Ok(Saved::Done(found))
    }

    pub(super) fn delete_file(&self, key: &SessionKey) -> Result<(), StoreError> {
        let Some(path) = self.path(key) else { return Ok(()) };
        let _lock = self.folder.lock(Shard::of(key), Shard::of(key))?;
        if remove(&path).map_err(cannot("delete a session"))? {
            self.folder.sync().map_err(cannot("sync the session directory"))?;
        }
        Ok(())
    }

    pub(super) fn is_there(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let Some(path) = self.path(key) else { return Ok(false) };
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(cannot("look for a session")(error)),
        }
    }

    /// The session as it will be read again.
    fn encode(&self, key: &SessionKey, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        let stored = StoredText(self.codec.encode(&draft.session_data, now)?);
        let modified = self.modified_for(&draft.session_data, draft.expire_date);
        let expire_date = self.expire_date(&draft.session_data, modified);
        Ok(Record::new(key.clone(), draft.session_data.clone(), expire_date, stored))
    }

    fn write_draft(&self, shard: Shard, record: &Record) -> Result<(), StoreError> {
        let modified = self.modified_for(&record.session_data, record.expire_date);
        self.folder.write_draft(shard, &record.stored.0, modified)
    }

    /// Gives what was written a name that nothing had; not even a link that leads nowhere.
    fn link_draft(&self, shard: Shard, path: &Path) -> Result<(), StoreError> {
        let draft = self.folder.draft(shard);
        let linked = fs::hard_link(&draft, path);
        let removed = fs::remove_file(&draft);
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(StoreError::KeyTaken),
            linked => linked.and(removed).map_err(cannot("put a session in its place")),
        }
    }

    fn path_or_refuse(&self, key: &SessionKey) -> Result<std::path::PathBuf, StoreError> {
        let refused = StoreError::Unsupported(
            "keep a session under a key that is neither 32 of the characters a-z and 0-9 nor a hash",
        );
        self.path(key).ok_or(refused)
    }

    /// Runs an operation where it may block, to its end, whatever becomes of the caller.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        // The threads for this may all be busy, and then another process may have the lock.
        let deadline = deadline::current();
        let done = tokio::task::spawn_blocking(move || deadline::blocking(deadline, || operation(&store))).await;
        done.unwrap_or_else(|panicked| Err(cannot("finish an operation on files")(io::Error::other(panicked))))
    }
}
