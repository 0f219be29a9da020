//! `SignedCookieStore`.

mod django;
mod layers;
mod sealed;
mod signed;

use jam_session::{Draft, Record, Saved, SessionKey, SignedCookieStore, Signer, session_store_tests};
use time::{Duration, OffsetDateTime};

/// 2023-11-14 22:13:20.25 UTC: where the traces of Django stand, too.
const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::milliseconds(1_700_000_000_250));

fn signed() -> SignedCookieStore {
    SignedCookieStore::new(Signer::new("secret"))
}

fn encrypted() -> SignedCookieStore {
    SignedCookieStore::encrypted(Signer::new("secret"))
}

fn draft(json: &str) -> Draft {
    Draft::new(json.parse().expect("an object"), NOW + Duration::HOUR)
}

/// A key that is drawn for a new session; these stores have no use for it.
fn drawn() -> SessionKey {
    SessionKey::parse("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk").expect("a key")
}

fn done(saved: Saved) -> Record {
    match saved {
        Saved::Done(record) => record,
        other => panic!("expected Done, not {other:?}"),
    }
}

session_store_tests!(encrypted_cookies, async { encrypted() }, except [
    a_taken_key_is_refused_and_its_session_left_alone = "a cookie is its own key: none is ever taken",
    the_key_of_an_expired_session_is_taken = "a cookie is its own key: none is ever taken",
    a_cycle_to_a_taken_key_leaves_both_alone = "a cookie is its own key: none is ever taken",
    a_cycle_to_an_expired_sessions_key_is_refused = "a cookie is its own key: none is ever taken",
    of_many_creates_of_one_key_one_wins = "a cookie is its own key: none is ever taken",
    a_created_session_is_loaded_as_it_was_written = "nothing is kept, so nothing exists",
    an_expired_session_exists_until_it_is_cleared = "nothing is kept, so nothing exists",
    clear_expired_removes_the_expired_and_counts_them = "nothing is kept, so nothing is cleared",
    clear_expired_leaves_what_expires_this_instant = "nothing is kept, so nothing is cleared",
    clear_expired_removes_any_number = "nothing is kept, so nothing is cleared",
    a_deleted_session_is_gone = "a copy of a cookie is good until it expires",
    a_deletion_of_what_was_loaded_ends_it = "a copy of a cookie is good until it expires",
    a_deletion_of_what_is_gone_says_so = "a copy of a cookie is good until it expires",
    a_deletion_of_a_stale_record_is_a_conflict = "the last response wins: each has its own cookie",
    nothing_brings_a_deleted_session_back = "a copy of a cookie is good until it expires",
    a_delete_wins_over_a_racing_save = "a copy of a cookie is good until it expires",
    the_store_works_on_after_dropped_operations = "a copy of a cookie is good until it expires",
    a_cycle_moves_the_session_to_the_new_key = "a copy of the old cookie is good until it expires",
    a_cycle_without_a_change_keeps_the_data = "a copy of the old cookie is good until it expires",
    the_old_key_is_dead_after_a_cycle = "a copy of the old cookie is good until it expires",
    a_dropped_cycle_leaves_one_session = "a copy of the old cookie is good until it expires",
    of_two_cycles_one_wins = "the last response wins: each has its own cookie",
    a_cycle_and_a_racing_save_leave_one_session = "the last response wins: each has its own cookie",
    a_save_over_a_stale_record_is_a_conflict = "the last response wins: each has its own cookie",
    a_conflict_is_what_the_next_save_builds_on = "the last response wins: each has its own cookie",
    a_stale_touch_writes_nothing = "the last response wins: each has its own cookie",
    a_cycle_over_a_stale_record_is_a_conflict = "the last response wins: each has its own cookie",
    no_save_of_fifty_at_once_is_lost = "the last response wins: each has its own cookie",
    a_touch_and_a_racing_save_keep_the_data = "the last response wins: each has its own cookie",
    a_dropped_save_leaves_a_whole_session = "the last response wins: each has its own cookie",
    a_dropped_touch_leaves_the_data = "the last response wins: each has its own cookie",
    a_dropped_create_leaves_a_whole_session_or_none = "what was dropped was never sent",
    an_expiry_is_kept_to_the_microsecond = "a touch makes a new cookie, and the old one keeps its expiry",
    a_large_session_is_kept_whole = "a cookie has 4096 bytes",
]);

