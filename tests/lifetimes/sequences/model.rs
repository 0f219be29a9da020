//! What a session may be, told without the crate's own arithmetic: an upper bound of how long it may live.

use time::{Duration, OffsetDateTime};

/// The expiry that a session has of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Own {
    None,
    Idle(Duration),
    At(OffsetDateTime),
}

/// The lifetimes that a layer is set to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages {
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
}

/// A session as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) created: OffsetDateTime,
    pub(super) own: Own,
    /// It may live until then for its idle time, or the expiry of its own.
    pub(super) idle_until: OffsetDateTime,
}

impl Ages {
    pub(super) fn idle_end(self, own: Own, now: OffsetDateTime) -> OffsetDateTime {
        match own {
            Own::None => now + self.idle,
            Own::Idle(idle) => now + idle,
            Own::At(at) => at,
        }
    }

    pub(super) fn absolute_end(self, stored: Stored) -> OffsetDateTime {
        stored.created + self.absolute
    }
}

/// A session in the course of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) stored: Option<Stored>,
    /// The expiry as this request has it, saved or not.
    pub(super) own: Own,
    pub(super) kept: bool,
    /// What this request knows of its end: nobody compares ends, so that a write which changed nothing else but
    /// brought the end forward, on a clock that was set back, is not noticed.
    known: Option<OffsetDateTime>,
}

impl Model {
    pub(super) fn new(stored: Option<Stored>) -> Self {
        let own = stored.map_or(Own::None, |stored| stored.own);
        Self { stored, own, kept: false, known: stored.map(|stored| stored.idle_until) }
    }

    /// What is stored is read again.
    pub(super) fn reload(&mut self, stored: Option<Stored>) {
        *self = Self { kept: self.kept, ..Self::new(stored) };
    }

    /// The session is saved with what this request made of it.
    pub(super) fn write(&mut self, ages: Ages, now: OffsetDateTime) {
        let end = ages.idle_end(self.own, now);
        let latest = self.stored.filter(|_| self.kept).map(|stored| self.known.max(Some(stored.idle_until)));
        let end = latest.flatten().map_or(end, |latest| latest.min(end));
        self.known = Some(end);
        let created = self.stored.map_or(now, |stored| stored.created);
        self.stored = Some(Stored { created, own: self.own, idle_until: end });
    }

    /// Somebody else saves it, and knows nothing of this request.
    pub(super) fn write_elsewhere(&mut self, ages: Ages, now: OffsetDateTime) {
        if let Some(stored) = &mut self.stored {
            stored.idle_until = ages.idle_end(stored.own, now);
        }
    }

    /// It may have been extended.
    pub(super) fn touch(&mut self, ages: Ages, now: OffsetDateTime) {
        if let Some(stored) = self.stored.as_mut().filter(|_| !self.kept) {
            stored.idle_until = stored.idle_until.max(ages.idle_end(stored.own, now));
        }
    }
}
