//! The mutable part of a session, and what the middleware needs to know of it.

use crate::{
    backends::Record,
    delta::{Change, Delta},
    raw::Raw,
    session_data::SessionData,
    session_key::SessionKey,
};

/// What the client's cookie was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// There was none.
    Nothing,
    /// There was one that no store of ours has issued, or more than is looked at.
    Refused,
    /// It may be the key of a session.
    Key(SessionKey),
    /// There were several with different values. These of them may be keys of sessions: at most
    /// [`MOST_CANDIDATES`], and none where the settings or their number refuse them all.
    Several(Box<[SessionKey]>),
}

/// The largest number of sessions that are loaded for one request, to see which of its cookies is live.
pub(crate) const MOST_CANDIDATES: usize = 4;

impl Sent {
    /// Whether several cookies with different values came.
    fn contradicts(&self) -> bool {
        matches!(self, Self::Several(_))
    }

    /// Whether there is nothing to load.
    fn is_keyless(&self) -> bool {
        match self {
            Self::Nothing | Self::Refused => true,
            Self::Key(_) => false,
            Self::Several(keys) => keys.is_empty(),
        }
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) sent: Sent,
    pub(super) loaded: bool,
    /// The stored session that everything here builds on.
    pub(super) record: Option<Record>,
    /// The dictionary as this request sees it.
    pub(super) data: SessionData,
    /// What this request changed since `record`.
    pub(super) delta: Delta,
    /// Counts changes, so that code which ran without the lock can see whether it is out of date.
    pub(super) edits: u64,
    pub(super) accessed: bool,
    pub(super) modified: bool,
    /// Something is to be written at the end of the request.
    pub(super) unsaved: bool,
    /// The request asked for what is stored already, by a call that states an intent: its expiry must move.
    pub(super) restated: bool,
    pub(super) cycle: bool,
    /// This request ended a session.
    pub(super) ended: bool,
    /// The stored session does not decode; it is to be left alone.
    pub(super) undecodable: bool,
    /// Several cookies came, and more than one of them is of a live session: none is used, and all are left alone.
    pub(super) ambiguous: bool,
    /// Several cookies came, and exactly one is of a live session: the client must learn which.
    pub(super) resolved: bool,
    /// An explicit save has to be told to the client, whatever the response.
    pub(super) issued: bool,
    /// An explicit save succeeded: that its session has ended since is an interruption.
    pub(super) saved: bool,
    /// What `Context::ends` was when the key to hand out was last known to open the session.
    pub(super) ends: u64,
    /// How often this request ended its session. A write that was under way then is none of the next session.
    pub(super) flushes: u32,
    pub(super) committed: bool,
    /// This request does not extend the session.
    pub(super) keeps_expiry: bool,
    /// The key is old, and this request gives the session a new one.
    pub(super) renew: bool,
}

impl State {
    pub(super) fn new(sent: Sent) -> Self {
        Self {
            loaded: sent.is_keyless(),
            sent,
            record: None,
            data: SessionData::default(),
            delta: Delta::default(),
            edits: 0,
            accessed: false,
            modified: false,
            unsaved: false,
            restated: false,
            cycle: false,
            ended: false,
            undecodable: false,
            ambiguous: false,
            resolved: false,
            issued: false,
            saved: false,
            ends: 0,
            flushes: 0,
            committed: false,
            keeps_expiry: false,
            renew: false,
        }
    }

    /// The key: of the stored session, or, before the session is loaded, what the client sent if that is one key.
    pub(super) fn session_key(&self) -> Option<&SessionKey> {
        match (&self.record, &self.sent) {
            (Some(record), _) => Some(&record.session_key),
            (None, Sent::Key(key)) if !self.loaded => Some(key),
            (None, _) => None,
        }
    }

    /// The key of a row that was found and cannot be decoded.
    pub(super) fn undecodable_key(&self) -> Option<&SessionKey> {
        match &self.sent {
            Sent::Key(key) if self.undecodable && self.record.is_none() => Some(key),
            _ => None,
        }
    }

    pub(super) fn record_change(&mut self, change: Change, modifies: bool) {
        self.delta.push(change);
        self.edits += 1;
        if modifies {
            self.set_modified();
        }
    }

    pub(super) fn set_modified(&mut self) {
        self.modified = true;
        self.unsaved = true;
    }

    /// Sets `key`, or removes it without a value, by a call that states an intent and not only a value: it marks the
    /// session modified whatever was there. Where the value is the same, moving the expiry is enough.
    pub(super) fn state_intent(&mut self, key: &str, value: Option<Raw>) {
        let equal = self.data.raw(key) == value.as_ref();
        let change = match &value {
            Some(raw) => Change::Set(key.to_owned(), raw.clone()),
            None => Change::Remove(key.to_owned()),
        };
        self.data.put(key, value);
        self.record_change(change, !equal);
        self.modified = true;
        self.restated = true;
    }

    /// Builds on `record` from here on; what was changed here is gone.
    pub(super) fn install(&mut self, record: Option<Record>) {
        self.data = record.as_ref().map_or_else(SessionData::default, |record| record.session_data.clone());
        self.record = record;
        self.loaded = true;
        self.delta = Delta::default();
        self.edits += 1;
        self.cycle = false;
        self.unsaved = false;
        self.restated = false;
    }

    /// The session was ended by this request, whatever was under way.
    pub(super) fn install_end(&mut self) {
        self.install(None);
        self.modified = true;
        self.ended = true;
        self.issued = false;
        self.saved = false;
        self.undecodable = false;
        self.ambiguous = false;
        self.resolved = false;
        self.flushes += 1;
    }

    pub(super) fn facts(&self) -> Facts {
        Facts {
            sent: self.sent != Sent::Nothing,
            accessed: self.accessed,
            unsaved: self.unsaved,
            restated: self.restated,
            loaded: self.loaded,
            has_row: self.record.is_some(),
            has_data: !self.data.is_empty(),
            cycle: self.cycle,
            ended: self.ended,
            undecodable: self.undecodable || self.ambiguous,
            contradicts: self.sent.contradicts(),
            resolved: self.resolved,
            issued: self.issued,
            keeps_expiry: self.keeps_expiry,
            renew: self.renew,
        }
    }
}

/// What the end of a request depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    pub(crate) sent: bool,
    pub(crate) accessed: bool,
    pub(crate) unsaved: bool,
    pub(crate) restated: bool,
    pub(crate) loaded: bool,
    pub(crate) has_row: bool,
    pub(crate) has_data: bool,
    pub(crate) cycle: bool,
    pub(crate) ended: bool,
    /// What is stored does not decode, or is of several live sessions: it is left alone.
    pub(crate) undecodable: bool,
    /// Several cookies with different values came.
    pub(crate) contradicts: bool,
    /// Exactly one of them is of a live session, which is the one that was loaded.
    pub(crate) resolved: bool,
    pub(crate) issued: bool,
    pub(crate) keeps_expiry: bool,
    pub(crate) renew: bool,
}

impl Facts {
    /// Django's `is_empty`: no key and no data. Where nobody looked, a key counts as a session.
    pub(crate) fn is_empty(self) -> bool {
        self.loaded && !self.has_row && !self.has_data && !self.cycle
    }
}
