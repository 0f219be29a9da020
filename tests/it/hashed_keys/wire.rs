//! No key of a cookie reaches a database: not in a statement, not as what is bound, and not in an answer.

use std::sync::{Arc, Mutex};

use jam_session::sqlx::{MySql, Postgres};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::*;
use crate::support::{cookie_of, key_in, send, site, visitor};

/// The bytes of all connections, in both directions.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<u8>>>);

impl Wire {
    /// Stands between a database and its clients, and gives the URL that leads through it.
    async fn before(&self, url: &str, port: u16) -> TestResult<String> {
        let (user, rest) = url.split_once('@').ok_or("a URL with a user")?;
        let (host, path) = rest.split_once('/').ok_or("a URL with a database")?;
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let plain = if port == 3306 { "ssl-mode=DISABLED" } else { "sslmode=disable" };
        let through = format!("{user}@{}/{path}{separator}{plain}", listener.local_addr()?);
        let wire = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&host).await else { return };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(wire.clone().carry(from_client, to_server));
                tokio::spawn(wire.clone().carry(from_server, to_client));
            }
        });
        Ok(through)
    }

    async fn carry(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            self.0.lock().expect("nobody panics here").extend_from_slice(&bytes[..length]);
            if to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    }

    fn count(&self, text: &str) -> usize {
        let bytes = self.0.lock().expect("nobody panics here");
        bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
    }
}

/// Does everything that a site does with its sessions, and says how often their keys and the hashes of these were seen.
async fn seen<DB: Driver>(wire: &Wire, url: &str, hash_keys: HashKeys) -> TestResult<[usize; 2]> {
    let pool = Pool::<DB>::connect(url).await?;
    let layer = SessionLayer::new(table(&pool).await?).hash_keys(hash_keys);
    let (site, extending) = (site(layer.clone()), site(layer.clone().save_every_request(true)));
    let first = visitor(&site).await;
    for path in ["/read", "/count", "/write", "/untouched"] {
        send(&site, path, &first).await;
    }
    send(&extending, "/read", &first).await;
    let second = cookie_of(&send(&site, "/cycle-and-write", &first).await).ok_or("a renewed key has a cookie")?;
    send(&site, "/count", &first).await;
    // Many at once share statements.
    let visitors = futures_util::future::join_all((0..20).map(|_| visitor(&site))).await;
    futures_util::future::join_all(visitors.iter().map(|cookie| send(&site, "/count", cookie))).await;
    assert!(layer.exists(&key_in(&second)).await?);
    send(&site, "/flush", &second).await;
    send(&site, "/flush-lazily", &visitors[0]).await;

    let keys: Vec<_> = [first, second].iter().chain(&visitors).map(|cookie| key_in(cookie)).collect();
    let of = |texts: Vec<String>| texts.iter().map(|text| wire.count(text)).sum();
    Ok([
        of(keys.iter().map(|key| key.as_str().to_owned()).collect()),
        of(keys.iter().map(|key| key.hashed().as_str().to_owned()).collect()),
    ])
}

async fn no_key_is_on_the_wire<DB: Driver>(name: &str, url: &str, port: u16) -> TestResult {
    let plain = Wire::default();
    let [keys, hashes] = seen::<DB>(&plain, &plain.before(url, port).await?, HashKeys::Off).await?;
    assert!(keys > 20 && hashes == 0, "what is looked for is found: {keys} and {hashes}");

    let wire = Wire::default();
    let [keys, hashes] = seen::<DB>(&wire, &wire.before(url, port).await?, HashKeys::On).await?;

    println!("hashed keys: {keys} keys and {hashes} hashes on the wire to {name}");
    assert!(keys == 0 && hashes > 20, "{keys} and {hashes}");
    Ok(())
}

#[tokio::test]
async fn no_key_is_on_the_wire_to_postgres() -> TestResult {
    let Some(scratch) = databases::postgres().await else { return Ok(()) };
    no_key_is_on_the_wire::<Postgres>("PostgreSQL", &scratch.url, 5432).await
}

#[tokio::test]
async fn no_key_is_on_the_wire_to_mariadb() -> TestResult {
    let Some(scratch) = databases::mysql().await else { return Ok(()) };
    no_key_is_on_the_wire::<MySql>("MariaDB", &scratch.url, 3306).await
}