/// A signed cookie says in which second it was made; with this age it ends when the sessions of the suite are to.
fn signed_for_an_hour() -> SignedCookieStore {
    signed().cookie_age(std::time::Duration::from_micros(3_600_373_456))
}

session_store_tests!(signed_cookies, async { signed_for_an_hour() }, except [
    a_taken_key_is_refused_and_its_session_left_alone = "a cookie is its own key: none is ever taken",
    the_key_of_an_expired_session_is_taken = "a cookie is its own key: none is ever taken",
    a_cycle_to_a_taken_key_leaves_both_alone = "a cookie is its own key: none is ever taken",
    a_cycle_to_an_expired_sessions_key_is_refused = "a cookie is its own key: none is ever taken",
    of_many_creates_of_one_key_one_wins = "a cookie is its own key: none is ever taken",
    a_created_session_is_loaded_as_it_was_written = "nothing is kept, so nothing exists",
    an_expired_session_exists_until_it_is_cleared = "nothing is kept, so nothing exists",
    clear_expired_removes_the_expired_and_counts_them = "nothing is kept, so nothing is cleared",
    clear_expired_leaves_what_expires_this_instant = "nothing is kept, so nothing is cleared",
    clear_expired_removes_any_number = "nothing is kept, so nothing is cleared",
    a_deleted_session_is_gone = "a copy of a cookie is good until it expires",
    a_deletion_of_what_was_loaded_ends_it = "a copy of a cookie is good until it expires",
    a_deletion_of_what_is_gone_says_so = "a copy of a cookie is good until it expires",
    a_deletion_of_a_stale_record_is_a_conflict = "the last response wins: each has its own cookie",
    nothing_brings_a_deleted_session_back = "a copy of a cookie is good until it expires",
    a_delete_wins_over_a_racing_save = "a copy of a cookie is good until it expires",
    the_store_works_on_after_dropped_operations = "a copy of a cookie is good until it expires",
    a_cycle_moves_the_session_to_the_new_key = "a copy of the old cookie is good until it expires",
    a_cycle_without_a_change_keeps_the_data = "a copy of the old cookie is good until it expires",
    the_old_key_is_dead_after_a_cycle = "a copy of the old cookie is good until it expires",
    a_dropped_cycle_leaves_one_session = "a copy of the old cookie is good until it expires",
    of_two_cycles_one_wins = "the last response wins: each has its own cookie",
    a_cycle_and_a_racing_save_leave_one_session = "the last response wins: each has its own cookie",
    a_save_over_a_stale_record_is_a_conflict = "the last response wins: each has its own cookie",
    a_conflict_is_what_the_next_save_builds_on = "the last response wins: each has its own cookie",
    a_stale_touch_writes_nothing = "the last response wins: each has its own cookie",
    a_cycle_over_a_stale_record_is_a_conflict = "the last response wins: each has its own cookie",
    no_save_of_fifty_at_once_is_lost = "the last response wins: each has its own cookie",
    a_touch_and_a_racing_save_keep_the_data = "the last response wins: each has its own cookie",
    a_dropped_save_leaves_a_whole_session = "the last response wins: each has its own cookie",
    a_dropped_create_leaves_a_whole_session_or_none = "what was dropped was never sent",
    an_expiry_is_kept_to_the_microsecond = "a cookie says when it was made, in seconds; its age is the store's",
    a_save_is_what_the_next_load_gives = "a cookie says when it was made; its age is the store's",
    a_touch_moves_the_expiry_alone = "a cookie says when it was made; its age is the store's",
    awkward_data_comes_back_byte_for_byte = "an expiry in the data is the session's, whatever the draft says",
    awkward_data_is_built_on = "an expiry in the data is the session's, whatever the draft says",
    an_expired_session_is_gone = "at its very age a cookie is still good, as in Django",
    an_expired_session_is_not_saved = "at its very age a cookie is still good, as in Django",
    an_expired_session_is_not_touched = "at its very age a cookie is still good, as in Django",
    an_expired_session_is_not_cycled = "at its very age a cookie is still good, as in Django",
]);
