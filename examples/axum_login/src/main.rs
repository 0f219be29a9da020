//! `cargo run` in this folder, then open the address that it prints. `demo` with the password `demo` may log in:
//! `curl -c cookies -b cookies -d name=demo -d password=demo http://127.0.0.1:3000/login`.

use std::env;

use jam_session::{BoxError, SessionLayer, SqliteStore};
use jam_session_axum_login::{User, Users, app};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let store = SqliteStore::connect("sqlite::memory:").await?;
    store.migrate().await?;
    let demo = User { id: 1, name: "demo".to_owned(), password: "demo".to_owned(), stamp: vec![1] };
    // Browsers send a Secure cookie over HTTPS only, and this example listens on plain HTTP.
    let sessions = SessionLayer::new(store).cookie_secure(false);
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(sessions, Users::new(vec![demo]))).await?;
    Ok(())
}
