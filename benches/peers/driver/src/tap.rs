//! A listener between a server and its database that counts what the server says: statements, and how often it
//! waits for an answer.

use std::{cell::Cell, io, rc::Rc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    task::spawn_local,
};

#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    pub statements: u64,
    pub round_trips: u64,
    pub bytes: u64,
}

#[derive(Clone, Default)]
pub struct Tap(Rc<Cell<Counted>>);

impl Tap {
    /// Listens on a free port and passes everything on to `database`; gives the address to connect to.
    pub async fn open(&self, database: String, mysql: bool) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let counted = Rc::clone(&self.0);
        spawn_local(async move {
            while let Ok((server, _)) = listener.accept().await {
                let Ok(database) = TcpStream::connect(&database).await else { break };
                let _ = (server.set_nodelay(true), database.set_nodelay(true));
                let ((from_server, to_server), (from_database, to_database)) =
                    (server.into_split(), database.into_split());
                let words = Words { counted: Rc::clone(&counted), mysql, started: mysql, pending: Vec::new() };
                spawn_local(pass(from_server, to_database, Some(words)));
                spawn_local(pass(from_database, to_server, None));
            }
        });
        Ok(address)
    }

    pub fn counted(&self) -> Counted {
        self.0.get()
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut words: Option<Words>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if let Some(words) = &mut words {
            words.hear(&buffer[..length]);
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

/// The messages that one connection of the server sends.
struct Words {
    counted: Rc<Cell<Counted>>,
    mysql: bool,
    /// PostgreSQL's first message has no type.
    started: bool,
    pending: Vec<u8>,
}

impl Words {
    fn hear(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let mut counted = self.counted.get();
        counted.bytes += bytes.len() as u64;
        while let Some(length) = self.message(&mut counted) {
            self.pending.drain(..length);
        }
        self.counted.set(counted);
    }

    /// Counts the first message and gives its length, once all of it is there.
    fn message(&mut self, counted: &mut Counted) -> Option<usize> {
        let pending = &self.pending;
        let length = match (self.mysql, self.started) {
            (true, _) => 4 + u32::from_le_bytes([*pending.first()?, *pending.get(1)?, *pending.get(2)?, 0]) as usize,
            (false, started) => {
                let at = usize::from(started);
                at + u32::from_be_bytes(pending.get(at..at + 4)?.try_into().ok()?) as usize
            }
        };
        if pending.len() < length {
            return None;
        }
        let (statement, round_trip) = match (self.mysql, self.started) {
            (true, _) => mysql(pending),
            (false, true) => (matches!(pending[0], b'E' | b'Q'), matches!(pending[0], b'S' | b'Q')),
            (false, false) => (false, false),
        };
        self.started = true;
        counted.statements += u64::from(statement);
        counted.round_trips += u64::from(round_trip);
        Some(length)
    }
}

/// A command is the first packet of a sequence: COM_QUERY and COM_STMT_EXECUTE run a statement, COM_STMT_CLOSE and
/// COM_QUIT are not answered.
fn mysql(packet: &[u8]) -> (bool, bool) {
    match packet {
        [_, _, _, 0, command, ..] => (matches!(command, 0x03 | 0x17), !matches!(command, 0x01 | 0x19)),
        _ => (false, false),
    }
}
