//! Two processes over one database, as behind a load balancer: what one has answered, does the other know it?

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    BoxError,
    client::Client,
    database::Scratch,
    plan::Database,
    run::Context,
    server::Running,
    servers::{Kind, Server},
    visitor::Jar,
};

/// Sessions of which each is changed, logged in or logged out once.
const SESSIONS: usize = 200;

/// When the other process is asked again: after what a message takes, and after the five seconds that this crate's
/// local cache promises.
const LATER: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(6)];

/// The answers that tell of the time before a change.
type Stale = [usize; 3];

/// Whether two processes of a server can be told apart from one, in this respect.
pub fn concerns(server: Server, database: Database) -> bool {
    match server.kind {
        Kind::Cached => true,
        Kind::Plain => server.binary != "by-hand",
        Kind::Listening => database == Database::Postgres,
        Kind::Bare | Kind::Signed => false,
    }
}

pub async fn of(context: &Context<'_>, server: Server, database: Database) -> Result<Value, BoxError> {
    let scratch = Scratch::new(database, 70).await?;
    let row = row(context, server, &scratch).await;
    scratch.drop().await?;
    row.map_err(|error| format!("{}: {error}", server.name).into())
}

async fn row(context: &Context<'_>, server: Server, scratch: &Scratch) -> Result<Value, BoxError> {
    let start = || Running::start(server, scratch, &scratch.url, context.how(200, 10));
    let (one, other) = (start().await?, start().await?);
    let mut pair = Pair { one: Client::connect(&one.address).await?, other: Client::connect(&other.address).await? };
    let mut stale = [Stale::default(); 3];
    let mut changes = Vec::new();
    for (what, stale) in [What::Change, What::Login, What::Logout].into_iter().zip(&mut stale) {
        let changed;
        (changed, stale[0]) = pair.changed(what).await?;
        sleep(LATER[0]).await;
        stale[1] = pair.stale(&changed).await?;
        changes.push(changed);
    }
    sleep(LATER[1]).await;
    for (changed, stale) in changes.iter().zip(&mut stale) {
        stale[2] = pair.stale(changed).await?;
    }
    let (changed, ended) = (pair.changed_by_both().await?, pair.ended_and_changed().await?);
    // Whoever has nothing in its memory says what is stored.
    let third = start().await?;
    let mut asked = Client::connect(&third.address).await?;
    let (mut lost, mut back) = (0, 0);
    for cookie in &changed {
        lost += usize::from(read(&mut asked, cookie).await? != "2 dark");
    }
    for cookie in &ended {
        back += usize::from(read(&mut asked, cookie).await?.ends_with("dark"));
    }
    for running in [one, other, third] {
        running.stop().await?;
    }
    Ok(json!({
        "database": scratch.database.name(), "server": server.name, "sessions": SESSIONS,
        "change": stale[0], "login": stale[1], "logout": stale[2], "lost": lost, "came_back": back,
    }))
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Change,
    Login,
    Logout,
}

struct Changed {
    what: What,
    expected: &'static str,
    cookies: Vec<String>,
}

/// The two processes. `other` has seen a session before `one` changes it, except that a logout is the other way round.
struct Pair {
    one: Client,
    other: Client,
}

impl Pair {
    /// Changes sessions and asks at once whether the process that did not do it knows; gives how often it does not.
    async fn changed(&mut self, what: What) -> Result<(Changed, usize), BoxError> {
        let (mut stale, mut cookies) = (0, Vec::new());
        let (path, expected) = match what {
            What::Change => ("/write", "1 dark"),
            What::Login => ("/login", "0 none"),
            What::Logout => ("/logout", "0 none"),
        };
        for _ in 0..SESSIONS {
            let cookie = self.seen_by_both().await?;
            let (changing, reading) = match what {
                What::Logout => (&mut self.other, &mut self.one),
                _ => (&mut self.one, &mut self.other),
            };
            let answer = changing.request("POST", path, &cookie).await?;
            // A key that a login has replaced is the old one for good; a change may have renewed the cookie.
            let cookie = if what == What::Change { Jar::of(&cookie).followed(&answer) } else { cookie };
            stale += usize::from(read(reading, &cookie).await? != expected);
            cookies.push(cookie);
        }
        Ok((Changed { what, expected, cookies }, stale))
    }

    /// Asks again.
    async fn stale(&mut self, changed: &Changed) -> Result<usize, BoxError> {
        let reading = if changed.what == What::Logout { &mut self.one } else { &mut self.other };
        let mut stale = 0;
        for cookie in &changed.cookies {
            stale += usize::from(read(reading, cookie).await? != changed.expected);
        }
        Ok(stale)
    }

    /// A session that each of them has read.
    async fn seen_by_both(&mut self) -> Result<String, BoxError> {
        let answer = self.one.request("POST", "/new", "").await?;
        let cookie = Jar::default().followed(&answer);
        for client in [&mut self.one, &mut self.other] {
            let seen = read(client, &cookie).await?;
            if seen != "0 dark" {
                return Err(format!("a new session is {seen:?}").into());
            }
        }
        Ok(cookie)
    }

    /// Sessions that one counts up, and then the other.
    async fn changed_by_both(&mut self) -> Result<Vec<String>, BoxError> {
        let mut cookies = Vec::new();
        for _ in 0..SESSIONS {
            let mut cookie = self.seen_by_both().await?;
            for client in [&mut self.one, &mut self.other] {
                let answer = client.request("POST", "/write", &cookie).await?;
                cookie = Jar::of(&cookie).followed(&answer);
            }
            cookies.push(cookie);
        }
        Ok(cookies)
    }

    /// Sessions that one ends, and a request to the other changes.
    async fn ended_and_changed(&mut self) -> Result<Vec<String>, BoxError> {
        let mut cookies = Vec::new();
        for _ in 0..SESSIONS {
            let cookie = self.seen_by_both().await?;
            self.one.request("POST", "/logout", &cookie).await?;
            self.other.request("POST", "/write", &cookie).await?;
            cookies.push(cookie);
        }
        Ok(cookies)
    }
}

/// What `/read` shows.
async fn read(client: &mut Client, cookie: &str) -> Result<String, BoxError> {
    let answer = client.request("GET", "/read", cookie).await?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(format!("{status} {:?}", answer.body).into()),
    }
}
