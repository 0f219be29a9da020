//! Cookies that are paths, and links that somebody planted.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::{Path, PathBuf},
};

use axum::{Router, body::Body, routing::get};
use http::{HeaderValue, Request, header};
use jam_session::{Error, FileStore, Saved, Session, SessionKey, SessionLayer, SessionStore, StoreError};
use tempfile::TempDir;
use time::Duration;
use tower::ServiceExt as _;

use super::{KEY, NOW, OTHER_KEY, draft, file_of, key};
use crate::TestResult;

/// Everything below `folder` but `without`: content, length and time.
fn tree(folder: &Path, without: &Path) -> TestResult<BTreeMap<PathBuf, String>> {
    let (mut seen, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path == without {
                continue;
            }
            let metadata = fs::symlink_metadata(&path)?;
            let content = if metadata.is_file() { fs::read(&path)? } else { Vec::new() };
            if metadata.is_dir() {
                folders.push(path.clone());
            } else {
                seen.insert(path, format!("{content:?} {:?} {:?}", metadata.modified()?, metadata.permissions()));
            }
        }
    }
    Ok(seen)
}

/// Two hundred and more ways to name a file outside of the directory.
fn names(outside: &Path) -> Vec<Vec<u8>> {
    let target = outside.as_os_str().as_bytes().to_vec();
    // Files of the test's own alone: where this fails, it must not have written over one of the machine's.
    let mut names: Vec<Vec<u8>> = vec![target.clone(), [b"/", &target[..]].concat(), [b"/.", &target[..]].concat()];
    let steps: [&[u8]; 12] = [
        b"../",
        b"..\\",
        b"%2e%2e/",
        b"%2e%2e%2f",
        b"..%2f",
        b"..%252f",
        b"....//",
        b"..;/",
        b"\xc0\xae\xc0\xae/",
        b"\xe2\x80\xa5/",
        b"./",
        b"..\0/",
    ];
    for step in steps {
        for depth in 1..=8 {
            let way = step.repeat(depth);
            names.push([&way[..], b"victim"].concat());
            names.push([&way[..], &target].concat());
            names.push([KEY.as_bytes(), &way, b"victim"].concat());
        }
    }
    let odd: [&[u8]; 10] =
        [b"..", b".", b"", b"\0", b"victim\0", b"\xff\xfe", b".jam-session/lock-00", b"CON", b"~root", b"|id"];
    names.extend(odd.map(<[u8]>::to_vec));
    names.extend([4096, 10_000].map(|length| b"../".repeat(length / 3)));
    names.push([b"../victim\0".as_slice(), KEY.as_bytes()].concat());
    names.push(KEY.to_uppercase().into_bytes());
    names.push([&KEY.as_bytes()[1..], "é".as_bytes()].concat());
    names
}

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(visits.to_string())
}

async fn leave(session: Session) -> Result<(), Error> {
    session.flush().await
}

