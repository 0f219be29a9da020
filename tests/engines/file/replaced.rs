//! Files that are replaced while somebody reads them, waits for them or ends their session.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jam_session::{Error, FileStore, SessionKey, SessionLayer, SessionStore as _};
use tokio::{task::JoinSet, time::timeout};

use super::{KEY, NOW, done, draft, file_of, folder, key};
use crate::TestResult;

/// What nothing here takes unless it waits for a writer that never comes.
const PATIENCE: Duration = Duration::from_secs(10);
const OURS: &str = r#"{"a":1}"#;

/// Replaces a file again and again, in a thread, until it is dropped.
struct Replacing {
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<std::io::Result<u64>>>,
}

impl Replacing {
    fn start(mut replace: impl FnMut(u64) -> std::io::Result<()> + Send + 'static) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            let mut times = 0;
            while !stop.load(Ordering::Relaxed) {
                replace(times)?;
                times += 1;
            }
            Ok(times)
        });
        Self { ends, thread: Some(thread) }
    }

    /// How often the file was replaced.
    fn end(mut self) -> TestResult<u64> {
        self.ends.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or("it ends once")?;
        Ok(thread.join().map_err(|_| "the thread panicked")??)
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// Writes a file that is a session of the time of these tests.
fn write_session(path: &Path) -> std::io::Result<()> {
    fs::write(path, OURS)?;
    File::open(path)?.set_modified(NOW.into())
}

/// Puts another file in the place of a file, which is never missing.
fn put(other: &Path, file: &Path) -> std::io::Result<()> {
    let draft = other.with_extension("draft");
    fs::hard_link(other, &draft)?;
    fs::rename(&draft, file)
}

#[tokio::test]
async fn a_session_is_found_however_often_its_file_is_replaced() -> TestResult {
    let directory = folder();
    let store = FileStore::new(directory.path())?;
    store.create(&key(KEY), &draft(OURS), NOW).await?;
    let (two, file) = (["one", "other"].map(|name| directory.path().join(name)), file_of(directory.path(), KEY));
    two.iter().try_for_each(|path| write_session(path))?;
    let replacing = Replacing::start(move |number| put(&two[usize::from(number % 2 == 0)], &file));

    let mut anonymous = 0;
    for _ in 0..4_000 {
        let loaded = store.load(&key(KEY), NOW).await?;
        anonymous += u64::from(loaded.is_none_or(|loaded| loaded.session_data.to_json() != OURS));
    }

    let times = replacing.end()?;
    println!("file: 4000 reads of a file that was replaced {times} times: {anonymous} anonymous");
    assert_eq!(anonymous, 0);
    Ok(())
}

/// Things that an attacker may put in the place of a file.
struct Planted {
    parent: tempfile::TempDir,
    victim: PathBuf,
    pipe: PathBuf,
    session: PathBuf,
}

impl Planted {
    fn new() -> TestResult<Self> {
        let parent = folder();
        let [victim, pipe, session] = ["victim", "pipe", "session"].map(|name| parent.path().join(name));
        write_session(&session)?;
        fs::write(&victim, r#"{"_auth_user_id":"1"}"#)?;
        assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
        Ok(Self { parent, victim, pipe, session })
    }

    /// Puts a link, a pipe, a link to a device and a link to a pipe in the place of the file, and a session after each.
    fn swap(&self, file: &Path, number: u64) -> std::io::Result<()> {
        let target = match number % 8 {
            0 => self.victim.as_path(),
            2 => return put(&self.pipe, file),
            4 => Path::new("/dev/zero"),
            6 => self.pipe.as_path(),
            _ => return put(&self.session, file),
        };
        let link = self.parent.path().join("link");
        symlink(target, &link)?;
        fs::rename(&link, file)
    }

    /// Lets go of all who wait for somebody at the other end of the pipe.
    fn release(&self) -> TestResult {
        File::options().read(true).write(true).open(&self.pipe)?;
        Ok(())
    }
}

#[tokio::test]
async fn what_is_swapped_in_for_a_session_is_neither_followed_nor_waited_for() -> TestResult {
    let directory = folder();
    let store = FileStore::new(directory.path())?;
    let created = store.create(&key(KEY), &draft(OURS), NOW).await?;
    let planted = Arc::new(Planted::new()?);
    let (before, file) = (fs::metadata(&planted.victim)?, file_of(directory.path(), KEY));
    let swapping = Arc::clone(&planted);
    let replacing = Replacing::start(move |number| swapping.swap(&file, number));

    let mut found = 0;
    for number in 0..12_000 {
        let later = NOW + time::Duration::minutes(number % 50);
        let reads = async {
            if number % 8 == 0 {
                let _ = store.touch(&created, later, NOW).await?;
            }
            store.load(&key(KEY), NOW).await
        };
        let Ok(read) = timeout(PATIENCE, reads).await else {
            replacing.end()?;
            planted.release()?;
            panic!("a thread waits for what is in the place of a file");
        };
        if let Some(loaded) = read? {
            assert_eq!(loaded.session_data.to_json(), OURS, "what a link leads to is no session");
            found += 1;
        }
    }

    let times = replacing.end()?;
    println!(
        "file: {times} swaps with links, pipes and devices: 0 followed, 0 waited for, the session found {found} times"
    );
    let after = fs::metadata(&planted.victim)?;
    assert_eq!((after.modified()?, after.len()), (before.modified()?, before.len()), "the victim is left alone");
    assert_eq!(fs::read_to_string(&planted.victim)?, r#"{"_auth_user_id":"1"}"#);
    Ok(())
}

/// The file with which the writers of a session take turns: the one that only its write has made.
async fn lock_of(store: &FileStore, directory: &Path) -> TestResult<PathBuf> {
    let workshop = directory.join(".jam-session");
    fs::remove_file(workshop.join("lock-00"))?;
    store.create(&key(KEY), &draft(OURS), NOW).await?;
    let names = fs::read_dir(workshop)?.collect::<Result<Vec<_>, _>>()?;
    let lock = names.into_iter().map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("lock-"));
    lock.ok_or_else(|| "a lock".into())
}

/// Returns when somebody waits for the lock of this file. `false` where the system does not say.
async fn somebody_waits_for(lock: &File) -> TestResult<bool> {
    let inode = format!(":{} ", lock.metadata()?.ino());
    let waiting = async {
        loop {
            let Ok(locks) = fs::read_to_string("/proc/locks") else { return false };
            if locks.lines().any(|line| line.contains("->") && line.contains(&inode)) {
                return true;
            }
            tokio::task::yield_now().await;
        }
    };
    Ok(timeout(PATIENCE, waiting).await?)
}

fn locked(path: &Path) -> TestResult<File> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    Ok(file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_removed_while_it_is_waited_for_is_taken_anew() -> TestResult {
    let directory = folder();
    let store = FileStore::new(directory.path())?;
    let path = lock_of(&store, directory.path()).await?;
    let loaded = store.load(&key(KEY), NOW).await?.ok_or("the session")?;
    let held = locked(&path)?;
    let saving = tokio::spawn({
        let store = store.clone();
        async move { store.save(&loaded, &draft(r#"{"a":2}"#), NOW).await }
    });
    if !somebody_waits_for(&held).await? {
        println!("SKIPPED: this system does not say who waits for a lock; nothing was checked");
        return Ok(());
    }

    // Another process has another file by that name, and its lock.
    fs::remove_file(&path)?;
    let replaced = locked(&path)?;
    drop(held);
    assert!(somebody_waits_for(&replaced).await?, "the lock of a file that is gone excludes no other process");
    assert_eq!(fs::read_to_string(file_of(directory.path(), KEY))?, OURS);
    fs::remove_file(&path)?;
    drop(replaced);

    let saved = done(timeout(PATIENCE, saving).await???);
    assert_eq!(saved.session_data.to_json(), r#"{"a":2}"#);
    assert!(path.exists(), "the lock was made anew");
    Ok(())
}

/// What came of many requests at once.
#[derive(Debug, Default)]
struct Figures {
    reads: AtomicU64,
    anonymous: AtomicU64,
    writes: AtomicU64,
    under_another_key: AtomicU64,
}

/// Reads a session and writes to it, until that many reads and a tenth as many writes are done.
async fn read_beside_writers(reads: u64) -> TestResult<Arc<Figures>> {
    let directory = folder();
    let layer = SessionLayer::new(FileStore::new(directory.path())?).save_deadline(Duration::from_secs(60));
    let layer = layer.load_deadline(Duration::from_secs(60));
    let session = layer.create().await?;
    session.insert("n", &0)?;
    session.save().await?;
    let key = session.session_key().ok_or("it is stored")?;
    let (figures, mut tasks) = (Arc::new(Figures::default()), JoinSet::new());
    for number in 0..12 {
        let (layer, key, figures) = (layer.clone(), key.clone(), Arc::clone(&figures));
        let writes = number < 4;
        tasks.spawn(async move {
            while figures.reads.load(Ordering::Relaxed) < reads || figures.writes.load(Ordering::Relaxed) < reads / 10 {
                read_or_write(&layer, &key, writes, &figures).await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let counted = layer.open(&key).await?.require::<u64>("n")?;
    let writes = figures.writes.load(Ordering::Relaxed);
    assert_eq!(counted, writes, "{figures:?}: an acknowledged change is lost");
    Ok(figures)
}

async fn read_or_write(layer: &SessionLayer, key: &SessionKey, writes: bool, figures: &Figures) -> Result<(), Error> {
    let session = layer.open(key).await?;
    let is_anonymous = session.session_key().is_none();
    figures.reads.fetch_add(1, Ordering::Relaxed);
    figures.anonymous.fetch_add(u64::from(is_anonymous), Ordering::Relaxed);
    if writes {
        session.modify("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
        session.save().await?;
        figures.writes.fetch_add(1, Ordering::Relaxed);
        let other = session.session_key().is_none_or(|other| other != *key);
        figures.under_another_key.fetch_add(u64::from(other), Ordering::Relaxed);
    }
    Ok(())
}

fn assert_all_found(figures: &Figures) {
    println!("file: readers beside 4 writers of one session: {figures:?}");
    assert_eq!(figures.anonymous.load(Ordering::Relaxed), 0);
    assert_eq!(figures.under_another_key.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_anonymous_beside_writers() -> TestResult {
    assert_all_found(&*read_beside_writers(3_000).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "the same with 35,000 reads takes longer than a normal run is to take"]
async fn nobody_of_35_000_is_anonymous_beside_writers() -> TestResult {
    assert_all_found(&*read_beside_writers(35_000).await?);
    Ok(())
}

/// Ends one session that others keep changing; returns whether it was ended as the answer said.
async fn log_out_beside_writers(layer: SessionLayer) -> TestResult<bool> {
    let session = layer.create().await?;
    session.insert("user", &7)?;
    session.save().await?;
    let key = session.session_key().ok_or("it is stored")?;
    let mut writers = JoinSet::new();
    for _ in 0..3 {
        let (layer, key) = (layer.clone(), key.clone());
        writers.spawn(async move {
            loop {
                let session = layer.open(&key).await?;
                if session.session_key().is_none() {
                    return Ok(());
                }
                session.modify("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
                match session.save().await {
                    Err(Error::SessionInterrupted) => return Ok(()),
                    saved => saved?,
                }
            }
        });
    }
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    layer.open(&key).await?.flush().await?;
    let ended = !layer.exists(&key).await?;
    // Without this the writers of a session that was not ended would go on for ever.
    layer.delete(&key).await?;
    while let Some(writer) = writers.join_next().await {
        writer.map_err(|_| "a writer panicked")?.map_err(|error: Error| error)?;
    }
    Ok(ended && !layer.exists(&key).await?)
}

async fn log_out_often(logouts: usize) -> TestResult {
    let directory = folder();
    let layer = SessionLayer::new(FileStore::new(directory.path())?).save_deadline(Duration::from_secs(60));
    let layer = layer.load_deadline(Duration::from_secs(60));
    let mut lost = 0;
    for _ in 0..logouts / 4 {
        let four = [(); 4].map(|()| tokio::spawn(log_out_beside_writers(layer.clone())));
        for one in four {
            lost += u64::from(!one.await??);
        }
    }
    println!("file: {logouts} acknowledged logouts beside 3 writers each: {lost} lost");
    assert_eq!(lost, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_acknowledged_logout_beside_writers_is_not_lost() -> TestResult {
    log_out_often(80).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "the same with 2,400 logouts takes longer than a normal run is to take"]
async fn none_of_2_400_acknowledged_logouts_beside_writers_is_lost() -> TestResult {
    log_out_often(2_400).await
}
