//! A small HTTP client that keeps its connection, and knows nothing that a browser would not.

use std::{collections::BTreeMap, io, net::SocketAddr};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::TestResult;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `name=value` of the cookie that it sets, unless it is a deletion.
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn is_ok(&self) -> bool {
        self.status == 200
    }

    pub(crate) fn cookie_in(set_cookie: &str) -> Option<String> {
        let cookie = set_cookie.split(';').next()?.trim();
        (!cookie.ends_with('=')).then(|| cookie.to_owned())
    }

    /// The dictionary that `/all` shows.
    pub(crate) fn items(&self) -> TestResult<BTreeMap<String, i64>> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// An error leaves open what the server did.
    pub(crate) async fn get(&mut self, path: &str, cookie: &str) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(self.address).await?),
        };
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let answer = read(&mut stream).await?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let status = line(stream).await?;
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let (mut cookie, mut length) = (None, 0);
    loop {
        let header = line(stream).await?;
        match header.split_once(": ") {
            None if header.is_empty() => break,
            Some(("set-cookie", value)) => cookie = Answer::cookie_in(value),
            Some(("content-length", value)) => length = value.parse().map_err(|_| broken())?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Answer { status, cookie, body: String::from_utf8(body).map_err(|_| broken())? })
}

async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
