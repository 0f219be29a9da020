//! [`Browser`]: the cookies of a browser, kept apart by name, domain and path as RFC 6265bis says.

use http::{Response, header};

/// Cookies of one browser that visits one host.
pub(crate) struct Browser {
    host: &'static str,
    cookies: Vec<Kept>,
}

struct Kept {
    name: String,
    value: String,
    /// `None`: for the very host that set it.
    domain: Option<String>,
    path: String,
}

impl Browser {
    pub(crate) fn at(host: &'static str) -> Self {
        Self { host, cookies: Vec::new() }
    }

    /// Does with a `Set-Cookie` what a browser does at its host.
    pub(crate) fn set(&mut self, set_cookie: &str) {
        let mut parts = set_cookie.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a name and a value");
        let (mut domain, mut path, mut deleted) = (None, "/".to_owned(), false);
        for part in parts {
            match part.split_once('=') {
                Some(("Domain", named)) => domain = Some(named.trim_start_matches('.').to_ascii_lowercase()),
                Some(("Path", named)) => path = named.to_owned(),
                Some(("Max-Age", age)) => deleted = age == "0",
                _ => {}
            }
        }
        let foreign = |domain: &str| self.host != domain && !self.host.ends_with(&format!(".{domain}"));
        if domain.as_deref().is_some_and(foreign) {
            return;
        }
        let same = |kept: &Kept| kept.name == name && kept.domain == domain && kept.path == path;
        let place = self.cookies.iter().position(same);
        let kept = Kept { name: name.to_owned(), value: value.to_owned(), domain, path };
        match (place, deleted) {
            (Some(place), true) => drop(self.cookies.remove(place)),
            // It keeps its place, because it keeps its creation time.
            (Some(place), false) => self.cookies[place] = kept,
            (None, true) => {}
            (None, false) => self.cookies.push(kept),
        }
    }

    pub(crate) fn receive<B>(&mut self, response: &Response<B>) {
        for line in response.headers().get_all(header::SET_COOKIE) {
            self.set(line.to_str().expect("visible ASCII"));
        }
    }

    /// The `Cookie` header for a path: longer paths first, then older cookies.
    pub(crate) fn cookies(&self, path: &str) -> String {
        let within = |kept: &&Kept| {
            let rest = path.strip_prefix(&kept.path);
            rest.is_some_and(|rest| kept.path.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
        };
        let mut sent: Vec<_> = self.cookies.iter().filter(within).collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        sent.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect::<Vec<_>>().join("; ")
    }

    /// How many different values it sends.
    pub(crate) fn values(&self, path: &str) -> usize {
        let cookies = self.cookies(path);
        cookies.split("; ").filter(|pair| !pair.is_empty()).collect::<std::collections::BTreeSet<_>>().len()
    }
}
