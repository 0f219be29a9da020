//! Encrypts what the database keeps: a serializer of one's own, in front of the store's text column.
//!
//! Run it with `cargo run --example custom_serializer --features encryption,sqlite` and open <http://127.0.0.1:3000>.
//! `LISTEN_ADDR` and `DATABASE_URL` choose another address and another file. The key is new with every start, so
//! sessions of an earlier one are unreadable; yours would come from a safe place.

use std::env;

use axum::{Router, routing::get};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce, aead::Aead as _};
use jam_session::{
    BoxError, Error, JsonSerializer, Serializer, Session, SessionData, SessionLayer, SqliteStore, StoreError,
};
use tokio::net::TcpListener;

const NONCE: usize = 24;

/// JSON, encrypted, as text: the column of the database takes nothing else.
struct Encrypting {
    json: JsonSerializer,
    cipher: XChaCha20Poly1305,
}

impl Encrypting {
    /// Encrypts with this key.
    fn new(key: [u8; 32]) -> Self {
        Self { json: JsonSerializer::default(), cipher: XChaCha20Poly1305::new(&key.into()) }
    }
}

impl Serializer for Encrypting {
    fn dumps(&self, data: &SessionData) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE] = rand::random();
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), self.json.dumps(data)?.as_slice());
        let sealed = sealed.map_err(|error| StoreError::Backend(error.to_string().into()))?;
        Ok(BASE64_STANDARD.encode([&nonce[..], &sealed].concat()).into_bytes())
    }

    fn loads(&self, bytes: &[u8]) -> Result<SessionData, StoreError> {
        let unreadable = || StoreError::Undecodable("the session is not encrypted with this key".into());
        let bytes = BASE64_STANDARD.decode(bytes).map_err(|_| unreadable())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or_else(unreadable)?;
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), sealed).map_err(|_| unreadable())?;
        self.json.loads(&opened)
    }
}

async fn counter(session: Session) -> Result<String, Error> {
    let visits = session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    Ok(format!("visits: {visits}"))
}

/// The application, whose database does not know what it keeps.
pub fn app(store: SqliteStore, key: [u8; 32]) -> Router {
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store.serializer(Encrypting::new(key))).cookie_secure(false);
    Router::new().route("/", get(counter)).layer(sessions)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:sessions.db".to_owned());

    let store = SqliteStore::connect(&database).await?;
    store.migrate().await?;

    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}, sessions in {database}", listener.local_addr()?);
    axum::serve(listener, app(store, rand::random())).await?;
    Ok(())
}
