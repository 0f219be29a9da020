//! The checker is checked: each wrong step makes the property fail that the step is there for, with the fewest steps.

use jam_session_models::{
    Counterexample,
    cached_db::{self, CachedDb},
    commit::{self, Commit, Kind},
    counterexample,
    file::{self, FileStore},
    hashed_keys::{self, HashedKeys},
    renewal::{self, Isolation, Renewal, RevokeUntil},
};

/// Prints the counterexample and compares it with what is expected.
#[track_caller]
fn finds(mutant: &str, found: Option<Counterexample>, property: &str, steps: &[&str]) {
    let found = found.unwrap_or_else(|| panic!("{mutant}: no property fails"));
    println!("mutant: {mutant}: {} in {} steps: {}", found.property, found.steps.len(), found.steps.join(", "));
    assert_eq!(found.property, property, "{mutant}: {:?}", found.steps);
    assert_eq!(found.steps, steps, "{mutant}");
}

/// Looks for the counterexample of a commit in which only these kinds of requests meet.
fn commit(kinds: [Kind; 2], losses: u8, rules: commit::Rules) -> Option<Counterexample> {
    counterexample(|| Commit { requests: 2, kinds: kinds.to_vec(), losses, deadlines: false, rules })
}

fn renewal(isolation: Isolation, rules: renewal::Rules) -> Option<Counterexample> {
    use renewal::Kind::{Change, Flush, Renew, RevokeAll};
    counterexample(|| Renewal { kinds: vec![Change, Renew, Flush, RevokeAll], isolation, crashes: 0, rules })
}

#[test]
fn an_upsert_revives_an_ended_session() {
    let rules = commit::Rules { upsert: true, ..Default::default() };
    finds(
        "upsert",
        commit([Kind::Change, Kind::Flush], 0, rules),
        "a session that has ended never comes back",
        &["Load(1)", "Expire", "Write(1, Answered)"],
    );
}

#[test]
fn a_save_that_does_not_compare_loses_a_change() {
    let rules = commit::Rules { blind_save: true, ..Default::default() };
    let found = commit([Kind::Change, Kind::Change], 0, rules);
    finds(
        "blind save",
        found,
        "an acknowledged change is there until its session ends",
        &["Load(0)", "Load(1)", "Write(1, Answered)", "Write(0, Answered)"],
    );
}

#[test]
fn an_extension_without_its_guard_shortens_a_session() {
    let rules = commit::Rules { unguarded_touch: true, ..Default::default() };
    let found = commit([Kind::SetExpiry, Kind::Touch], 0, rules);
    finds(
        "touch without guard",
        found,
        "an extension never shortens a session",
        &["Load(0)", "Load(1)", "Write(0, Answered)", "Write(1, Answered)"],
    );
}

#[test]
fn a_write_that_is_sent_twice_counts_twice() {
    let rules = commit::Rules { retry_blindly: true, ..Default::default() };
    finds(
        "retry without a look",
        commit([Kind::Change, Kind::Change], 1, rules),
        "no change is made twice",
        &["Load(1)", "Write(1, ReplyLost)", "Write(1, Answered)", "Write(1, Answered)"],
    );
}

#[test]
fn a_lost_write_that_finds_nothing_is_not_known_to_have_failed() {
    let rules = commit::Rules { gone_after_loss_is_refused: true, ..Default::default() };
    let found = commit([Kind::Change, Kind::CycleKey], 1, rules);
    finds(
        "gone after a lost reply",
        found,
        "nothing of a refused request is kept",
        &["Load(1)", "Write(1, Late)", "Look(1)", "Arrive", "Write(1, Answered)"],
    );
}

#[test]
fn a_login_must_not_take_along_what_has_ended() {
    let rules = commit::Rules { login_keeps_loaded: true, ..Default::default() };
    let found = counterexample(|| Commit {
        requests: 3,
        kinds: vec![Kind::Change, Kind::Login(1), Kind::Flush],
        losses: 0,
        deadlines: false,
        rules,
    });
    finds(
        "login keeps what it loaded",
        found,
        "nothing of an ended session is in a new one",
        &["Load(1)", "Write(1, Answered)", "Load(2)", "Expire", "Write(2, Answered)", "Write(2, Answered)"],
    );
}

#[test]
fn a_merge_compares_the_user() {
    let rules = commit::Rules { merge_any_identity: true, ..Default::default() };
    let found = commit([Kind::Change, Kind::SetUser(1)], 0, rules);
    finds(
        "merge over another user",
        found,
        "no change lands in another user's session",
        &["Load(0)", "Load(1)", "Write(1, Answered)", "Write(0, Answered)", "Write(0, Answered)"],
    );
}

