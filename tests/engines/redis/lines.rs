//! Lines to Redis that are bad.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::TestResult;

/// Takes every connection, and ends it with the first command that comes after the greeting.
pub(crate) async fn breaks_with_the_first_command() -> TestResult<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 1024];
                let _ = stream.read(&mut bytes).await;
            });
        }
    });
    Ok(address)
}

/// Leads to a server, and takes this long before it lets the first byte of a connection through.
pub(crate) async fn takes_its_time(port: u16, pause: Duration) -> TestResult<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Ok(address)
}

/// Leads to a server. When it is notified, the connections that there are stay open and carry nothing any more, as
/// when a machine has vanished from the network.
pub(crate) async fn freezes(port: u16, freeze: Arc<Notify>) -> TestResult<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let freeze = freeze.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
                tokio::select! {
                    ended = copy_bidirectional(&mut client, &mut server) => ended.map(drop),
                    () = freeze.notified() => std::future::pending().await,
                }
            });
        }
    });
    Ok(address)
}
