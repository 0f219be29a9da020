//! What the end of a request asks for: a pure function of what happened.

use http::StatusCode;

use crate::{
    session::Facts,
    settings::{DeletionCookie, Settings},
};

/// What is to be written to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Nothing,
    /// Nobody looked yet, but the session is to be saved: load it and ask [`after_load`].
    LoadFirst,
    /// Create it, save it, or save it under a new key.
    Commit,
    /// Move its expiry, if that is due.
    Touch,
    /// Ask whether the key that goes out still opens the session.
    Confirm,
    /// Move its expiry, because the handler asked for what is stored already.
    Restate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) write: Write,
    /// The browser is to forget the cookie.
    pub(super) delete_cookie: bool,
    /// The response depends on the cookie.
    pub(super) vary: bool,
    /// The session was changed, whether that is saved or not: what the response shows of it is this visitor's.
    pub(super) changed: bool,
    /// The handler ended a session.
    pub(super) ended: bool,
    /// The handler failed: its response goes out, whatever became of the session.
    pub(super) failed: bool,
}

impl Verdict {
    pub(super) fn of(facts: Facts, status: StatusCode, settings: &Settings) -> Self {
        let failed = status.is_server_error();
        // What was begun after the end is not saved when the handler fails; the end has happened all the same.
        let ended = facts.ended && failed && !facts.has_row;
        let delete_cookie = facts.sent && (ended || facts.is_empty() && ends_cookie(facts, settings));
        let write = if delete_cookie || failed { Write::Nothing } else { write(facts, settings) };
        let vary = facts.accessed || delete_cookie || facts.issued;
        Self {
            write,
            delete_cookie,
            vary,
            changed: facts.unsaved || facts.restated || facts.ended,
            ended: facts.ended,
            failed,
        }
    }

    /// Whether the response goes out exactly as it came.
    pub(super) fn leaves_response(&self) -> bool {
        self.write == Write::Nothing && !self.vary
    }
}

fn ends_cookie(facts: Facts, settings: &Settings) -> bool {
    match settings.deletion_cookie {
        DeletionCookie::OnFlush => facts.ended,
        // A row that cannot be decoded may be one of a neighbour with another secret.
        DeletionCookie::WhenEmpty => facts.ended || !facts.undecodable,
    }
}

fn write(facts: Facts, settings: &Settings) -> Write {
    if facts.is_empty() {
        return Write::Nothing;
    }
    let saves_every = settings.save_every_request && !facts.keeps_expiry;
    if !facts.loaded {
        return if facts.unsaved || saves_every { Write::LoadFirst } else { Write::Nothing };
    }
    let changed = facts.unsaved && (facts.has_row || facts.has_data || facts.cycle);
    if changed || facts.renew && facts.has_row {
        return Write::Commit;
    }
    if facts.restated && facts.has_row {
        return Write::Restate;
    }
    let slides = facts.accessed && settings.refresh_threshold.is_some() && !facts.keeps_expiry;
    if (saves_every || slides) && facts.has_row { Write::Touch } else { Write::Nothing }
}

