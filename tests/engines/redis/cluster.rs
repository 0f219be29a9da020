//! A Cluster of three nodes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jam_session::{Cache as _, RedisCache};
use tokio::task::JoinSet;

use super::{
    MINUTE, TestResult, answers,
    server::{Server, free_port, run, until},
};

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start() -> TestResult<Option<Self>> {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let bus = free_port().to_string();
            let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000"];
            let Some(node) = Server::start(&arguments)? else { return Ok(None) };
            nodes.push(node);
        }
        let cluster = Self { nodes };
        let mut create = std::process::Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        run(create.arg("--cluster-yes"))?;
        cluster.settled()?;
        Ok(Some(cluster))
    }

    /// Waits until every node knows of all slots.
    pub(crate) fn settled(&self) -> TestResult {
        until(Duration::from_secs(30), || {
            self.nodes.iter().all(|node| {
                let info = node.cli(&["CLUSTER", "INFO"]).unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
        })
    }

    pub(crate) fn cache(&self) -> TestResult<RedisCache> {
        let urls: Vec<_> = self.nodes.iter().map(Server::url).collect();
        Ok(RedisCache::cluster(&urls.iter().map(String::as_str).collect::<Vec<_>>())?)
    }

    /// The place of the node that serves a slot, by asking the first one.
    fn owner(&self, slot: u16) -> TestResult<usize> {
        let mut owner = None;
        for (place, node) in self.nodes.iter().enumerate() {
            let slots = node.cli(&["CLUSTER", "NODES"])?;
            let own = slots.lines().find(|line| line.contains("myself")).unwrap_or_default();
            let serves = own.split_whitespace().skip(8).filter(|range| !range.starts_with('[')).any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let bound = |text: &str| text.parse().unwrap_or(u16::MAX);
                (bound(first)..=bound(last)).contains(&slot)
            });
            if serves {
                owner = Some(place);
            }
        }
        owner.ok_or_else(|| "nobody serves this slot".into())
    }

    fn id(&self, place: usize) -> TestResult<String> {
        self.nodes[place].cli(&["CLUSTER", "MYID"])
    }
}

#[tokio::test]
async fn every_verb_works_on_each_node() -> TestResult {
    let Some(cluster) = Cluster::start()? else { return Ok(()) };
    let cache = cluster.cache()?;
    let mut used = BTreeSet::new();
    for n in 0..60 {
        let key = format!("key-{n}");
        used.insert(cluster.owner(cluster.nodes[0].cli(&["CLUSTER", "KEYSLOT", &key])?.parse()?)?);
        assert!(cache.add(&key, b"1", MINUTE).await?);
        assert!(!cache.add(&key, b"x", MINUTE).await?);
        assert!(cache.compare_and_set(&key, b"1", b"2", MINUTE).await?);
        assert!(!cache.compare_and_set(&key, b"1", b"3", MINUTE).await?);
        cache.set(&key, b"4", MINUTE).await?;
        assert_eq!(cache.get(&key).await?.as_deref(), Some(b"4".as_slice()));
        assert!(cache.delete(&key).await?);
        assert_eq!(cache.get(&key).await?, None);
    }
    assert_eq!(used.len(), 3, "the keys were on {used:?}");
    Ok(())
}

#[tokio::test]
async fn one_url_leads_to_all_nodes() -> TestResult {
    let Some(cluster) = Cluster::start()? else { return Ok(()) };
    let cache = RedisCache::cluster(&[&cluster.nodes[1].url()])?;
    for n in 0..30 {
        cache.set(&format!("key-{n}"), b"1", MINUTE).await?;
    }
    let counts: TestResult<Vec<String>> = cluster.nodes.iter().map(|node| node.cli(&["DBSIZE"])).collect();
    assert!(counts?.iter().all(|count| count != "0"));
    Ok(())
}

