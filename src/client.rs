//! Who asks: the address and the browser of a client, where the layer is told to record them.

use crate::{raw::Raw, session_data::SessionData};

/// The reserved name of the client's address in a session.
pub(crate) const IP_KEY: &str = "_session_ip";
/// The reserved name of the client's browser in a session.
pub(crate) const USER_AGENT_KEY: &str = "_session_user_agent";

/// As much of a `User-Agent` as is kept, in bytes.
const LONGEST: usize = 255;

/// A `User-Agent` as it is recorded.
pub(crate) fn user_agent(header: &[u8]) -> String {
    String::from_utf8_lossy(&header[..header.len().min(LONGEST)]).into_owned()
}

/// What is recorded of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub(crate) ip: Option<std::net::IpAddr>,
    /// In full, or its beginning.
    pub(crate) user_agent: Option<String>,
}

impl Client {
    /// The names and values that a session with `data` does not have yet.
    pub(crate) fn changes(&self, data: &SessionData) -> Vec<(&'static str, Raw)> {
        let ip = self.ip.map(|ip| (IP_KEY, ip.to_string()));
        let agent = self.user_agent.as_ref().map(|agent| (USER_AGENT_KEY, agent.clone()));
        let entries = ip.into_iter().chain(agent);
        let entries = entries.map(|(key, value)| (key, Raw::new(&value).expect("a text is JSON")));
        entries.filter(|(key, value)| data.raw(key) != Some(value)).collect()
    }
}
