//! A place that takes connections and says nothing, or that breaks them.

use std::net::SocketAddr;

use tokio::{io::AsyncReadExt as _, net::TcpListener};

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
