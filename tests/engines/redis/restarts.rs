//! Users log out while Redis fails, the application restarts, and Redis is back: no old cookie is good.

use std::time::Duration;

use jam_session::{
    CachedDbStore, Draft, ErasedStore, MemoryStore, RedisCache, SessionKey, SessionStore as _, SqliteStore,
};
use time::OffsetDateTime;
use tokio::{task::JoinSet, time::sleep};

use super::{
    TestResult,
    cluster::Cluster,
    node::Node,
    server::{Server, cli, until},
};
use crate::databases;

const SESSIONS: usize = 200;
const LASTING: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// The sessions of users who are logged in, and whom this node serves from its cache.
async fn logged_in(node: &Node, database: &str) -> TestResult<Vec<SessionKey>> {
    node.serves_from_its_cache(database).await?;
    let mut keys = Vec::new();
    for n in 0..SESSIONS {
        let key = node.login(&n.to_string()).await?;
        assert_eq!(node.user(&key).await?, Some(n.to_string()));
        keys.push(key);
    }
    Ok(keys)
}

async fn log_out(node: &Node, keys: &[SessionKey]) -> TestResult {
    for key in keys {
        node.logout(key).await?;
    }
    Ok(())
}

/// How many of these cookies are good.
async fn good(node: &Node, keys: &[SessionKey]) -> TestResult<usize> {
    let mut good = 0;
    for key in keys {
        good += usize::from(node.user(key).await?.is_some());
    }
    Ok(good)
}

/// How many of these sessions Redis holds as they were before they ended.
fn held(port: u16, keys: &[SessionKey]) -> TestResult<usize> {
    let mut held = 0;
    for key in keys {
        let name = format!("django.contrib.sessions.cached_db{}", key.as_str());
        held += usize::from(cli(port, &["GETRANGE", &name, "0", "0"])? == "V");
    }
    Ok(held)
}

