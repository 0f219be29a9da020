//! The least of an HTTP/1.1 client: one connection that is kept open, and one request at a time on it.

use std::{fmt::Write as _, io};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::BoxError;

pub struct Client {
    stream: TcpStream,
    sent: String,
    received: Vec<u8>,
}

/// A response, read to its end.
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// The texts of its `Set-Cookie` headers.
    pub cookies: Vec<String>,
}

impl Client {
    pub async fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, sent: String::with_capacity(512), received: Vec::with_capacity(4096) })
    }

    pub async fn request(&mut self, method: &str, path: &str, cookie: &str) -> Result<Answer, BoxError> {
        self.sent.clear();
        write!(self.sent, "{method} {path} HTTP/1.1\r\nhost: bench\r\nuser-agent: bench/1\r\naccept: */*\r\n")?;
        if !cookie.is_empty() {
            write!(self.sent, "cookie: {cookie}\r\n")?;
        }
        if method == "POST" {
            self.sent.push_str("content-length: 0\r\n");
        }
        self.sent.push_str("\r\n");
        self.stream.write_all(self.sent.as_bytes()).await?;
        self.received.clear();
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(answer) = answer(&self.received)? {
                return Ok(answer);
            }
        }
    }
}

/// The response, once all of it is there.
fn answer(bytes: &[u8]) -> Result<Option<Answer>, BoxError> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no status")?.parse()?;
    let (mut length, mut cookies) = (None, Vec::new());
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse::<usize>()?);
        } else if name.eq_ignore_ascii_case("set-cookie") {
            cookies.push(value.to_owned());
        }
    }
    let body = &bytes[end + 4..];
    let length = length.ok_or("a response without a length")?;
    if body.len() < length {
        return Ok(None);
    }
    Ok(Some(Answer { status, body: String::from_utf8_lossy(body).into_owned(), cookies }))
}
