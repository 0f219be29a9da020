//! An Axum application beside a live Django: one table of sessions, one login.
//!
//! Run it with `cargo run --example beside_django --features sqlite,django_auth`: it starts both sides. Log in at
//! Django's admin, with the password that is printed, and go back and forth; a change or a logout on one side shows
//! on the other. It needs Python 3.10 or newer, and installs Django below `target/beside_django`.
//!
//! The environment may set `DATABASE_URL` (for PostgreSQL, add the feature `postgres`), `LISTEN_ADDR`, `DJANGO_ADDR`,
//! `SECRET_KEY`, `DEMO_PASSWORD`, and `PYTHON` for an interpreter that has Django already.

use std::{env, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::State,
    response::{Html, Redirect},
    routing::{get, post},
};
use jam_session::{
    BoxError, DjangoAuth, DjangoMessages, DjangoUserId, Error, RequireLogin, Session, SessionLayer, SessionStore,
    Settings, Signer, SqliteStore, StoreError,
};
use tokio::net::TcpListener;

mod django;
mod pages;
mod users;
use django::{Django, Site};
pub(crate) use users::Users;

/// What the handlers need.
#[derive(Clone)]
struct App {
    users: Users,
    auth: DjangoAuth,
    django: String,
}

async fn home(State(app): State<App>, DjangoUserId(id): DjangoUserId, session: Session) -> Result<Html<String>, Error> {
    let user = app.users.find(&id).await.map_err(StoreError::Backend)?;
    let count: u64 = session.get("count")?.unwrap_or(0);
    let messages = DjangoMessages::of(&session).take()?;
    Ok(Html(pages::home(&user.map(|user| user.name).unwrap_or_default(), count, &messages, &app.django)))
}

async fn count(session: Session) -> Result<Redirect, Error> {
    session.modify("count", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    DjangoMessages::of(&session).success("counted in Axum")?;
    Ok(Redirect::to("/axum/"))
}

async fn logout(State(app): State<App>, session: Session) -> Result<Redirect, Error> {
    app.auth.logout(&session).await?;
    Ok(Redirect::to("/axum/"))
}

/// The Axum side. Whoever is not logged in is sent to the login page of Django's admin.
pub(crate) fn app(store: impl SessionStore, users: Users, signer: Signer, django: &str) -> Router {
    let auth = DjangoAuth::new(signer);
    let password_of = {
        let users = users.clone();
        move |id: String| {
            let users = users.clone();
            async move { Ok(users.find(&id).await?.map(|user| user.password)) }
        }
    };
    let login = RequireLogin::new(auth.clone(), password_of).login_url(&format!("{django}/admin/login/"));
    // The cookie and its flags as Django has them, `Secure` off included: behind HTTPS it is on, on both sides.
    let sessions = SessionLayer::with_settings(store, Settings::django()).expect("Django's settings go together");
    Router::new()
        .route("/axum/", get(home).post(count))
        .layer(login)
        .route("/axum/logout", post(logout))
        .layer(sessions)
        .with_state(App { users, auth, django: django.to_owned() })
}

/// Opens the database, whose tables Django has made.
async fn open(database: &str, secret_key: &str, django: &str) -> Result<Router, BoxError> {
    let signer = Signer::new(secret_key);
    #[cfg(feature = "postgres")]
    if database.starts_with("postgres") {
        let store = jam_session::PostgresStore::connect(database).await?.signing(signer.clone());
        let users = Users::Postgres(store.pool().clone());
        return Ok(app(store, users, signer, django));
    }
    let store = SqliteStore::connect(database).await?.signing(signer.clone());
    let users = Users::Sqlite(store.pool().clone());
    Ok(app(store, users, signer, django))
}

async fn run() -> Result<(), BoxError> {
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let axum = format!("http://{}", listener.local_addr()?);

    let site = Site::prepare(&axum).await?;
    let mut django = Django::start(&site).await?;
    let app = open(&site.database, &site.secret_key, &django.url).await?;
    println!("Django: {}/admin/\nAxum: {axum}/axum/", django.url);
    println!("log in as {} with the password {}", Site::USER, site.password);

    let result = tokio::select! {
        served = async { axum::serve(listener, app).await } => served.map_err(BoxError::from),
        ended = django.ended() => Err(ended),
        () = django::stop_signal() => Ok(()),
    };
    tokio::time::timeout(Duration::from_secs(5), django.stop()).await??;
    result
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
