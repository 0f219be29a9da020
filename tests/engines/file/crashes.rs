//! Processes that are killed in the middle of their writes.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use jam_session::{Draft, FileStore, Raw, Record, SessionData, SessionKey, SessionStore as _};

use super::{NOW, done, folder};
use crate::TestResult;

const DIRECTORY: &str = "JAM_FILE_CRASH_DIRECTORY";
const RENEWS: &str = "JAM_FILE_CRASH_RENEWS";
const KILLS: u64 = 100;

/// The `n`th state: every part of it says which.
fn state(n: u64) -> SessionData {
    let mut data = SessionData::default();
    let filler = n.to_string().repeat(1 + (n as usize * 37) % 2_000);
    for (name, value) in [("n", Raw::new(&n)), ("filler", Raw::new(&filler)), ("again", Raw::new(&n))] {
        data.set(name, value.expect("a number or a text"));
    }
    data
}

/// Which state a session holds; `None` if it is none of them.
fn number(data: &SessionData) -> Option<u64> {
    let n = data.get("n").ok().flatten()?;
    (state(n).to_json() == data.to_json()).then_some(n)
}

fn drafted(n: u64) -> Draft {
    Draft::new(state(n), NOW + time::Duration::HOUR)
}

#[tokio::test]
#[ignore = "the process that other tests kill; by itself it does nothing"]
async fn writes_until_it_is_killed() -> TestResult {
    let Some(directory) = env::var_os(DIRECTORY) else { return Ok(()) };
    let store = FileStore::new(directory)?;
    let mut record = store.create(&SessionKey::parse(&fresh(0))?, &drafted(0), NOW).await?;
    let began = Instant::now();
    for n in 1.. {
        told(&record, n - 1)?;
        let saved = if env::var_os(RENEWS).is_some() {
            store.cycle(&record, &SessionKey::parse(&fresh(n))?, &drafted(n), NOW).await?
        } else {
            store.save(&record, &drafted(n), NOW).await?
        };
        record = done(saved);
        assert!(began.elapsed() < Duration::from_secs(60), "nobody kills this process");
    }
    Ok(())
}

/// Keys in a row, so that both processes know them.
fn fresh(n: u64) -> String {
    format!("{n:032}")
}

/// What the parent hears is acknowledged.
fn told(record: &Record, n: u64) -> TestResult {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nacknowledged {n} {}", record.session_key.as_str())?;
    Ok(out.flush()?)
}

/// Kills a process after that long, and gives the last state that it knew to be stored.
fn killed(directory: &Path, renews: bool, after: Duration) -> TestResult<(u64, String)> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--exact", "file::crashes::writes_until_it_is_killed", "--ignored", "--nocapture"]);
    command.env(DIRECTORY, directory).stdout(Stdio::piped()).stderr(Stdio::null());
    if renews {
        command.env(RENEWS, "1");
    }
    let mut child = command.spawn()?;
    let mut last = None;
    let lines = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines();
    let mut killer = None;
    for line in lines.map_while(Result::ok) {
        let Some(words) = line.strip_prefix("acknowledged ") else { continue };
        let Some((n, key)) = words.split_once(' ') else { continue };
        // The last line may have been cut off.
        if key.len() == 32 {
            last = Some((n.parse()?, key.to_owned()));
        }
        if killer.is_none() {
            let pid = child.id().to_string();
            killer = Some(std::thread::spawn(move || {
                // The moment is random; nothing waits for it to be late enough.
                let began = Instant::now();
                while began.elapsed() < after {
                    std::thread::yield_now();
                }
                Command::new("kill").args(["-9", &pid]).status()
            }));
        }
    }
    killer.ok_or("the process ended before it began")?.join().map_err(|_| "the killer")??;
    assert!(!child.wait()?.success(), "it was killed");
    last.ok_or_else(|| "nothing was acknowledged".into())
}

/// The sessions in the directory.
async fn sessions(directory: &Path, store: &FileStore) -> TestResult<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().into_string().map_err(|_| "a name that is text")?;
        let Some(key) = name.strip_prefix("sessionid") else { continue };
        let record = store.load(&SessionKey::parse(key)?, NOW).await?.ok_or("a session that lives for an hour")?;
        found.push((key.to_owned(), number(&record.session_data).ok_or("a torn session")?));
    }
    found.sort();
    Ok(found)
}

#[tokio::test]
async fn a_process_killed_100_times_while_it_saves_leaves_a_whole_session() -> TestResult {
    let (mut newer, mut states, mut drafts) = (0, 0, 0);
    for run in 0..KILLS {
        let directory = folder();
        let (acknowledged, key) =
            killed(directory.path(), false, Duration::from_micros(rand::random_range(0..20_000)))?;
        drafts += u64::from(std::fs::read_dir(directory.path().join(".jam-session"))?.count() > 2);

        let store = FileStore::new(directory.path())?;
        let found = sessions(directory.path(), &store).await?;
        assert_eq!(found.len(), 1, "run {run}: {found:?}");
        let n = found[0].1;
        assert!(n == acknowledged || n == acknowledged + 1, "run {run}: {n} after {acknowledged} was acknowledged");
        newer += u64::from(n > acknowledged);
        states += n;

        // Whoever comes next is not in the way of what was left behind.
        let loaded = store.load(&SessionKey::parse(&key)?, NOW).await?.ok_or("the session")?;
        done(store.save(&loaded, &drafted(1), NOW).await?);
    }
    println!(
        "file: {KILLS} processes killed while saving ({states} saves): 0 torn, 0 lost, {newer} newer than acknowledged, \
         {drafts} drafts left behind"
    );
    assert!(states > 0, "no process got as far as to save");
    Ok(())
}

#[tokio::test]
async fn a_process_killed_while_it_renews_keys_leaves_one_that_its_visitor_knows() -> TestResult {
    let (mut cycles, mut both, mut unknown) = (0, 0, 0);
    for run in 0..KILLS / 2 {
        let directory = folder();
        let (acknowledged, key) = killed(directory.path(), true, Duration::from_micros(rand::random_range(0..20_000)))?;

        let store = FileStore::new(directory.path())?;
        let found = sessions(directory.path(), &store).await?;
        let old = found.iter().any(|(found, n)| *found == key && *n == acknowledged);
        let new = found.iter().any(|(found, n)| *found == fresh(acknowledged + 1) && *n == acknowledged + 1);
        assert!(old || new, "run {run}: the session is lost: {found:?} after {acknowledged}");
        assert_eq!(found.len(), usize::from(old) + usize::from(new), "run {run}: {found:?}");
        cycles += acknowledged;
        both += u64::from(old && new);
        unknown += u64::from(new && !old);
    }
    println!(
        "file: {} processes killed while renewing keys ({cycles} renewed): 0 torn, 0 lost, {unknown} just renewed, \
         {both} with a new key that nobody was told beside the old one",
        KILLS / 2
    );
    Ok(())
}
