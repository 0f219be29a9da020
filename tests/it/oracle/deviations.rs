//! Where this crate does something else than Django on purpose.
//!
//! The list is exact: a row on it that matches after all, or differs in other fields than it says, fails as much as a
//! row that differs without being listed.

/// Rows that differ.
pub(super) struct Deviation {
    pub(super) section: &'static str,
    /// The rows' names: `*` is any segment, `|` stands between alternatives.
    pub(super) rows: &'static str,
    /// The fields that differ, and no others.
    pub(super) differs: &'static [&'static str],
    /// The rule that they follow.
    pub(super) rule: &'static str,
}

const KEYS: &str = "a key is accepted only if it is 32 x [a-z0-9], and nothing is unquoted";
const ADOPTION: &str = "a client's key is never adopted: what is saved under an unknown one is a new session";
const REVIVAL: &str = "clear() never revives the session of an unknown or expired key";
const UNDECODABLE: &str = "a row that does not decode is left alone: its visitor is anonymous and gets a new key";

const LOOKED_AT: &str =
    "who asks for the key, or whether there is a session, has looked at the cookie: the response varies with it";

pub(super) const DEVIATIONS: &[Deviation] = &[
    Deviation {
        section: "flags",
        rows: "*/iter|len|bool",
        differs: &["method"],
        rule: "no counterpart in Rust: a session has `keys` and `is_empty`, no length, truth or iteration",
    },
    Deviation {
        section: "flags",
        rows: "valid_key/save_must_create|asave_must_create",
        differs: &["cache", "raises", "returns"],
        rule: "no counterpart in Rust: `save` takes no `must_create`, and a session with a row is never created again",
    },
    Deviation {
        section: "flags",
        rows: "unknown_key/save|asave",
        differs: &["modified", "raises", "returns", "rows"],
        rule: ADOPTION,
    },
    Deviation {
        section: "flags",
        rows: "unknown_key/save_must_create|asave_must_create",
        differs: &["key", "modified", "old_row_exists"],
        rule: ADOPTION,
    },
    Deviation { section: "flags", rows: "unknown_key/clear", differs: &["key"], rule: REVIVAL },
    Deviation {
        section: "flags",
        rows: "valid_key/nested_mutation",
        differs: &["cache"],
        rule: "values are copies: changing one does not change the session",
    },
    Deviation {
        section: "flags",
        rows: "valid_key/adelete_test_cookie",
        differs: &["modified"],
        rule: "the asynchronous twin forgets to mark the session modified and loses the change; here there is one method",
    },
    Deviation {
        section: "flags",
        rows: "no_key|short_key/is_empty|session_key|load_direct|aload_direct|delete|adelete",
        differs: &["accessed"],
        rule: LOOKED_AT,
    },
    Deviation {
        section: "flags",
        rows: "valid_key|unknown_key/is_empty|session_key|delete|adelete",
        differs: &["accessed"],
        rule: LOOKED_AT,
    },
    Deviation {
        section: "expiry",
        rows: "set_expiry/aware_utc|aware_micro_down|aware_plus2|aware_past/naive/*",
        differs: &["age", "stored"],
        rule: "a date is stored as the Django beside it reads it, under USE_TZ = False in local time: its own fails there",
    },
    Deviation {
        section: "expiry",
        rows: "set_expiry/string_iso|string_iso_z/naive/*",
        differs: &["age"],
        rule: "a date that says its offset is an instant, and has an age, also where other dates are local",
    },
    Deviation {
        section: "cookie_header",
        rows: "02 twice, last wins|06 quoted|07 unbalanced quote|08 quoted octal escape|09 quoted octal NUL|\
               10 quoted escaped quote|15 equals signs in the value|16 percent sign is kept|17 blank in the value|\
               18 comma in the value|19 comma does not separate|21 non-ASCII value|22 punctuation",
        differs: &["session_key"],
        rule: KEYS,
    },
    Deviation {
        section: "vary",
        rows: "01 empty header",
        differs: &["after"],
        rule: "an empty header names nothing; Django says so, too, since 6.1",
    },
    Deviation {
        section: "set_cookie",
        rows: "COOKIE_SAMESITE=None|COOKIE_NAME=__Secure-sid/*",
        differs: &["raises", "set_cookie", "vary"],
        rule: "wrong configuration fails at start-up: browsers drop these cookies without Secure",
    },
    Deviation {
        section: "middleware",
        rows: "none|unknown|valid|expired|tampered_row/is_empty|row_delete/200/plain",
        differs: &["vary"],
        rule: LOOKED_AT,
    },
    Deviation { section: "middleware", rows: "none/is_empty|row_delete/200/ser", differs: &["vary"], rule: LOOKED_AT },
    Deviation {
        section: "middleware",
        rows: "unknown/clear/200/plain|ser",
        differs: &["set_cookie", "status", "vary"],
        rule: REVIVAL,
    },
    Deviation {
        section: "middleware",
        rows: "expired/clear/200/plain|ser",
        differs: &["rows_after", "set_cookie"],
        rule: REVIVAL,
    },
    Deviation {
        section: "middleware",
        rows: "tampered_row/clear|write_then_pop_all/200/plain|ser",
        differs: &["set_cookie"],
        rule: UNDECODABLE,
    },
    Deviation {
        section: "middleware",
        rows: "tampered_row/cycle_key/200/plain|ser",
        differs: &["rows_after"],
        rule: UNDECODABLE,
    },
    Deviation {
        section: "middleware",
        rows: "tampered_row/write/200/plain|ser",
        differs: &["rows_after", "set_cookie"],
        rule: UNDECODABLE,
    },
    Deviation {
        section: "middleware",
        rows: "tampered_row/write_row_deleted_elsewhere/200/plain|ser",
        differs: &["rows_after", "set_cookie", "status", "vary"],
        rule: UNDECODABLE,
    },
    Deviation {
        section: "middleware",
        rows: "tampered_row/set_modified/200/plain|ser",
        differs: &["set_cookie", "vary"],
        rule: UNDECODABLE,
    },
    Deviation {
        section: "middleware",
        rows: "tampered_row/nothing/200/ser",
        differs: &["set_cookie", "vary"],
        rule: UNDECODABLE,
    },
    Deviation {
        section: "middleware",
        rows: "tampered_row/read|is_empty/200/ser",
        differs: &["set_cookie"],
        rule: UNDECODABLE,
    },
    Deviation {
        section: "db_rows, dates",
        rows: "06 ascii at 0 us|07 auth at 0 us|08 expiry_int at 0 us|09 expiry_zero at 0 us|10 expiry_negative at 0 us",
        differs: &["expire_date_text"],
        rule: "dates in SQLite are YYYY-MM-DD HH:MM:SS.ffffff: of one width, so that texts sort as the instants do",
    },
];
