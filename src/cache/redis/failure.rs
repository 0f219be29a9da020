//! What an error of Redis may say: the servers and clients of Redis quote keys and values in theirs, so nothing of
//! their texts is passed on but what is known to be free of them.

use std::{error::Error as StdError, fmt, time::Duration};

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// A command that was not answered as it should have been.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    place: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// The text is about the network or a certificate, from before any key was sent.
    Unreachable(String),
    Silent(Duration),
    Lost,
    Denied,
    /// The first word of what the server answered, such as `OOM`.
    Answer(String),
    /// It may hold older values than it did.
    Renewed,
    /// Something that is no answer to the command.
    Unexpected,
}

impl Failure {
    /// Of connecting.
    pub(super) fn unreachable(place: &str, error: &RedisError, patience: Duration) -> Self {
        let what = match error.kind() {
            _ if error.is_timeout() => What::Silent(patience),
            ErrorKind::AuthenticationFailed => What::Denied,
            ErrorKind::Io => What::Unreachable(error.to_string()),
            ErrorKind::MasterNameNotFoundBySentinel => {
                What::Unreachable("the sentinels know no live server of this name".to_owned())
            }
            ErrorKind::ClusterConnectionNotFound => What::Unreachable("no node of the cluster answers".to_owned()),
            _ => What::of(error),
        };
        Self { place: place.to_owned(), what }
    }

    /// Of a command.
    pub(super) fn answer(place: &str, error: &RedisError, patience: Duration) -> Self {
        let what = if error.is_timeout() { What::Silent(patience) } else { What::of(error) };
        Self { place: place.to_owned(), what }
    }

    /// Whether the server would refuse the same command again, until somebody changes a permission, a password or what is
    /// stored under this name. One that is full, is loading or has lost its master may take it later.
    pub(super) fn is_refusal(&self) -> bool {
        match &self.what {
            What::Denied => true,
            What::Answer(code) => ["NOAUTH", "NOPERM", "WRONGPASS", "WRONGTYPE"].contains(&code.as_str()),
            What::Unreachable(_) | What::Silent(_) | What::Lost | What::Renewed | What::Unexpected => false,
        }
    }

    /// Whether the server does not know the script of this name.
    pub(super) fn is_no_script(&self) -> bool {
        matches!(&self.what, What::Answer(code) if code == "NOSCRIPT")
    }

    /// Whether the server refuses to write and keeps what it has: it has no memory left, cannot save to its disk, or has
    /// too few replicas.
    pub(super) fn takes_nothing_in(&self) -> bool {
        matches!(&self.what, What::Answer(code) if ["OOM", "MISCONF", "NOREPLICAS"].contains(&&code[..]))
    }

    /// The server is another one than the last command was sent to.
    pub(super) fn renewed(place: &str) -> Self {
        Self { place: place.to_owned(), what: What::Renewed }
    }

    /// There was no answer for this long.
    pub(super) fn silent(place: &str, patience: Duration) -> Self {
        Self { place: place.to_owned(), what: What::Silent(patience) }
    }
}

impl What {
    fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io => Self::Lost,
            ErrorKind::AuthenticationFailed => Self::Denied,
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::Denied,
            _ => error.code().and_then(error_code).map_or(Self::Unexpected, Self::Answer),
        }
    }
}

/// Redis' errors begin with a word in capitals; anything else may be from somewhere else.
fn error_code(code: &str) -> Option<String> {
    let plain = (1..=16).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_uppercase());
    plain.then(|| code.to_owned())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.what {
            What::Unreachable(why) => write!(f, "cannot reach Redis at {place}: {why}"),
            What::Silent(patience) => write!(f, "Redis at {place} did not answer within {} ms", patience.as_millis()),
            What::Lost => write!(f, "the connection to Redis at {place} broke before the answer"),
            What::Denied => write!(f, "Redis at {place} does not let this user, password or command in"),
            What::Answer(code) => write!(f, "Redis at {place} answered with the error {code}"),
            What::Renewed => {
                write!(f, "Redis at {place} was started anew, or is another server now: it may have gone back in time")
            }
            What::Unexpected => write!(f, "Redis at {place} gave an answer of the wrong kind"),
        }
    }
}

impl StdError for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_error(code: &str, detail: &str) -> RedisError {
        redis::make_extension_error(code.to_owned(), Some(detail.to_owned()))
    }

    #[test]
    fn what_somebody_has_to_change_is_told_from_what_passes() {
        let refused = |code| Failure::answer("h:1", &server_error(code, "x"), Duration::from_millis(5)).is_refusal();

        for code in ["NOAUTH", "NOPERM", "WRONGPASS", "WRONGTYPE"] {
            assert!(refused(code), "{code}");
        }
        for code in ["OOM", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "MISCONF", "NOREPLICAS", "ERR"]
        {
            assert!(!refused(code), "{code}");
        }
    }

    #[test]
    fn no_text_of_the_server_is_passed_on_but_a_code() {
        let said = |error: RedisError| Failure::answer("h:1", &error, Duration::from_millis(5)).to_string();

        let text = said(server_error("OOM", "command not allowed for key secret-key"));
        assert_eq!(text, "Redis at h:1 answered with the error OOM");
        let text = said(server_error("secret-key", "secret-value"));
        assert_eq!(text, "Redis at h:1 gave an answer of the wrong kind");
        let text = said((ErrorKind::UnexpectedReturnType, "x", "secret-value".to_owned()).into());
        assert!(!text.contains("secret"), "{text}");
    }
}