fn report(scene: &str, held: usize, good: usize) {
    println!("redis_restart: {scene}: Redis held {held} of {SESSIONS}; {good} of {SESSIONS} old cookies are good");
    assert_eq!(good, 0, "{scene}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_while_redis_is_down_or_silent_is_one_after_a_restart_as_well() -> TestResult {
    for (scene, hashing) in [("down", false), ("down, hashed keys", true), ("silent", false)] {
        let (Some(database), Some(mut redis)) = (databases::sqlite().await, Server::start(&LASTING)?) else {
            return Ok(());
        };
        let before = Node::new(&database.url, &redis).await?;
        let before = if hashing { before.hashing_keys() } else { before };
        let keys = logged_in(&before, &database.url).await?;
        let silent = scene == "silent";
        let names: Vec<_> = keys.iter().map(|key| if hashing { key.hashed() } else { key.clone() }).collect();
        let held = held(redis.port, &names)?;
        assert_eq!(held, SESSIONS, "the sessions were not in the cache");

        if silent {
            redis.signal("STOP")?;
        } else {
            redis.kill();
        }
        log_out(&before, &keys).await?;
        drop(before);
        if silent {
            redis.signal("CONT")?;
        } else {
            redis.run()?;
        }
        let after = Node::new(&database.url, &redis).await?;
        let after = if hashing { after.hashing_keys() } else { after };
        report(scene, held, good(&after, &keys).await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_while_redis_refuses_writes_is_one_after_a_restart_as_well() -> TestResult {
    let (Some(database), Some(redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let before = Node::new(&database.url, &redis).await?;
    let keys = logged_in(&before, &database.url).await?;

    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"])?;
    log_out(&before, &keys).await?;
    let in_this_process = good(&before, &keys).await?;
    drop(before);
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"])?;

    let held = held(redis.port, &keys)?;
    let after = Node::new(&database.url, &redis).await?;
    report("refuses writes, this process", held, in_this_process);
    report("refuses writes", held, good(&after, &keys).await?);
    assert_eq!(held, SESSIONS, "it refused no write");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_refused_to_be_told_it_is_told_when_it_takes_writes_again() -> TestResult {
    let (Some(database), Some(redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let (here, there) = (Node::new(&database.url, &redis).await?, Node::new(&database.url, &redis).await?);
    there.serves_from_its_cache(&database.url).await?;
    let keys = logged_in(&here, &database.url).await?;
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"])?;
    log_out(&here, &keys).await?;
    assert_eq!(good(&there, &keys).await?, SESSIONS, "nobody could tell the other process");

    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"])?;

    // No request comes to the process that has to tell it.
    for _ in 0..2_000 {
        if held(redis.port, &keys[SESSIONS - 1..])? + held(redis.port, &keys[..1])? == 0
            && held(redis.port, &keys)? == 0
        {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    report("refused writes, another process", held(redis.port, &keys)?, good(&there, &keys).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_while_redis_is_full_is_one_everywhere_at_once_and_after_a_restart() -> TestResult {
    let (Some(database), Some(redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let (here, there) = (Node::new(&database.url, &redis).await?, Node::new(&database.url, &redis).await?);
    there.serves_from_its_cache(&database.url).await?;
    let keys = logged_in(&here, &database.url).await?;
    assert_eq!(good(&there, &keys).await?, SESSIONS);
    let held_before = held(redis.port, &keys)?;

    redis.cli(&["CONFIG", "SET", "maxmemory", "1"])?;
    let mut at_once = 0;
    for key in &keys {
        here.logout(key).await?;
        at_once += usize::from(there.user(key).await?.is_some());
    }
    report("full, another process", held_before, at_once);
    assert_eq!(held(redis.port, &keys)?, 0, "a full Redis removes what it is told to");
    drop(here);
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"])?;

    let after = Node::new(&database.url, &redis).await?;
    report("full", held_before, good(&after, &keys).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_goes_on_serving_what_it_has() -> TestResult {
    let (Some(database), Some(redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let (node, table) = (Node::new(&database.url, &redis).await?, SqliteStore::connect(&database.url).await?);
    node.serves_from_its_cache(&database.url).await?;
    let (kept, ended) = (node.login("ada").await?, node.login("grace").await?);
    assert!(node.user(&kept).await?.is_some() && node.user(&ended).await?.is_some());
    // Past the cache, so that only the cache can give it.
    table.delete(&kept).await?;
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"])?;
    node.logout(&ended).await?;

    assert_eq!(node.user(&kept).await?.as_deref(), Some("ada"), "what is full has lost nothing");
    assert_eq!(node.user(&ended).await?, None);
    Ok(())
}

/// More than a process remembers.
const TOO_MANY: usize = 65_536 + 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_logouts_than_can_be_remembered_while_redis_refuses_writes_are_refused_all_the_same() -> TestResult {
    let Some(redis) = Server::start(&[])? else { return Ok(()) };
    let database = MemoryStore::new();
    let store = CachedDbStore::new(database.clone(), RedisCache::connect(&redis.url())?);
    // Its futures are boxed: those of a Redis are large where nothing is optimized.
    let store = ErasedStore::new(store);
    let key = |n: usize| SessionKey::parse(&format!("{n:032}"));
    let (now, tomorrow) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH + time::Duration::DAY);
    let draft = Draft::new("{}".parse()?, tomorrow);
    // Until one is served that the database has not any more: then what is put there is believed.
    for n in TOO_MANY.. {
        store.create(&key(n)?, &draft, now).await?;
        store.load(&key(n)?, now).await?;
        database.delete(&key(n)?).await?;
        if store.load(&key(n)?, now).await?.is_some() {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    let live = TOO_MANY - 100..TOO_MANY;
    for n in live.clone() {
        store.create(&key(n)?, &draft, now).await?;
        store.load(&key(n)?, now).await?;
    }
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"])?;
    let mut tasks = JoinSet::new();
    for worker in 0..64 {
        let (store, keys) = (store.clone(), (worker..live.start).step_by(64).map(key).collect::<Result<Vec<_>, _>>()?);
        tasks.spawn(async move {
            for key in keys {
                store.delete(&key).await?;
            }
            TestResult::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    for n in live.clone() {
        store.delete(&key(n)?).await?;
    }
    let mut good = 0;
    for n in live.clone() {
        good += usize::from(store.load(&key(n)?, now).await?.is_some());
    }
    println!("redis_restart: beyond what is remembered: {good} of {} old cookies are good", live.len());
    assert_eq!(good, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_with_an_older_snapshot_revives_nobody() -> TestResult {
    let (Some(database), Some(mut redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let (before, idle) = (Node::new(&database.url, &redis).await?, Node::new(&database.url, &redis).await?);
    idle.serves_from_its_cache(&database.url).await?;
    let keys = logged_in(&before, &database.url).await?;
    redis.cli(&["SAVE"])?;
    // Redis is told of each; then the machine loses its power.
    log_out(&before, &keys).await?;
    assert_eq!(held(redis.port, &keys)?, 0);
    drop(before);
    redis.kill();
    redis.run()?;
    let held = held(redis.port, &keys)?;

    let after = Node::new(&database.url, &redis).await?;
    report("older snapshot, restarted", held, good(&after, &keys).await?);
    report("older snapshot, a process that was idle", held, good(&idle, &keys).await?);
    assert_eq!(held, SESSIONS, "it has not come back with an older snapshot");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_goes_back_in_time_before_a_process_first_speaks_to_it_revives_nobody() -> TestResult {
    let (Some(database), Some(mut redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    // It starts, and has nothing to do yet.
    let quiet = Node::new(&database.url, &redis).await?;
    let before = Node::new(&database.url, &redis).await?;
    // So what comes now is later than its start, and the margin.
    let keys = logged_in(&before, &database.url).await?;
    redis.cli(&["SAVE"])?;
    log_out(&before, &keys).await?;
    drop(before);
    redis.kill();
    redis.run()?;
    let held = held(redis.port, &keys)?;

    report("older snapshot, before the first command", held, good(&quiet, &keys).await?);
    assert_eq!(held, SESSIONS, "it has not come back with an older snapshot");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_in_a_shared_cache_lives_for_five_minutes_at_most() -> TestResult {
    let (Some(database), Some(redis)) = (databases::sqlite().await, Server::start(&[])?) else { return Ok(()) };
    let node = Node::new(&database.url, &redis).await?;
    let key = node.login("ada").await?;
    node.user(&key).await?;
    let name = format!("django.contrib.sessions.cached_db{}", key.as_str());
    let left: u64 = redis.cli(&["PTTL", &name])?.parse()?;
    assert!((240_000..=300_000).contains(&left), "{left} ms");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_that_loses_the_logouts_revives_nobody() -> TestResult {
    let (Some(database), Some(mut master)) =
        (databases::sqlite().await, Server::start(&["--repl-diskless-sync-delay", "0"])?)
    else {
        return Ok(());
    };
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()])?.ok_or("it is installed")?;
    let patience = Duration::from_secs(20);
    until(patience, || replica.cli(&["INFO", "replication"]).is_ok_and(|info| info.contains("master_link_status:up")))?;
    let sentinel = Server::sentinel(master.port)?;
    until(patience, || {
        sentinel.cli(&["SENTINEL", "REPLICAS", "jam"]).is_ok_and(|known| known.contains(&replica.port.to_string()))
    })?;
    let cache = || RedisCache::sentinel(&[&sentinel.url()], "redis://jam/0");
    let (before, idle) = (Node::over(&database.url, cache()?).await?, Node::over(&database.url, cache()?).await?);
    idle.serves_from_its_cache(&database.url).await?;
    let keys = logged_in(&before, &database.url).await?;
    until(patience, || held(replica.port, &keys[SESSIONS - 1..]).is_ok_and(|held| held == 1))?;
    // The replica loses its connection, is not let in again, and so hears nothing of the logouts.
    replica.cli(&["CONFIG", "SET", "masterauth", "wrong"])?;
    replica.cli(&["CLIENT", "KILL", "TYPE", "master"])?;
    until(patience, || {
        replica.cli(&["INFO", "replication"]).is_ok_and(|info| info.contains("master_link_status:down"))
    })?;
    log_out(&before, &keys).await?;
    drop(before);
    master.kill();
    until(patience, || replica.cli(&["ROLE"]).is_ok_and(|role| role.starts_with("master")))?;
    let held = held(replica.port, &keys)?;

    let after = Node::over(&database.url, cache()?).await?;
    report("failed over, restarted", held, good(&after, &keys).await?);
    report("failed over, a process that was idle", held, good(&idle, &keys).await?);
    assert!(held > 0, "the replica has heard of the logouts");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_comes_back_with_an_older_snapshot_revives_nobody() -> TestResult {
    let Some(database) = databases::sqlite().await else { return Ok(()) };
    let Some(mut cluster) = Cluster::start()? else { return Ok(()) };
    let (before, idle) =
        (Node::over(&database.url, cluster.cache()?).await?, Node::over(&database.url, cluster.cache()?).await?);
    idle.serves_from_its_cache(&database.url).await?;
    let keys = logged_in(&before, &database.url).await?;
    for node in &cluster.nodes {
        node.cli(&["SAVE"])?;
    }
    log_out(&before, &keys).await?;
    drop(before);
    for node in &mut cluster.nodes {
        node.kill();
        node.run()?;
    }
    cluster.settled()?;
    let mut held = 0;
    for node in &cluster.nodes {
        held += node.cli(&["DBSIZE"])?.parse::<usize>()?;
    }

    let after = Node::over(&database.url, cluster.cache()?).await?;
    report("Cluster, older snapshot, restarted", held, good(&after, &keys).await?);
    report("Cluster, older snapshot, a process that was idle", held, good(&idle, &keys).await?);
    assert!(held >= SESSIONS, "it has not come back with an older snapshot");
    Ok(())
}
