//! Requests of one visitor at the same time.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{Router, extract::Path, routing::any};
use http::StatusCode;
use jam_session::{Error, SaveMode, Session, SessionLayer, SessionStore, SqliteStore};
use tempfile::TempDir;
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{Probe, TestResult, key_in, send, site, visitor};

/// A table in a file, which many connections write to. The folder goes away when it is dropped.
async fn file() -> TestResult<(SqliteStore, TempDir)> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::connect(&format!("sqlite:{}/sessions.db", folder.path().display())).await?;
    store.migrate().await?;
    Ok((store, folder))
}

/// A layer as another process has it: it shares the table alone, and its writers do not queue with ours. A slow
/// machine has time.
fn process(store: &SqliteStore) -> SessionLayer {
    let patience = Duration::from_secs(120);
    SessionLayer::new(store.clone()).load_deadline(patience).save_deadline(patience)
}

fn naming(layer: SessionLayer) -> Router {
    let insert = |Path(name): Path<String>, session: Session| async move { session.insert(&name, &true) };
    site(layer.clone()).merge(Router::new().route("/name/{name}", any(insert)).layer(layer))
}

/// Sends all requests at once, to the sites in turn, and insists on a 200 for each.
async fn at_once(sites: &[Router], cookie: &str, paths: impl Iterator<Item = String>) {
    let mut requests = JoinSet::new();
    for (path, site) in paths.zip(sites.iter().cycle()) {
        let (site, cookie) = (site.clone(), cookie.to_owned());
        requests.spawn(async move { send(&site, &path, &cookie).await.status() });
    }
    let statuses = requests.join_all().await;
    assert!(statuses.iter().all(|status| *status == StatusCode::OK), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_increments_at_once_add_two_hundred() -> TestResult {
    let (store, _folder) = file().await?;
    let layer = process(&store);
    let cookie = visitor(&site(layer.clone())).await;

    at_once(&[site(layer.clone())], &cookie, (0..200).map(|_| "/count".to_owned())).await;

    assert_eq!(layer.open(&key_in(&cookie)).await?.get::<u64>("count")?, Some(200));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_lose_no_change_of_each_other() -> TestResult {
    let (store, _folder) = file().await?;
    let sites = [naming(process(&store)), naming(process(&store))];
    let cookie = visitor(&sites[0]).await;
    let paths =
        (0..20).flat_map(|n| [format!("/name/first{n}"), "/count".into(), "/count".into(), format!("/name/n{n}")]);

    at_once(&sites, &cookie, paths).await;

    let session = process(&store).open(&key_in(&cookie)).await?;
    let mut names: BTreeSet<_> = session.keys().into_iter().collect();
    assert_eq!(session.get::<u64>("count")?, Some(40));
    assert!(names.remove("count") && names.remove("written"));
    assert_eq!(names, (0..20).flat_map(|n| [format!("first{n}"), format!("n{n}")]).collect());
    Ok(())
}

/// The names that are left when two requests have both loaded before either saves.
async fn after_two_writers(store: impl SessionStore, mode: SaveMode) -> TestResult<Vec<String>> {
    let layer = SessionLayer::new(store).save_mode(mode);
    let cookie = visitor(&site(layer.clone())).await;
    let both = Arc::new(Barrier::new(2));
    let insert = move |Path(name): Path<String>, session: Session| async move {
        session.insert(&name, &true)?;
        both.wait().await;
        Ok::<_, Error>(())
    };
    let app = Router::new().route("/{name}", any(insert)).layer(layer.clone());

    at_once(&[app], &cookie, ["/left".to_owned(), "/right".to_owned()].into_iter()).await;

    let mut names = layer.open(&key_in(&cookie)).await?.keys();
    names.sort();
    Ok(names)
}

#[tokio::test]
async fn writers_of_different_names_keep_both() -> TestResult {
    assert_eq!(after_two_writers(Probe::new(), SaveMode::Merge).await?, ["left", "right", "written"]);
    Ok(())
}

#[tokio::test]
async fn the_last_writer_wins_where_that_is_set() -> TestResult {
    let names = after_two_writers(Probe::new(), SaveMode::Overwrite).await?;

    assert_eq!(names.len(), 2, "one of the two is lost: {names:?}");
    assert_eq!(names[1], "written");
    Ok(())
}