#[test]
fn an_end_that_finds_nothing_is_not_acknowledged() {
    let rules = commit::Rules { flush_of_nothing_is_ok: true, ..Default::default() };
    let found = commit([Kind::CycleKey, Kind::Flush], 0, rules);
    finds(
        "flush of nothing",
        found,
        "a session that has ended never comes back",
        &["Load(0)", "Load(1)", "Write(0, Answered)", "Delete(1, Answered)"],
    );
}

#[test]
fn a_pointer_that_can_be_read_after_the_grace_is_a_second_key() {
    let rules = renewal::Rules { pointer_readable_after_grace: true, ..Default::default() };
    let found = renewal(Isolation::Serial, rules);
    finds(
        "pointer readable after the grace",
        found,
        "outside a grace a session has one usable key",
        &["Load(2, 0)", "Copy(2)", "Point(2)", "GracePasses(0)"],
    );
}

#[test]
fn a_logout_after_the_grace_ends_nothing_without_a_pointer() {
    let rules = renewal::Rules { pointer_expires_with_grace: true, end_of_nothing_is_ok: true, ..Default::default() };
    let found = renewal(Isolation::Serial, rules);
    finds(
        "logout after the grace",
        found,
        "after an acknowledged end no key opens the session",
        &["Load(1, 0)", "Copy(1)", "Load(2, 0)", "Point(1)", "EndDelete(2)", "GracePasses(0)", "EndLoad(2)"],
    );
}

#[test]
fn an_end_walks_the_whole_chain() {
    let rules = renewal::Rules { end_follows_once: true, ..Default::default() };
    let found = renewal(Isolation::Serial, rules);
    finds(
        "end follows once",
        found,
        "after an acknowledged end no key opens the session",
        &[
            "Load(1, 0)",
            "Copy(1)",
            "Load(2, 0)",
            "Point(1)",
            "Load(0, 2)",
            "Copy(0)",
            "Point(0)",
            "EndDelete(2)",
            "EndLoad(2)",
            "EndLoad(2)",
        ],
    );
}

#[test]
fn an_end_compares_before_it_deletes() {
    let rules = renewal::Rules { end_does_not_compare: true, ..Default::default() };
    let found = renewal(Isolation::Serial, rules);
    finds(
        "end without a compare",
        found,
        "after an acknowledged end no key opens the session",
        &["Load(1, 0)", "Copy(1)", "Load(2, 0)", "Point(1)", "EndDelete(2)"],
    );
}

#[test]
fn a_revocation_that_runs_once_misses_a_session_that_is_being_renewed() {
    let rules = renewal::Rules { revoke: RevokeUntil::Once, ..Default::default() };
    let found = renewal(Isolation::Snapshot, rules);
    finds(
        "revoke once",
        found,
        "after an acknowledged end no key opens the session",
        &["Load(0, 0)", "Load(2, 0)", "Revoke(2)", "Copy(0)", "Point(0)", "RevokeRow(2, 0)", "RevokePass(2)"],
    );
}

#[test]
fn a_pointer_without_a_user_hides_a_renewal_from_a_revocation() {
    let rules =
        renewal::Rules { revoke: RevokeUntil::NothingWasRemoved, pointer_without_user: true, ..Default::default() };
    let found = renewal(Isolation::Snapshot, rules);
    finds(
        "pointer without user",
        found,
        "after an acknowledged end no key opens the session",
        &["Load(0, 0)", "Load(2, 0)", "Revoke(2)", "Copy(0)", "Point(0)", "RevokeRow(2, 0)", "RevokePass(2)"],
    );
}

#[test]
fn two_revocations_hide_a_renewal_from_each_other() {
    let rules = renewal::Rules { revoke: RevokeUntil::NothingWasRemoved, ..Default::default() };
    let found = renewal(Isolation::Snapshot, rules);
    finds(
        "revoke until nothing is removed",
        found,
        "after an acknowledged end no key opens the session",
        &[
            "Load(0, 0)",
            "Load(1, 0)",
            "Load(2, 0)",
            "Revoke(2)",
            "Copy(0)",
            "Point(0)",
            "Revoke(1)",
            "RevokeRow(1, 0)",
            "RevokeRow(2, 0)",
            "RevokePass(2)",
        ],
    );
}

#[test]
fn a_renewal_keeps_when_the_session_began() {
    let rules = renewal::Rules { renewal_restarts_age: true, ..Default::default() };
    let found = renewal(Isolation::Serial, rules);
    finds(
        "renewal restarts the age",
        found,
        "after its absolute age no key opens the session",
        &["Load(2, 0)", "Copy(2)", "Point(2)", "AbsoluteAge"],
    );
}

