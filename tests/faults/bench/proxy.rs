//! A TCP proxy between a store and its database, which can be told to misbehave. It knows no protocol: a write is
//! recognised by a text that only a write carries.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

use super::TestResult;

/// What the proxy does to the connections that it carries.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Mood {
    #[default]
    Fair,
    /// Every reply takes this much longer.
    Slow(Duration),
    /// Nothing gets through, and nothing is refused.
    Stalled,
    /// Connections break at once.
    Reset,
    /// Each connection breaks after so many bytes of replies.
    CutAfter(usize),
    /// The server does a write that carries the text, and its reply is lost with the connection. The next write
    /// goes through.
    LoseReplyTo(&'static str),
}

#[derive(Default)]
struct Shared {
    mood: Mutex<Mood>,
    cuts: AtomicU64,
}

impl Shared {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }
}

pub(crate) struct Proxy {
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
    /// The URL of the database, through the proxy.
    pub(crate) url: String,
}

impl Proxy {
    pub(crate) async fn before(url: &str) -> TestResult<Self> {
        let (scheme, port, tls) = match super::name(url) {
            "MariaDB" => ("mysql", 3306, "ssl-mode=DISABLED"),
            _ => ("postgres", 5432, "sslmode=disable"),
        };
        let (user, rest) = url.split_once('@').ok_or_else(|| format!("a {scheme} URL with a user"))?;
        let (host, path) = rest.split_once('/').ok_or("a URL with a database")?;
        let target = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{user}@{}/{path}{separator}{tls}", listener.local_addr()?);
        let shared = Arc::<Shared>::default();
        let accepting = tokio::spawn(accept(listener, target, Arc::clone(&shared)));
        Ok(Self { shared, accepting, url })
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.shared.set(mood);
    }

    /// How many connections were cut for [`Mood::LoseReplyTo`].
    pub(crate) fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: String, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let (target, shared) = (target.clone(), Arc::clone(&shared));
        // A connection that breaks is what this is about.
        tokio::spawn(async move { carry(client, &target, &shared).await });
    }
}

async fn carry(client: TcpStream, target: &str, shared: &Shared) -> io::Result<()> {
    if shared.mood() == Mood::Reset {
        return reset(&client);
    }
    let server = TcpStream::connect(target.parse::<SocketAddr>().map_err(io::Error::other)?).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let (mut said, mut carried) = ([0; 16 * 1024], 0);
    let mut replies = [0; 16 * 1024];
    loop {
        tokio::select! {
            read = from_client.read(&mut said) => {
                let said = &said[..some(read?)?];
                fair(shared).await;
                if loses_reply(shared, said) {
                    return lose_reply(said, &mut to_server, &mut from_server).await;
                }
                to_server.write_all(said).await?;
            }
            read = from_server.read(&mut replies) => {
                let mut reply = &replies[..some(read?)?];
                fair(shared).await;
                match shared.mood() {
                    Mood::Slow(by) => tokio::time::sleep(by).await,
                    Mood::CutAfter(bytes) => reply = &reply[..reply.len().min(bytes.saturating_sub(carried))],
                    Mood::Reset => return reset(to_client.as_ref()),
                    Mood::Fair | Mood::Stalled | Mood::LoseReplyTo(_) => {}
                }
                to_client.write_all(reply).await?;
                carried += reply.len();
                if matches!(shared.mood(), Mood::CutAfter(bytes) if carried >= bytes) {
                    return Ok(());
                }
            }
        }
    }
}

/// Waits while nothing gets through.
async fn fair(shared: &Shared) {
    while shared.mood() == Mood::Stalled {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn loses_reply(shared: &Shared, said: &[u8]) -> bool {
    let Mood::LoseReplyTo(text) = shared.mood() else { return false };
    let found = said.windows(text.len()).any(|window| window == text.as_bytes());
    if found {
        shared.set(Mood::Fair);
        shared.cuts.fetch_add(1, Ordering::SeqCst);
    }
    found
}

/// The server has done it when it replies.
async fn lose_reply(said: &[u8], server: &mut OwnedWriteHalf, replies: &mut OwnedReadHalf) -> io::Result<()> {
    server.write_all(said).await?;
    some(replies.read(&mut [0; 16 * 1024]).await?)?;
    Ok(())
}

/// Breaks the connection without a goodbye.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}

fn some(read: usize) -> io::Result<usize> {
    if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}
