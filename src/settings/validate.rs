//! Combinations that cannot work are errors at start-up, in a sentence that says what to change.

use std::time::Duration;

use http::StatusCode;

use super::{OnInterrupted, SameSite, Settings};
use crate::error::SettingsError;

const SECOND: Duration = Duration::from_secs(1);
/// A key that is renewed more often is renewed all the time.
const MINUTE: Duration = Duration::from_secs(60);
/// Who has an old key has a session for so long at most.
const LONGEST_GRACE: Duration = Duration::from_secs(5 * 60);
/// The largest number of domains times the number of paths: each of them is a line of the response.
const MOST_TWINS: usize = 20;
/// Nothing lives longer: dates stay far from what databases and Python can express.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

impl Settings {
    /// Checks that these settings can work together. [`SessionLayer`](crate::SessionLayer) does so, too, when it is
    /// made from settings or put on a service.
    ///
    /// # Errors
    ///
    /// The first problem, with what to change: a cookie that browsers would drop, a header that cannot be, an age of
    /// less than a second or of more than 100 years, an idle time longer than the absolute one, keys that are renewed all the time or
    /// never, a threshold that no session can
    /// reach, identity keys that name no user, a status that is no error.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.problem().map_or(Ok(()), |problem| Err(SettingsError(problem)))
    }

    fn problem(&self) -> Option<String> {
        let problem = self.name_problem().or_else(|| self.attribute_problem()).or_else(|| self.proxy_problem());
        let problem = problem.or_else(|| self.twin_problem());
        let problem = problem.or_else(|| self.duration_problem()).or_else(|| self.sub_second_problem());
        let problem = problem.or_else(|| self.lifetime_problem());
        problem.or_else(|| self.identity_problem()).or_else(|| self.status_problem())
    }

    /// Keys that this crate writes by itself say nothing of a user.
    fn identity_problem(&self) -> Option<String> {
        let keys = &self.identity_keys;
        if keys.is_empty() {
            return Some("identity_keys names no key; leave it out for Django's".into());
        }
        let reserved = |key: &str| key.starts_with("_session_") || key == "_rotated_to";
        let wrong = keys.iter().find(|key| key.is_empty() || reserved(key))?;
        Some(format!("identity_keys names {wrong:?}, which does not say whose session it is"))
    }

    /// What is always to be `Secure` cannot depend on a request.
    fn proxy_problem(&self) -> Option<String> {
        let header = self.secure_proxy_ssl_header.as_ref()?;
        let needs_secure = if self.cookie_name.starts_with("__Host-") || self.cookie_name.starts_with("__Secure-") {
            "the prefix of cookie_name"
        } else if self.cookie_same_site == SameSite::None {
            "SameSite=None"
        } else if self.cookie_partitioned {
            "cookie_partitioned"
        } else if !self.cookie_secure {
            return Some("secure_proxy_ssl_header says nothing while cookie_secure is off".into());
        } else {
            return header.problem();
        };
        Some(format!("{needs_secure} needs a cookie that is always Secure: leave out secure_proxy_ssl_header"))
    }

    fn name_problem(&self) -> Option<String> {
        let name = self.cookie_name.as_str();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Some(format!("cookie_name {name:?} is not a cookie name; use letters, digits, - and _"));
        }
        for prefix in ["__Host-", "__Secure-"] {
            let found = name.get(..prefix.len()).unwrap_or_default();
            if found.eq_ignore_ascii_case(prefix) && found != prefix {
                return Some(format!("cookie_name begins with {found:?}; browsers mean {prefix:?}"));
            }
            if found == prefix && !self.cookie_secure {
                return Some(format!("a {prefix} cookie needs cookie_secure"));
            }
        }
        if name.starts_with("__Host-") && (self.cookie_domain.is_some() || self.cookie_path != "/") {
            return Some("a __Host- cookie has no cookie_domain and the cookie_path /".into());
        }
        None
    }

    fn attribute_problem(&self) -> Option<String> {
        if self.cookie_same_site == SameSite::None && !self.cookie_secure {
            return Some("SameSite=None needs cookie_secure: browsers drop the cookie otherwise".into());
        }
        if self.cookie_partitioned && !self.cookie_secure {
            return Some("a partitioned cookie needs cookie_secure".into());
        }
        let domain = self.cookie_domain.as_deref();
        path_problem("cookie_path", &self.cookie_path)
            .or_else(|| domain.and_then(|domain| domain_problem("cookie_domain", domain)))
    }

    /// The twins that are expired have to be cookies that a browser can hold, and few.
    fn twin_problem(&self) -> Option<String> {
        let (domains, paths) = (&self.previous_cookie_domains, &self.previous_cookie_paths);
        if self.cookie_name.starts_with("__Host-") && !(domains.is_empty() && paths.is_empty()) {
            return Some(
                "a __Host- cookie had no other domain or path: leave out previous_cookie_domains and _paths".into(),
            );
        }
        if (domains.len() + 2) * (paths.len() + 1) > MOST_TWINS {
            return Some("previous_cookie_domains and previous_cookie_paths are too many: name the latest".into());
        }
        let domains = domains.iter().find_map(|domain| domain_problem("previous_cookie_domains", domain));
        domains.or_else(|| paths.iter().find_map(|path| path_problem("previous_cookie_paths", path)))
    }

    fn duration_problem(&self) -> Option<String> {
        let durations = [
            ("cookie_age", Some(self.cookie_age)),
            ("absolute_age", self.absolute_age),
            ("renew_after", self.renew_after),
            ("renewal_grace", Some(self.renewal_grace)),
            ("load_deadline", Some(self.load_deadline)),
            ("save_deadline", Some(self.save_deadline)),
        ];
        let (name, _) = durations
            .into_iter()
            .find(|(_, duration)| duration.is_some_and(|duration| duration.is_zero() || duration > LONGEST))?;
        Some(format!("{name} is not between a moment and 100 years"))
    }

    /// `Max-Age` counts whole seconds, and 0 deletes the cookie.
    fn sub_second_problem(&self) -> Option<String> {
        let ages = [("cookie_age", Some(self.cookie_age)), ("absolute_age", self.absolute_age)];
        let (name, age) = ages.into_iter().find(|(_, age)| age.is_some_and(|age| age < SECOND))?;
        Some(format!("{name} is {:?}, and cookies count whole seconds: make it a second or more", age?))
    }

    /// What ends a session later than something else does would never be seen to do so.
    fn lifetime_problem(&self) -> Option<String> {
        if self.refresh_threshold.is_some_and(|threshold| threshold >= self.cookie_age) {
            return Some(
                "refresh_threshold is not shorter than cookie_age, so no session would ever be refreshed".into(),
            );
        }
        if self.absolute_age.is_some_and(|absolute| absolute < self.cookie_age) {
            return Some("absolute_age is shorter than cookie_age; make cookie_age, the idle time, as short".into());
        }
        self.renew_after.and_then(|after| self.renewal_problem(after))
    }

    fn renewal_problem(&self, after: Duration) -> Option<String> {
        if after < MINUTE {
            return Some("renew_after is shorter than a minute; 15 minutes are usual".into());
        }
        if after >= self.cookie_age || self.absolute_age.is_some_and(|absolute| after >= absolute) {
            return Some("renew_after is not shorter than cookie_age and absolute_age: no key gets so old".into());
        }
        if self.renewal_grace >= after || self.renewal_grace > LONGEST_GRACE {
            return Some("renewal_grace is not shorter than renew_after, or longer than 5 minutes; take 30 s".into());
        }
        None
    }

    fn status_problem(&self) -> Option<String> {
        let is_error = |status: StatusCode| status.is_client_error() || status.is_server_error();
        let interrupted = match self.on_interrupted {
            OnInterrupted::Respond(status) => is_error(status),
            OnInterrupted::KeepResponse => true,
        };
        if !interrupted || !is_error(self.store_failure_status) {
            return Some("on_interrupted and store_failure_status are not error statuses (400 to 599)".into());
        }
        None
    }
}

fn path_problem(setting: &str, path: &str) -> Option<String> {
    let plausible = path.starts_with('/') && path.bytes().all(is_attribute);
    (!plausible).then(|| format!("{setting} {path:?} does not begin with / or has a character of its own"))
}

fn domain_problem(setting: &str, domain: &str) -> Option<String> {
    let plausible = domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let plausible = plausible && !domain.trim_matches('.').is_empty();
    (!plausible).then(|| format!("{setting} {domain:?} is not a domain"))
}

/// A character of a token (RFC 9110), which is what a cookie's name is made of.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A character that may stand in an attribute of a cookie (RFC 6265bis).
fn is_attribute(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && byte != b';'
}
