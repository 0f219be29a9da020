//! The examples count in Redis: two processes see one count.

use axum::{Router, body::Body};
use http::{Request, header};
use http_body_util::BodyExt as _;
use jam_session::RedisCache;
use tower::ServiceExt as _;

use super::{TestResult, cluster::Cluster, server::Server};

#[path = "../../../examples/redis.rs"]
#[expect(dead_code, unreachable_pub, reason = "an example is a program; here it is a module without a main")]
mod redis;
#[path = "../../../examples/redis_cluster.rs"]
#[expect(dead_code, unreachable_pub, reason = "an example is a program; here it is a module without a main")]
mod redis_cluster;

/// The page, and the cookie to go on with.
async fn visit(app: &Router, cookie: &str) -> TestResult<(String, String)> {
    let request = Request::builder().uri("/").header(header::COOKIE, cookie).body(Body::empty())?;
    let response = app.clone().oneshot(request).await?;
    let set = response.headers().get(header::SET_COOKIE).ok_or("a cookie")?.to_str()?;
    let cookie = set.split(';').next().unwrap_or_default().to_owned();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((String::from_utf8(body.to_vec())?, cookie))
}

async fn counts_in_two_processes(apps: [Router; 2]) -> TestResult {
    let (page, cookie) = visit(&apps[0], "").await?;
    assert_eq!(page, "visits: 1");
    assert_eq!(visit(&apps[1], &cookie).await?.0, "visits: 2");
    assert_eq!(visit(&apps[0], &cookie).await?.0, "visits: 3");
    Ok(())
}

#[tokio::test]
async fn redis_counts_for_all_processes() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let app = || TestResult::Ok(redis::app(RedisCache::connect(&server.url())?));
    counts_in_two_processes([app()?, app()?]).await
}

#[tokio::test]
async fn redis_cluster_counts_for_all_processes() -> TestResult {
    let Some(cluster) = Cluster::start()? else { return Ok(()) };
    let app = || TestResult::Ok(redis_cluster::app(cluster.cache()?));
    counts_in_two_processes([app()?, app()?]).await
}

#[tokio::test]
async fn a_url_of_redis_opens_a_store() -> TestResult {
    let Some(server) = Server::start(&[])? else { return Ok(()) };
    let layer = jam_session::SessionLayer::new(jam_session::connect(&server.url()).await?);
    let session = layer.create().await?;
    session.insert("n", &1)?;
    session.save().await?;
    assert_ne!(server.cli(&["DBSIZE"])?, "0");

    let error = jam_session::connect("redis://:s3cret@host:port").await.expect_err("that is no port");
    assert!(!format!("{error:?}").contains("s3cret"));
    Ok(())
}