/// The keys of one slot go to another node while 16 writers count in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_loses_no_count() -> TestResult {
    let Some(cluster) = Cluster::start()? else { return Ok(()) };
    let cache = cluster.cache()?;
    let keys: Vec<_> = (0..8).map(|n| format!("{{jam}}{n}")).collect();
    for key in &keys {
        cache.set(key, b"0", MINUTE).await?;
    }
    let slot: u16 = cluster.nodes[0].cli(&["CLUSTER", "KEYSLOT", "{jam}"])?.parse()?;
    let from = cluster.owner(slot)?;
    let to = (from + 1) % 3;

    let mut writers = JoinSet::new();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    for n in 0..16_usize {
        writers.spawn(counts(cache.clone(), keys[n % 8].clone(), stop.clone()));
    }
    let moving = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let moved = move_slot(&cluster, slot, from, to, &keys).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        moved
    };
    let (asked, counted) = tokio::join!(moving, writers.join_all());
    let asked = asked?;

    let counted: u64 = counted.into_iter().sum::<Result<u64, _>>()?;
    let mut stored = 0;
    for key in &keys {
        let value = cache.get(key).await?.ok_or("it is there")?;
        stored += std::str::from_utf8(&value)?.parse::<u64>()?;
    }
    println!("redis: {counted} counts while a slot moved, {asked} redirections");
    assert_eq!(stored, counted);
    assert!(asked > 0, "no node sent anybody to another one");
    assert_eq!(cluster.owner(slot)?, to);
    Ok(())
}

/// Adds one as often as it can, and says how often that was.
async fn counts(
    cache: RedisCache,
    key: String,
    stop: Arc<std::sync::atomic::AtomicBool>,
) -> Result<u64, jam_session::BoxError> {
    let mut counted = 0;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let seen = cache.get(&key).await?.ok_or("it is there")?;
        let next = std::str::from_utf8(&seen)?.parse::<u64>()? + 1;
        counted += u64::from(cache.compare_and_set(&key, &seen, next.to_string().as_bytes(), MINUTE).await?);
    }
    Ok(counted)
}

/// Moves a slot as `redis-cli --cluster reshard` does, key by key, and says how many redirections the nodes gave.
async fn move_slot(cluster: &Cluster, slot: u16, from: usize, to: usize, keys: &[String]) -> TestResult<u64> {
    let slot = slot.to_string();
    let (source, target) = (&cluster.nodes[from], &cluster.nodes[to]);
    target.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(from)?])?;
    source.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(to)?])?;
    let port = target.port.to_string();
    for key in keys {
        source.cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"])?;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    for node in [target, source] {
        node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &cluster.id(to)?])?;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut redirections = 0;
    for node in &cluster.nodes {
        let errors = node.cli(&["INFO", "errorstats"])?;
        let of = |line: &str| -> Option<u64> { line.trim().rsplit_once("count=")?.1.parse().ok() };
        let redirecting = errors.lines().filter(|line| line.contains("_ASK:") || line.contains("_MOVED:"));
        redirections += redirecting.filter_map(of).sum::<u64>();
    }
    Ok(redirections)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_killed_is_found_again() -> TestResult {
    let Some(mut cluster) = Cluster::start()? else { return Ok(()) };
    let cache = cluster.cache()?;
    for node in 0..3 {
        cluster.nodes[node].kill();
        let mut failed = 0;
        for n in 0..30 {
            failed += u32::from(cache.get(&format!("key-{n}")).await.is_err());
        }
        assert!(failed > 0, "a node was killed and nobody noticed");
        cluster.nodes[node].run()?;
        cluster.settled()?;
        for n in 0..30 {
            let key = format!("key-{n}");
            until_set(&cache, &key).await?;
            assert_eq!(cache.get(&key).await?.as_deref(), Some(b"1".as_slice()));
        }
    }
    answers(&cache).await.map(drop)
}

async fn until_set(cache: &RedisCache, key: &str) -> TestResult {
    let started = std::time::Instant::now();
    while let Err(error) = cache.set(key, b"1", MINUTE).await {
        if started.elapsed() > Duration::from_secs(20) {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
