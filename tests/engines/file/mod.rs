//! `FileStore`.

mod attacks;
mod crashes;
mod django;
mod full;
mod opening;
mod permissions;
mod planted;
mod processes;
mod replaced;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use jam_session::{Draft, FileStore, Record, Saved, SessionKey, SessionStore, Signer, StoreError, session_store_tests};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::TestResult;

session_store_tests!(plain, plain_files());
session_store_tests!(signed, signed_files());
session_store_tests!(shared_directory, files_beside_others());

const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const OTHER_KEY: &str = "0123456789abcdefghijklmnopqrstuv";
/// 2023-11-14 22:13:20.25 UTC: where the traces of Django stand, too.
const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::milliseconds(1_700_000_000_250));

/// A directory that is for this user alone.
fn folder() -> TempDir {
    let ours = fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(ours).tempdir().expect("a temporary directory")
}

async fn plain_files() -> (FileStore, TempDir) {
    let directory = folder();
    (FileStore::new(directory.path()).expect("a directory of our own"), directory)
}

async fn signed_files() -> (FileStore, TempDir) {
    let (store, directory) = plain_files().await;
    (store.signing(Signer::new("secret")), directory)
}

async fn files_beside_others() -> (FileStore, TempDir) {
    let directory = TempDir::new().expect("a temporary directory");
    (FileStore::in_shared_directory(directory.path()).expect("a directory that is there"), directory)
}

fn key(text: &str) -> SessionKey {
    SessionKey::parse(text).expect("a key")
}

fn draft(json: &str) -> Draft {
    Draft::new(json.parse().expect("an object"), NOW + Duration::HOUR)
}

fn file_of(directory: &Path, key: &str) -> PathBuf {
    directory.join(format!("sessionid{key}"))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or(error.to_string(), |cause| format!("{error}: {}", chain(cause)))
}

fn done(saved: Saved) -> Record {
    match saved {
        Saved::Done(record) => record,
        other => panic!("expected Done, not {other:?}"),
    }
}

#[tokio::test]
async fn another_handle_of_the_directory_sees_the_same_sessions() -> TestResult {
    let (store, directory) = plain_files().await;
    let created = store.create(&key(KEY), &draft(r#"{"a":1}"#), NOW).await?;
    let other = FileStore::new(directory.path())?;

    let loaded = other.load(&key(KEY), NOW).await?.ok_or("the session")?;
    assert!(loaded.stored == created.stored);
    done(other.save(&loaded, &draft(r#"{"a":2}"#), NOW).await?);

    assert!(matches!(store.save(&created, &draft("{}"), NOW).await?, Saved::Conflict(_)));
    Ok(())
}

#[tokio::test]
async fn an_instant_of_the_sessions_own_ends_it_whoever_wrote_the_file() -> TestResult {
    let (store, directory) = plain_files().await;
    let json = r#"{"_session_expiry":"2023-11-14T23:13:20.250000+00:00"}"#;
    let created = store.create(&key(KEY), &draft(json), NOW).await?;
    assert_eq!(created.expire_date, NOW + Duration::HOUR);

    let file = fs::File::open(file_of(directory.path(), KEY))?;
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)?;

    assert_eq!(store.load(&key(KEY), NOW).await?.ok_or("the session")?.expire_date, NOW + Duration::HOUR);
    assert!(store.load(&key(KEY), NOW + Duration::HOUR).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn what_lies_in_the_directory_beside_sessions_is_left_alone() -> TestResult {
    let (store, directory) = plain_files().await;
    let foreign = ["notes.txt", "sessionid", "sessionidUPPER", ".sessionid", &format!("other{KEY}")].map(str::to_owned);
    for name in &foreign {
        fs::write(directory.path().join(name), "{}")?;
    }
    fs::create_dir(file_of(directory.path(), OTHER_KEY))?;
    store.create(&key(KEY), &draft("{}"), NOW).await?;

    assert_eq!(store.clear_expired(NOW + Duration::weeks(9999)).await?, 1);

    assert!(foreign.iter().all(|name| directory.path().join(name).exists()));
    assert!(file_of(directory.path(), OTHER_KEY).is_dir());
    Ok(())
}

#[tokio::test]
async fn what_does_not_verify_is_nobody_s_to_clear_away() -> TestResult {
    let (signed, directory) = signed_files().await;
    let cleaner = FileStore::new(directory.path())?;
    signed.create(&key(KEY), &draft(r#"{"_session_expiry":3600}"#), NOW).await?;
    signed.create(&key(OTHER_KEY), &Draft::new("{}".parse()?, NOW + Duration::weeks(3)), NOW).await?;
    let damaged = file_of(directory.path(), &"d".repeat(32));
    fs::write(&damaged, "damaged")?;

    // Without the secret nobody knows how long the signed ones are to live.
    assert_eq!(cleaner.clear_expired(NOW + Duration::weeks(2)).await?, 0);
    assert_eq!(signed.clear_expired(NOW + Duration::MINUTE).await?, 0);
    assert_eq!(signed.clear_expired(NOW + Duration::weeks(2)).await?, 1);

    assert!(signed.load(&key(OTHER_KEY), NOW).await?.is_some());
    assert!(damaged.exists(), "what does not decode is somebody else's");
    let error = cleaner.load(&key(OTHER_KEY), NOW).await.expect_err("it is signed");
    assert!(matches!(error, StoreError::Undecodable(_)), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_too_large_is_an_error_and_is_not_read_to_its_end() -> TestResult {
    let (store, directory) = plain_files().await;
    let file = fs::File::create(file_of(directory.path(), KEY))?;
    file.set_len(1 << 40)?;

    let error = store.load(&key(KEY), NOW).await.expect_err("a terabyte");

    assert!(matches!(error, StoreError::Undecodable(_)) && chain(&error).contains("the limit is"), "{error:?}");
    assert_eq!(store.clear_expired(NOW).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_time_that_the_file_system_cannot_keep_is_an_error_and_the_old_session_stands() -> TestResult {
    let (store, _directory) = plain_files().await;
    let created = store.create(&key(KEY), &draft(r#"{"a":1}"#), NOW).await?;
    let in_the_year_9000 = NOW + Duration::days(365 * 7000);

    match store.save(&created, &Draft::new("{}".parse()?, in_the_year_9000), NOW).await {
        Ok(saved) => assert_eq!(done(saved).expire_date, in_the_year_9000, "this file system can"),
        Err(error) => {
            assert!(chain(&error).contains("does not keep this time"), "{}", chain(&error));
            assert_eq!(store.load(&key(KEY), NOW).await?.ok_or("the session")?.session_data.to_json(), r#"{"a":1}"#);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_no_store_draws_has_no_file() -> TestResult {
    let (store, _directory) = plain_files().await;
    let short = key("abc");

    assert!(store.load(&short, NOW).await?.is_none() && !store.exists(&short).await?);
    store.delete(&short).await?;
    let error = store.create(&short, &draft("{}"), NOW).await.expect_err("not a key of this store");
    assert!(matches!(error, StoreError::Unsupported(_)), "{error:?}");
    Ok(())
}
