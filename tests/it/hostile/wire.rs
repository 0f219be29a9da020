//! Cookies as they come over the wire: HTTP/2 splits them into fields, and HTTP/1 has bytes that no header may have.

use std::net::SocketAddr;

use jam_session::{MemoryStore, SessionLayer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{TestResult, site, visitor};

/// A site that listens, and the cookie of a visitor.
async fn listening() -> TestResult<(SocketAddr, String)> {
    let site = site(SessionLayer::new(MemoryStore::new()));
    let cookie = visitor(&site).await;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, site).await });
    Ok((address, cookie))
}

/// The body of `/read` for these fields over HTTP/2.
async fn read_over_http2(address: SocketAddr, cookies: &[&str]) -> TestResult<String> {
    let (sender, connection) = h2::client::handshake(TcpStream::connect(address).await?).await?;
    let connection = tokio::spawn(connection);
    let mut request = http::Request::get(format!("http://{address}/read"));
    for cookie in cookies {
        request = request.header("cookie", *cookie);
    }
    let (response, _) = sender.ready().await?.send_request(request.body(())?, true)?;
    let response = response.await?;
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        bytes.extend(chunk?);
    }
    connection.abort();
    Ok(String::from_utf8(bytes)?)
}

#[tokio::test]
async fn the_cookie_fields_of_http2_are_one_list() -> TestResult {
    let (address, ours) = listening().await?;
    let other = "sessionid=0123456789abcdefghijklmnopqrstuv";

    for fields in [["theme=dark", &ours, "lang=tr"], [&ours, "a=b", "c=d"], ["a=b", "c=d; e=f", &ours]] {
        assert_eq!(read_over_http2(address, &fields).await?, "[\"written\"]", "{fields:?}");
    }
    assert_eq!(read_over_http2(address, &[&ours, "theme=dark", &ours]).await?, "[\"written\"]");
    for fields in [[&*ours, "theme=dark", other], [other, "theme=dark", &ours]] {
        assert_eq!(read_over_http2(address, &fields).await?, "[\"written\"]", "{fields:?}: the only live one");
    }
    let five: Vec<_> = (0..4).map(|n| format!("sessionid={n:0>32}")).chain([ours]).collect();
    let five: Vec<_> = five.iter().map(String::as_str).collect();
    for fields in [&five[..], &["a=b", "\u{a0}", other]] {
        assert_eq!(read_over_http2(address, fields).await?, "[]", "{fields:?}");
    }
    Ok(())
}

/// The status line that bytes of a cookie get over HTTP/1, and whether it was the visitor's page.
async fn over_http1(address: SocketAddr, cookie: &[u8]) -> TestResult<(String, bool)> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("GET /read HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nCookie: ");
    stream.write_all(&[head.as_bytes(), cookie, b"\r\n\r\n"].concat()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok((status, answer.contains("written")))
}

#[tokio::test]
async fn bytes_that_no_header_may_have_find_no_session() -> TestResult {
    let (address, ours) = listening().await?;

    assert_eq!(over_http1(address, ours.as_bytes()).await?, ("200".to_owned(), true));
    for byte in (0..=0x1f).chain([0x7f, 0x80, 0xa0, 0xff]).filter(|byte| *byte != b'\t') {
        for at in [0, 9, 10, 20, ours.len()] {
            let (before, after) = ours.as_bytes().split_at(at);
            let (status, found) = over_http1(address, &[before, &[byte], after].concat()).await?;
            // A line feed alone ends the line, for many a server: what is left of the cookie is no key, or all of it.
            let whole = byte == b'\n' && at == ours.len();
            assert!(status == "400" || status == "200" && found == whole, "byte {byte:#x} at {at}: {status} {found}");
        }
    }
    Ok(())
}
