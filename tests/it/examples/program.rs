//! The counter as the program that the README tells everybody to start.

use std::{env, path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use super::sqlite_url;
use crate::support::TestResult;

#[tokio::test]
async fn the_counter_survives_being_killed() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (mut first, address) = start_counter(&directory).await?;
    let (body, cookie) = visit(&address, "").await?;
    assert_eq!(body, "visits: 1");
    let cookie = cookie.ok_or("the first response sets a cookie")?;
    assert_eq!(visit(&address, &cookie).await?.0, "visits: 2");
    first.kill().await?;

    let (_second, address) = start_counter(&directory).await?;
    assert_eq!(visit(&address, &cookie).await?.0, "visits: 3");
    Ok(())
}

/// Starts the example itself, and gives the address that it prints.
async fn start_counter(directory: &tempfile::TempDir) -> TestResult<(Child, String)> {
    let program = counter_program()?;
    let mut child = Command::new(&program)
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .env("DATABASE_URL", sqlite_url(directory))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            format!("{}: {error}; `cargo build --example counter --all-features` builds it", program.display())
        })?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("stdout is piped")?).read_line(&mut line).await?;
    let address = line.strip_prefix("listening on http://").and_then(|rest| rest.split(',').next());
    let address = address.ok_or_else(|| format!("the example said {line:?}"))?.to_owned();
    Ok((child, address))
}

/// Where Cargo puts the examples that it builds with the tests: `deps/` and `examples/` are neighbours.
fn counter_program() -> TestResult<PathBuf> {
    let test = env::current_exe()?;
    let target = test.ancestors().nth(2).ok_or("the test is in a folder of a folder")?;
    Ok(target.join("examples").join(format!("counter{}", env::consts::EXE_SUFFIX)))
}

/// One GET over a connection of its own: the body, and the cookie if one is set.
async fn visit(address: &str, cookie: &str) -> TestResult<(String, Option<String>)> {
    let mut stream = TcpStream::connect(address).await?;
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{cookie}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("a head and a body")?;
    let set_cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = set_cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
    Ok((body.to_owned(), cookie))
}
