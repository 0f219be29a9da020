//! Every state of every model, within the bounds that CI has time for.

use jam_session_models::{
    cached_db::{self, CachedDb},
    commit::{Commit, Kind, Rules},
    enumerate,
    file::{self, FileStore},
    hashed_keys::{self, HashedKeys},
    renewal::{self, Isolation, Renewal},
};

const KINDS: [Kind; 8] = [
    Kind::Change,
    Kind::SetExpiry,
    Kind::Touch,
    Kind::CycleKey,
    Kind::SetUser(1),
    Kind::Login(1),
    Kind::Login(2),
    Kind::Flush,
];

#[test]
fn overlapping_requests_lose_nothing_and_revive_nothing() {
    let model = Commit { requests: 3, kinds: KINDS.to_vec(), losses: 1, deadlines: false, rules: Rules::default() };
    enumerate("commit, 3 requests, 1 lost reply", model);
}

#[test]
fn two_requests_with_two_lost_replies_and_deadlines_lose_nothing() {
    let model = Commit { requests: 2, kinds: KINDS.to_vec(), losses: 2, deadlines: true, rules: Rules::default() };
    enumerate("commit, 2 requests, 2 lost replies, deadlines", model);
}

#[test]
fn a_renewal_beside_any_end_leaves_no_session_behind() {
    let kinds = vec![
        renewal::Kind::Change,
        renewal::Kind::Renew,
        renewal::Kind::CycleKey,
        renewal::Kind::Flush,
        renewal::Kind::RevokeAll,
    ];
    for isolation in [Isolation::Serial, Isolation::Snapshot] {
        let model = Renewal { kinds: kinds.clone(), isolation, crashes: 1, rules: renewal::Rules::default() };
        enumerate(&format!("renewal, {isolation:?}"), model);
    }
}

#[test]
fn a_site_that_begins_to_hash_its_keys_loses_no_session() {
    let model = HashedKeys { moves: 1, rules: hashed_keys::Rules::default() };
    enumerate("hash_keys, 2 nodes, 3 requests", model);
}

#[test]
fn files_are_found_and_kept_whichever_process_dies() {
    enumerate("file, 3 operations, 1 death", FileStore { kills: 1, rules: file::Rules::default() });
}

/// Enumerates the caches within these bounds: requests, faults, restarts of a process.
fn caches(shared: bool, bounds: &[(usize, u8, u8)]) {
    for &(requests, faults, restarts) in bounds {
        let model = CachedDb { shared, requests, program: None, faults, restarts, rules: cached_db::Rules::default() };
        let caches = if shared { "one cache" } else { "two caches" };
        enumerate(&format!("cached_db, {caches}, {requests} requests, {faults} faults, {restarts} restarts"), model);
    }
}

#[test]
fn a_shared_cache_serves_nothing_that_was_replaced_or_ended() {
    caches(true, &[(2, 1, 1), (3, 0, 0), (2, 2, 0)]);
}

#[test]
fn caches_of_two_processes_serve_nothing_older_than_what_they_heard_of() {
    caches(false, &[(2, 1, 1), (3, 0, 0)]);
}

#[test]
#[ignore = "larger bounds: minutes, and some gigabytes of memory"]
fn a_shared_cache_with_two_faults_and_a_restart_serves_nothing_older() {
    caches(true, &[(2, 2, 1), (3, 1, 0)]);
    caches(false, &[(2, 2, 1), (3, 1, 0)]);
}
