//! A visit through a real server, whose own log is listened to, too.

use axum::{Router, routing::any};
use jam_session::{MemoryStore, Session, SessionLayer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{TestResult, kept::Kept};

pub(crate) async fn visit(kept: &Kept) -> TestResult {
    let value = kept.invented();
    let page = any(move |session: Session| async move { session.insert("password", &value) });
    let app = Router::new().route("/", page).layer(SessionLayer::new(MemoryStore::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let mut cookie = format!("sessionid={}", kept.invented());
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let set_cookie = answer.split("set-cookie: ").nth(1).and_then(|rest| rest.split(';').next());
        if let Some(set_cookie) = set_cookie {
            cookie = set_cookie.to_owned();
            kept.note(cookie.trim_start_matches("sessionid="));
        }
    }
    server.abort();
    assert!(!cookie.contains(char::is_uppercase), "the server gave a key");
    Ok(())
}
