//! [`Visitor`]: one browser. It keeps its cookies, knows what its session holds, and checks every answer.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use crate::{
    BoxError,
    client::{Answer, Client},
    route::Route,
    servers::{Kind, Server},
};

/// Cookies, in order.
#[derive(Clone, Default)]
pub struct Jar(Vec<(String, String)>);

impl Jar {
    /// With what a `Cookie` header says.
    pub fn of(header: &str) -> Self {
        let pairs = header.split("; ").filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The header for the next request after this answer.
    pub fn followed(mut self, answer: &Answer) -> String {
        self.keep(answer);
        self.header()
    }

    fn keep(&mut self, answer: &Answer) {
        for text in &answer.cookies {
            let mut parts = text.split("; ");
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            self.0.retain(|(kept, _)| kept != name);
            let ended = value.is_empty() || parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
            if !ended {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn header(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

pub struct Visitor {
    client: Client,
    jar: Jar,
    cookie: String,
    /// The cookie of a session that has ended.
    gone: String,
    visits: u64,
    /// The sessions that all visitors have in common, instead of one each.
    shared: Option<Rc<Vec<String>>>,
    random: u64,
}

impl Visitor {
    /// A visitor who is to take `route`: with a session, where there are sessions.
    pub async fn of(server: Server, address: &str, route: Route) -> Result<Self, BoxError> {
        if server.kind == Kind::Bare {
            return Self::anonymous(address).await;
        }
        let mut visitor = Self::new(address).await?;
        if route == Route::Unknown {
            visitor.gone = begin(&mut visitor.client).await?.header();
            checked(&visitor.client.request("POST", "/logout", &visitor.gone).await?, "ok")?;
        }
        Ok(visitor)
    }

    /// A visitor with a session of its own.
    pub async fn new(address: &str) -> Result<Self, BoxError> {
        let mut client = Client::connect(address).await?;
        let jar = begin(&mut client).await?;
        let random = std::process::id().into();
        Ok(Self { client, cookie: jar.header(), jar, gone: String::new(), visits: 0, shared: None, random })
    }

    /// A visitor of pages that have no session.
    async fn anonymous(address: &str) -> Result<Self, BoxError> {
        let client = Client::connect(address).await?;
        let cookie = format!("sessionid={}", "0123456789abcdefghijklmnopqrstuv");
        Ok(Self { client, jar: Jar::default(), cookie, gone: String::new(), visits: 0, shared: None, random: 1 })
    }

    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// From now on it takes any of these sessions.
    pub fn share(&mut self, cookies: &Rc<Vec<String>>, seed: u64) {
        self.shared = Some(Rc::clone(cookies));
        self.random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }

    /// How often the shared sessions were counted up, all together, as the server sees it.
    pub async fn stored_visits_of_all(&mut self) -> Result<u64, BoxError> {
        let mut visits = 0;
        for cookie in self.shared.clone().iter().flat_map(|cookies| cookies.iter()) {
            let answer = self.client.request("GET", "/read", cookie).await?;
            visits += answer.body.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(visits)
    }

    /// Makes one request and says how long the answer took.
    pub async fn visit(&mut self, route: Route) -> Result<Duration, BoxError> {
        if let Some(shared) = self.shared.clone() {
            return self.visit_shared(route, &shared).await;
        }
        if route == Route::Logout {
            self.jar = begin(&mut self.client).await?;
            (self.cookie, self.visits) = (self.jar.header(), 0);
        }
        let (method, path) = route.request();
        let cookie = match route {
            Route::Untouched | Route::New => "",
            Route::Unknown => &self.gone,
            Route::Malformed => "sessionid=not/a/key",
            _ => &self.cookie,
        };
        let started = Instant::now();
        let answer = self.client.request(method, path, cookie).await?;
        let took = started.elapsed();
        self.check(route, &answer)?;
        Ok(took)
    }

    fn check(&mut self, route: Route, answer: &Answer) -> Result<(), BoxError> {
        match route {
            Route::Untouched | Route::UntouchedWithCookie | Route::Logout => checked(answer, "ok"),
            Route::Read => checked(answer, &format!("{} dark", self.visits)),
            Route::Unknown | Route::Malformed => checked(answer, "0 none"),
            Route::New => {
                checked(answer, "0")?;
                Ok((!answer.cookies.is_empty()).then_some(()).ok_or("a new session without a cookie")?)
            }
            Route::Write => {
                self.visits += 1;
                checked(answer, &self.visits.to_string())?;
                self.follow(answer);
                Ok(())
            }
            Route::Login => {
                checked(answer, "ok")?;
                let before = self.cookie.clone();
                self.follow(answer);
                Ok((before != self.cookie).then_some(()).ok_or("a login without a new key")?)
            }
        }
    }

    async fn visit_shared(&mut self, route: Route, cookies: &[String]) -> Result<Duration, BoxError> {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let cookie = &cookies[(self.random % cookies.len() as u64) as usize];
        let (method, path) = route.request();
        let started = Instant::now();
        let answer = self.client.request(method, path, cookie).await?;
        let took = started.elapsed();
        let number = answer.body.split(' ').next().unwrap_or_default().parse::<u64>();
        if answer.status != 200 || number.is_err() || (route == Route::Write && number == Ok(0)) {
            return Err(format!("{} {:?}", answer.status, answer.body).into());
        }
        Ok(took)
    }

    fn follow(&mut self, answer: &Answer) {
        if !answer.cookies.is_empty() {
            self.jar.keep(answer);
            self.cookie = self.jar.header();
        }
    }
}

async fn begin(client: &mut Client) -> Result<Jar, BoxError> {
    let answer = client.request("POST", "/new", "").await?;
    checked(&answer, "0")?;
    let mut jar = Jar::default();
    jar.keep(&answer);
    Ok(jar)
}

fn checked(answer: &Answer, expected: &str) -> Result<(), BoxError> {
    if answer.status != 200 || answer.body != expected {
        return Err(format!("expected {expected:?}, got {} {:?}", answer.status, answer.body).into());
    }
    Ok(())
}
