//! A running Django with `cached_db` over its own Redis cache, on the table that we write, too.

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use jam_session::{DjangoCache, RedisCache, SessionKey, SessionLayer, Signer, SqliteStore};
use tempfile::TempDir;

use super::{
    TestResult,
    server::{Server, until},
};
use crate::python::with_django;

const SECRET_KEY: &str = "a-secret-key-of-this-test-alone";

/// Ends when it is dropped.
struct Django {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Django {
    fn start(python: &Path, database: &Path, redis: &str) -> TestResult<(Self, String)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/django/cached_db.py");
        let mut command = Command::new(python);
        command.arg(script).arg(database).args([redis, SECRET_KEY]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (process.stdin.take().ok_or("a pipe")?, process.stdout.take().ok_or("a pipe")?);
        let mut django = Self { process, input, output: BufReader::new(output).lines() };
        let version = django.answer()?;
        Ok((django, version))
    }

    fn ask(&mut self, line: &str) -> TestResult<String> {
        self.tell(line)?;
        self.answer()
    }

    fn tell(&mut self, line: &str) -> TestResult {
        Ok(writeln!(self.input, "{line}")?)
    }

    fn answer(&mut self) -> TestResult<String> {
        let answer = self.output.next().ok_or("Django has ended")??;
        if answer.starts_with("error:") { Err(answer.into()) } else { Ok(answer) }
    }
}

impl Drop for Django {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Both sides over one table and one Redis.
struct Scene {
    django: Django,
    version: String,
    ours: SessionLayer,
    store: DjangoCache<SqliteStore, RedisCache>,
    redis: Server,
    _home: TempDir,
}

async fn scene() -> TestResult<Option<Scene>> {
    let (Some(python), Some(redis)) = (with_django("5.2"), Server::start(&[])?) else { return Ok(None) };
    let home = TempDir::new()?;
    let database = home.path().join("db.sqlite3");
    let url = redis.url().replace("/0", "/1");
    let (django, version) = Django::start(&python, &database, &url)?;
    let url = format!("sqlite:{}", database.display());
    let store = || -> std::pin::Pin<Box<dyn Future<Output = TestResult<_>>>> {
        let (url, redis) = (url.clone(), redis.url().replace("/0", "/1"));
        Box::pin(async move {
            let table = SqliteStore::connect(&url).await?.signing(Signer::new(SECRET_KEY));
            Ok(DjangoCache::new(table, RedisCache::connect(&redis)?).key_prefix("shop").version(3))
        })
    };
    let (ours, store) = (SessionLayer::new(store().await?), store().await?);
    Ok(Some(Scene { django, version, ours, store, redis, _home: home }))
}

impl Scene {
    /// A user whom Django has logged in, and whose session it has cached.
    fn login(&mut self, name: &str) -> TestResult<SessionKey> {
        let key = self.django.ask(&format!("login {name}"))?;
        assert_eq!(self.django.ask(&format!("who {key}"))?, name);
        assert_eq!(self.django.ask(&format!("cached {key}"))?, "true", "there would be nothing to keep in step");
        Ok(SessionKey::parse(&key)?)
    }

    fn django(&mut self, verb: &str, key: &SessionKey) -> TestResult<String> {
        self.django.ask(&format!("{verb} {}", key.as_str()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn django_sees_what_we_do_at_once() -> TestResult {
    let Some(mut scene) = scene().await? else { return Ok(()) };
    let started = Instant::now();
    let mut seen = [0; 3];
    for round in 0..20 {
        let (name, key) = (format!("user{round}"), scene.login(&format!("user{round}"))?);
        let session = scene.ours.open(&key).await?;
        session.insert("cart", &["book", "pen"])?;
        session.save().await?;
        assert!(scene.django("read", &key)?.contains(r#""cart": ["book", "pen"]"#));
        assert_eq!(scene.django("who", &key)?, name);
        seen[0] += 1;

        let session = scene.ours.open(&key).await?;
        session.cycle_key()?;
        session.save().await?;
        let renewed = session.session_key().ok_or("a key")?;
        assert_eq!(scene.django("who", &key)?, "nobody", "the old key is refused");
        assert_eq!(scene.django("who", &renewed)?, name);
        seen[1] += 1;

        scene.ours.open(&renewed).await?.flush().await?;
        assert_eq!(scene.django("who", &renewed)?, "nobody");
        assert_eq!(scene.django("read", &renewed)?, "{}");
        seen[2] += 1;
    }
    println!(
        "django_cache: Django {} saw {} of 20 changes, {} of 20 new keys and {} of 20 logouts at once, {} ms",
        scene.version,
        seen[0],
        seen[1],
        seen[2],
        started.elapsed().as_millis()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_see_what_django_does_at_once() -> TestResult {
    let Some(mut scene) = scene().await? else { return Ok(()) };
    let key = scene.login("ann")?;

    assert_eq!(scene.django.ask(&format!("set {} visits 7", key.as_str()))?, "saved");

    assert_eq!(scene.ours.open(&key).await?.get::<u64>("visits")?, Some(7));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_django_puts_back_late_is_removed_again() -> TestResult {
    let Some(mut scene) = scene().await? else { return Ok(()) };
    let key = scene.login("ann")?;
    scene.store.forget(&key).await;
    scene.django.tell(&format!("slow-read {}", key.as_str()))?;
    assert_eq!(scene.django.answer()?, "has read");

    scene.ours.open(&key).await?.flush().await?;
    let ended = Instant::now();
    scene.django.tell("go on")?;
    assert!(scene.django.answer()?.contains("_auth_user_id"), "that request began before the logout");
    assert_eq!(scene.django("who", &key)?, "ann", "the race is there, or this shows nothing");

    until(Duration::from_secs(10), || scene.django("who", &key).is_ok_and(|who| who == "nobody"))?;
    println!("django_cache: an entry put back after the logout was gone after {} ms", ended.elapsed().as_millis());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_while_the_cache_is_out_of_reach_is_made_up_for() -> TestResult {
    let Some(mut scene) = scene().await? else { return Ok(()) };
    let key = scene.login("ann")?;
    // Only our side cannot reach it.
    scene.redis.cli(&["ACL", "SETUSER", "default", "-del"])?;

    scene.ours.open(&key).await?.flush().await?;
    assert_eq!(scene.django("who", &key)?, "ann", "the entry is still there, or this shows nothing");
    scene.redis.cli(&["ACL", "SETUSER", "default", "+del"])?;

    until(Duration::from_secs(20), || scene.django("who", &key).is_ok_and(|who| who == "nobody"))
}
