//! What outlives its request: the examples with a WebSocket and with a stream of events, over a real socket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jam_session::MemoryStore;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::support::{TestResult, cookie_of, request, send};

#[path = "../../examples/server_sent_events.rs"]
#[expect(dead_code, unreachable_pub, reason = "an example is a program; here it is a module without a main")]
mod server_sent_events;
#[path = "../../examples/websocket.rs"]
#[expect(dead_code, unreachable_pub, reason = "an example is a program; here it is a module without a main")]
mod websocket;

/// A stated bound: an example notices within five seconds that its session has ended.
const BOUND: Duration = Duration::from_secs(8);

async fn serve(app: axum::Router) -> TestResult<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn logged_in(app: &axum::Router) -> TestResult<String> {
    Ok(cookie_of(&send(app, "/login", "").await).ok_or("a login sets a cookie")?)
}

async fn log_out(app: &axum::Router, cookie: &str) -> TestResult {
    use tower::ServiceExt as _;
    let mut request = request("/logout", cookie);
    *request.method_mut() = http::Method::POST;
    assert!(app.clone().oneshot(request).await?.status().is_success());
    Ok(())
}

#[tokio::test]
async fn a_websocket_saves_on_its_own_and_ends_with_its_session() -> TestResult {
    let app = websocket::app(MemoryStore::new());
    let address = serve(app.clone()).await?;
    let cookie = logged_in(&app).await?;
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    request.headers_mut().insert("cookie", cookie.parse()?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;

    for count in 1..=3 {
        socket.send(tungstenite::Message::from("hello")).await?;
        let answer = socket.next().await.ok_or("an answer")??;
        assert_eq!(answer.to_text()?, format!("messages: {count}"));
    }
    log_out(&app, &cookie).await?;

    let end = tokio::time::timeout(BOUND, async {
        while let Some(Ok(message)) = socket.next().await {
            assert!(message.is_close(), "nothing is said to somebody who has logged out");
        }
    });
    end.await?;
    Ok(())
}

#[tokio::test]
async fn a_stranger_gets_no_websocket() -> TestResult {
    let address = serve(websocket::app(MemoryStore::new())).await?;

    let refused = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await;

    assert!(matches!(refused, Err(tungstenite::Error::Http(response)) if response.status() == 401));
    Ok(())
}

#[tokio::test]
async fn a_stream_of_events_ends_with_its_session() -> TestResult {
    let app = server_sent_events::app(MemoryStore::new());
    let address = serve(app.clone()).await?;
    let cookie = logged_in(&app).await?;
    let mut stream = TcpStream::connect(&address).await?;
    let head = format!("GET /events HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains("data: beat 1") {
        let read = stream.read(&mut buffer).await?;
        assert_ne!(read, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }

    log_out(&app, &cookie).await?;

    let mut rest = Vec::new();
    tokio::time::timeout(BOUND, stream.read_to_end(&mut rest)).await??;
    Ok(())
}