#[tokio::test]
async fn two_hundred_cookies_that_are_paths_touch_nothing_outside() -> TestResult {
    let parent = TempDir::new()?;
    let (directory, victim) = (parent.path().join("sessions"), parent.path().join("victim"));
    fs::write(&victim, r#"{"_auth_user_id":"1"}"#)?;
    fs::write(parent.path().join("sessionidvictim"), "{}")?;
    let store = FileStore::new(&directory)?;
    let layer = SessionLayer::new(store.clone());
    let app: Router = Router::new().route("/", get(visit)).route("/leave", get(leave)).layer(layer);
    let (names, before) = (names(&victim), tree(parent.path(), &directory)?);
    assert!(names.len() >= 200, "{} names", names.len());

    let (mut sent, mut asked) = (0, 0);
    for name in &names {
        for path in ["/", "/leave"] {
            let mut request = Request::get(path).body(Body::empty())?;
            // Not every byte may stand in a header at all.
            let Ok(value) = HeaderValue::from_bytes(&[b"sessionid=", &name[..]].concat()) else { continue };
            request.headers_mut().insert(header::COOKIE, value);
            let response = app.clone().oneshot(request).await?;
            assert!(response.status().is_success(), "{name:?}: {}", response.status());
            sent += 1;
        }
        let Some(key) = std::str::from_utf8(name).ok().and_then(|text| SessionKey::parse(text).ok()) else { continue };
        assert!(!store.accepts(key.as_str()) && store.load(&key, NOW).await?.is_none() && !store.exists(&key).await?);
        store.delete(&key).await?;
        assert!(store.create(&key, &draft("{}"), NOW).await.is_err());
        asked += 1;
    }

    assert_eq!(tree(parent.path(), &directory)?, before);
    for entry in fs::read_dir(&directory)? {
        let name = entry?.file_name().into_string().map_err(|_| "a name that is text")?;
        let key = name.strip_prefix("sessionid");
        assert!(name == ".jam-session" || key.is_some_and(SessionKey::is_generated), "{name}");
    }
    println!("file: {} traversal names, {sent} as cookies and {asked} as keys: 0 changes outside", names.len());
    Ok(())
}

/// A directory of sessions, and a file outside of it that links are to lead to.
struct Scene {
    parent: TempDir,
    directory: PathBuf,
    store: FileStore,
    victim: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl Scene {
    fn new() -> TestResult<Self> {
        let parent = TempDir::new()?;
        let (directory, victim) = (parent.path().join("sessions"), parent.path().join("victim"));
        fs::write(&victim, r#"{"_auth_user_id":"1"}"#)?;
        let file = fs::File::open(&victim)?;
        file.set_modified(std::time::SystemTime::from(NOW))?;
        let before = tree(parent.path(), &directory)?;
        Ok(Self { store: FileStore::new(&directory)?, parent, directory, victim, before })
    }

    fn assert_victim_untouched(&self) -> TestResult {
        assert_eq!(tree(self.parent.path(), &self.directory)?, self.before);
        Ok(())
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_a_session_is_not_followed() -> TestResult {
    let scene = Scene::new()?;
    let store = &scene.store;
    let record = store.create(&key(KEY), &draft(r#"{"_auth_user_id":"1"}"#), NOW).await?;
    let file = file_of(&scene.directory, KEY);
    for target in [scene.victim.clone(), scene.parent.path().join("nowhere")] {
        fs::remove_file(&file)?;
        symlink(&target, &file)?;

        assert!(store.load(&key(KEY), NOW).await?.is_none(), "what the link leads to is no session");
        assert!(matches!(store.save(&record, &draft("{}"), NOW).await?, Saved::Gone));
        assert!(matches!(store.touch(&record, NOW + Duration::DAY, NOW).await?, Saved::Gone));
        assert!(matches!(store.cycle(&record, &key(OTHER_KEY), &draft("{}"), NOW).await?, Saved::Gone));
        assert!(matches!(store.create(&key(KEY), &draft("{}"), NOW).await, Err(StoreError::KeyTaken)));
        assert_eq!(store.clear_expired(NOW + Duration::weeks(99)).await?, 0);
        scene.assert_victim_untouched()?;
    }
    store.delete(&key(KEY)).await?;
    assert!(!store.exists(&key(KEY)).await?, "the link itself can be deleted");
    scene.assert_victim_untouched()?;
    println!("file: a link in the place of a session, a draft or a lock: not followed");
    Ok(())
}

#[tokio::test]
async fn a_link_in_the_place_of_a_draft_is_not_followed() -> TestResult {
    let scene = Scene::new()?;
    for shard in 0..64 {
        symlink(&scene.victim, scene.directory.join(format!(".jam-session/new-{shard:02}")))?;
    }

    let created = scene.store.create(&key(KEY), &draft(r#"{"a":1}"#), NOW).await?;
    let _ = scene.store.save(&created, &draft(r#"{"a":2}"#), NOW).await?;

    let loaded = scene.store.load(&key(KEY), NOW).await?.ok_or("the session")?;
    assert_eq!(loaded.session_data.to_json(), r#"{"a":2}"#);
    scene.assert_victim_untouched()
}

#[tokio::test]
async fn a_link_in_the_place_of_a_lock_is_an_error() -> TestResult {
    let scene = Scene::new()?;
    for shard in 0..64 {
        let lock = scene.directory.join(format!(".jam-session/lock-{shard:02}"));
        let _ = fs::remove_file(&lock);
        symlink(&scene.victim, lock)?;
    }

    let error = scene.store.create(&key(KEY), &draft("{}"), NOW).await.expect_err("there is no lock");

    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    assert!(!scene.store.exists(&key(KEY)).await?);
    scene.assert_victim_untouched()
}