use cached_db::Kind::{End, Read, Save};

/// Looks for the counterexample of these requests, each in the process with this number.
fn cached_db(
    program: &[(cached_db::Kind, usize)],
    faults: u8,
    restarts: u8,
    rules: cached_db::Rules,
) -> Option<Counterexample> {
    let program = Some(program.to_vec());
    counterexample(|| CachedDb { shared: true, requests: 0, program: program.clone(), faults, restarts, rules })
}

#[test]
fn a_fill_without_a_lease_brings_back_what_was_replaced() {
    let rules = cached_db::Rules { fills_without_lease: true, ..Default::default() };
    let found = cached_db(&[(Read, 0), (Read, 1), (Save, 0)], 0, 0, rules);
    finds(
        "fill without lease",
        found,
        "no read is older than what was acknowledged before it",
        &[
            "Begin(0)",
            "Look(0, Answered)",
            "Lease(0, Answered)",
            "Load(0)",
            "Begin(2)",
            "Close(2, Answered)",
            "Write(2)",
            "Settle(2, Answered)",
            "Fill(0, Answered)",
            "Begin(1)",
            "Look(1, Answered)",
        ],
    );
}

#[test]
fn a_cache_that_is_invalidated_before_the_database_is_filled_with_the_old_session() {
    let rules = cached_db::Rules { invalidates_first: true, ..Default::default() };
    let found = cached_db(&[(Read, 0), (Read, 1), (Save, 0)], 0, 0, rules);
    finds(
        "delete before cache",
        found,
        "no read is older than what was acknowledged before it",
        &[
            "Begin(1)",
            "Look(1, Answered)",
            "Begin(2)",
            "Close(2, Answered)",
            "Lease(1, Answered)",
            "Load(1)",
            "Fill(1, Answered)",
            "Write(2)",
            "Begin(0)",
            "Look(0, Answered)",
        ],
    );
}

#[test]
fn a_process_that_trusts_what_is_older_than_itself_serves_an_ended_session() {
    let rules = cached_db::Rules { trusts_older_entries: true, ..Default::default() };
    let found = cached_db(&[(Read, 0), (Read, 0), (End, 0)], 1, 1, rules);
    finds(
        "undelivered invalidation and a restart",
        found,
        "after an acknowledged end no read finds the session",
        &[
            "Begin(0)",
            "Look(0, Answered)",
            "Lease(0, Answered)",
            "Load(0)",
            "Fill(0, Answered)",
            "Begin(2)",
            "Close(2, Late)",
            "Write(2)",
            "Settle(2, Failed)",
            "Settle(2, Failed)",
            "RestartProcess(0)",
            "Begin(1)",
            "Look(1, Answered)",
        ],
    );
}

#[test]
fn a_process_that_trusts_a_cache_after_an_outage_serves_an_old_snapshot() {
    let rules = cached_db::Rules { trusts_after_outage: true, ..Default::default() };
    let found = cached_db(&[(Read, 1), (Read, 1), (End, 0)], 1, 0, rules);
    finds(
        "trust after an outage",
        found,
        "after an acknowledged end no read finds the session",
        &[
            "Begin(0)",
            "Look(0, Answered)",
            "Lease(0, Answered)",
            "Load(0)",
            "Fill(0, Answered)",
            "Begin(2)",
            "Snapshot",
            "Close(2, Answered)",
            "Write(2)",
            "Settle(2, Answered)",
            "Begin(1)",
            "RestartCache(true)",
            "Look(1, Answered)",
        ],
    );
}

#[test]
fn an_invalidation_that_is_forgotten_leaves_the_old_session() {
    let rules = cached_db::Rules { forgets_undelivered: true, ..Default::default() };
    let found = cached_db(&[(Read, 1), (Read, 1), (Save, 0)], 2, 0, rules);
    finds(
        "forgotten invalidation",
        found,
        "no read is older than what was acknowledged before it",
        &[
            "Begin(0)",
            "Look(0, Answered)",
            "Lease(0, Answered)",
            "Load(0)",
            "Fill(0, Answered)",
            "Begin(2)",
            "Close(2, Late)",
            "Write(2)",
            "Settle(2, Failed)",
            "Begin(1)",
            "Look(1, Answered)",
        ],
    );
}