/// What is to be written once a session was loaded that nobody had looked at.
pub(super) fn after_load(facts: Facts, settings: &Settings) -> Write {
    match (facts.has_row, facts.unsaved) {
        (true, true) => Write::Commit,
        (true, false) => Write::Touch,
        (false, _) if settings.create_empty_rows && !facts.undecodable => Write::Commit,
        (false, _) => Write::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: StatusCode = StatusCode::OK;
    const BROKEN: StatusCode = StatusCode::BAD_GATEWAY;

    fn stored() -> Facts {
        Facts { sent: true, loaded: true, accessed: true, has_row: true, has_data: true, ..Facts::default() }
    }

    fn of(facts: Facts, status: StatusCode) -> Verdict {
        Verdict::of(facts, status, &Settings::default())
    }

    #[test]
    fn what_was_left_alone_is_left_alone() {
        let unloaded = Facts { sent: true, ..Facts::default() };
        let none = Facts { loaded: true, ..Facts::default() };

        assert!(of(unloaded, OK).leaves_response());
        assert!(of(none, OK).leaves_response());
    }

    #[test]
    fn a_change_is_saved_unless_the_handler_failed() {
        let changed = Facts { unsaved: true, ..stored() };

        assert_eq!(of(changed, OK).write, Write::Commit);
        assert_eq!(of(changed, StatusCode::NOT_FOUND).write, Write::Commit);
        assert_eq!(of(changed, BROKEN).write, Write::Nothing);
        assert!(of(changed, BROKEN).vary);
    }

    #[test]
    fn what_is_asked_for_again_moves_the_expiry_alone_unless_something_else_changed() {
        let restated = Facts { restated: true, ..stored() };

        assert_eq!(of(restated, OK).write, Write::Restate);
        assert_eq!(of(Facts { unsaved: true, ..restated }, OK).write, Write::Commit);
        assert_eq!(of(restated, BROKEN).write, Write::Nothing);
        let every = Settings { save_every_request: true, ..Settings::default() };
        assert_eq!(Verdict::of(Facts { keeps_expiry: true, ..restated }, OK, &every).write, Write::Restate);
    }

    #[test]
    fn a_new_session_without_data_is_not_created() {
        let empty = Facts { loaded: true, accessed: true, unsaved: true, ..Facts::default() };

        assert_eq!(of(empty, OK).write, Write::Nothing);
        assert_eq!(of(Facts { has_data: true, ..empty }, OK).write, Write::Commit);
        assert_eq!(of(Facts { cycle: true, ..empty }, OK).write, Write::Commit);
    }

    #[test]
    fn an_ended_session_takes_its_cookie_along_whatever_the_status() {
        let ended = Facts { sent: true, loaded: true, accessed: true, ended: true, ..Facts::default() };

        assert!(of(ended, OK).delete_cookie && of(ended, BROKEN).delete_cookie);
        assert!(!of(Facts { sent: false, ..ended }, OK).delete_cookie);
        let begun_again = Facts { has_data: true, unsaved: true, ..ended };
        assert_eq!((of(begun_again, OK).delete_cookie, of(begun_again, OK).write), (false, Write::Commit));
        assert_eq!((of(begun_again, BROKEN).delete_cookie, of(begun_again, BROKEN).write), (true, Write::Nothing));
    }

    #[test]
    fn an_unknown_key_keeps_its_cookie_unless_django_is_asked_for() {
        let unknown = Facts { sent: true, loaded: true, accessed: true, ..Facts::default() };

        assert!(!of(unknown, OK).delete_cookie);
        assert!(Verdict::of(unknown, OK, &Settings::django()).delete_cookie);
        let undecodable = Facts { undecodable: true, ..unknown };
        assert!(!Verdict::of(undecodable, OK, &Settings::django()).delete_cookie);
    }

    #[test]
    fn every_request_is_saved_when_that_is_set() {
        let settings = Settings { save_every_request: true, ..Settings::default() };
        let unloaded = Facts { sent: true, ..Facts::default() };

        assert_eq!(Verdict::of(unloaded, OK, &settings).write, Write::LoadFirst);
        assert_eq!(Verdict::of(stored(), OK, &settings).write, Write::Touch);
        let kept = Facts { keeps_expiry: true, ..unloaded };
        assert_eq!(Verdict::of(kept, OK, &settings).write, Write::Nothing);
        assert_eq!(Verdict::of(Facts { keeps_expiry: true, ..stored() }, OK, &settings).write, Write::Nothing);
        assert_eq!(after_load(stored(), &settings), Write::Touch);
        assert_eq!(after_load(unloaded, &settings), Write::Nothing);
        assert_eq!(after_load(unloaded, &Settings::django()), Write::Commit);
    }
}