#[test]
fn leases_that_are_equal_let_an_old_fill_through() {
    let rules = cached_db::Rules { equal_leases: true, ..Default::default() };
    let found = cached_db(&[(Read, 0), (Read, 0), (Read, 1), (Save, 1)], 0, 0, rules);
    finds(
        "equal leases",
        found,
        "no read is older than what was acknowledged before it",
        &[
            "Begin(0)",
            "Look(0, Answered)",
            "Lease(0, Answered)",
            "Load(0)",
            "Begin(3)",
            "Close(3, Answered)",
            "Write(3)",
            "LeaseExpires(0)",
            "Settle(3, Answered)",
            "Settle(3, Answered)",
            "Begin(1)",
            "Begin(2)",
            "Look(2, Answered)",
            "Lease(2, Answered)",
            "Fill(0, Answered)",
            "Look(1, Answered)",
        ],
    );
}

fn hashed_keys(rules: hashed_keys::Rules) -> Option<Counterexample> {
    counterexample(|| HashedKeys { moves: 1, rules })
}

#[test]
fn a_load_that_does_not_look_again_misses_a_session_that_is_moved() {
    let rules = hashed_keys::Rules { looks_once: true, ..Default::default() };
    finds(
        "looks once",
        hashed_keys(rules),
        "a session that lives under its key is found",
        &[
            "Deploy(0)",
            "Deploy(1)",
            "Deploy(0)",
            "Begin(0)",
            "Load(0)",
            "Begin(2)",
            "Load(2)",
            "Load(2)",
            "Write(2)",
            "Write(2)",
            "Load(0)",
        ],
    );
}

#[test]
fn a_deletion_that_begins_where_the_session_goes_misses_one_that_is_moved() {
    let rules = hashed_keys::Rules { deletes_where_it_goes_first: true, ..Default::default() };
    finds(
        "deletes where it goes first",
        hashed_keys(rules),
        "a session that lives under its key is found",
        &[
            "Deploy(0)",
            "Deploy(1)",
            "Deploy(0)",
            "Begin(0)",
            "Load(0)",
            "Load(0)",
            "Delete(0)",
            "Begin(2)",
            "Load(2)",
            "Load(2)",
            "Write(2)",
            "Write(2)",
            "Delete(0)",
        ],
    );
}

#[test]
fn a_site_that_skips_the_steps_loses_sessions() {
    let rules = hashed_keys::Rules { skips_steps: true, ..Default::default() };
    finds(
        "skips the steps",
        hashed_keys(rules),
        "a session that lives under its key is found",
        &["Deploy(0)", "Begin(1)", "Load(1)"],
    );
}

fn files(rules: file::Rules) -> Option<Counterexample> {
    counterexample(|| FileStore { kills: 1, rules })
}

#[test]
fn a_file_that_was_replaced_while_it_was_opened_is_not_missing() {
    let rules = file::Rules { replaced_is_missing: true, ..Default::default() };
    finds(
        "replaced is missing",
        files(rules),
        "a session that lives is found",
        &["Look(0)", "Open(0)", "Lock(0)", "Compare(0)", "Draft(0)", "Look(2)", "Rename(0)", "Open(2)"],
    );
}

#[test]
fn a_clean_up_without_a_lock_removes_what_was_extended() {
    let rules = file::Rules { no_lock: true, ..Default::default() };
    finds(
        "no lock",
        files(rules),
        "what was extended is not cleared",
        &["Look(1)", "Look(2)", "Expire", "Open(1)", "Open(2)", "Compare(2)", "Compare(1)", "Remove(2)"],
    );
}

#[test]
fn a_save_that_is_not_synced_is_lost_with_the_power() {
    let rules = file::Rules { no_sync: true, ..Default::default() };
    finds(
        "no sync",
        files(rules),
        "an acknowledged change is there until its session ends",
        &["Look(0)", "Open(0)", "Lock(0)", "Compare(0)", "Draft(0)", "Rename(0)", "Unlock(0)", "PowerLoss"],
    );
}

#[test]
fn a_clean_up_looks_again_under_the_lock() {
    let rules = file::Rules { clears_without_a_second_look: true, ..Default::default() };
    finds(
        "clears without a second look",
        files(rules),
        "what was extended is not cleared",
        &[
            "Look(0)",
            "Look(2)",
            "Expire",
            "Open(0)",
            "Lock(0)",
            "Open(2)",
            "Compare(0)",
            "Kill(0)",
            "Lock(2)",
            "Compare(2)",
            "Remove(2)",
        ],
    );
}

#[test]
fn a_renewal_that_removes_the_old_file_first_loses_the_session() {
    let rules = file::Rules { cycle_removes_first: true, ..Default::default() };
    finds(
        "cycle removes first",
        files(rules),
        "a session that was renewed is somewhere",
        &["Look(0)", "Open(0)", "Lock(0)", "Compare(0)"],
    );
}
