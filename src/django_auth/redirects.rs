//! Redirects to a login page and back: [`LoginUrl`] says where to return to, [`is_safe_redirect`] checks what comes
//! back.

use http::Uri;

/// The query parameter that says where to return to: Django's `REDIRECT_FIELD_NAME`.
const NEXT: &str = "next";
/// Django's `MAX_URL_LENGTH`, in characters.
const MAX_LENGTH: usize = 2048;

/// What Python's `quote` leaves as it is, besides letters and digits, if it is told to spare slashes.
const QUOTED: &[u8] = b"-._~/";
/// What Django's `iri_to_uri` leaves as it is.
const URI: &[u8] = b"-._~/#%[]=:;$&()+,!?*@'";
/// What a path may contain, without `%`: `pchar` of RFC 3986, and the slash.
const PATH: &[u8] = b"-._~/!$&'()*+,;=:@";

/// Returns whether redirecting to `url` stays on this site or goes to one of `allowed_hosts`: Django's
/// `url_has_allowed_host_and_scheme`; feature `django_auth`.
///
/// A login page is told by a query parameter where to go afterwards, as [`RequireLogin`](crate::RequireLogin) does
/// with `next`. Anyone can make a link to the login page with another value, so check the value before you redirect to
/// it; otherwise the login page sends visitors to any site that a link names (an open redirect, CWE-601).
///
/// A URL without a host is good: `/page`, `page?x`. One with a host is good if the host stands in `allowed_hosts`
/// exactly so, with its port; list your own host to accept absolute URLs, and leave the list empty otherwise. The
/// scheme must be `http` or `https`, with `require_https` only `https`. These are refused, because browsers
/// understand them otherwise than they look: backslashes that make a host (`/\evil.example`), three slashes, a scheme
/// without a host (`http:///evil.example`), and what begins with a control, format, private or unassigned character.
/// Blanks around the URL do not count. Nothing beyond 2,048 characters and no empty text is good.
///
/// ```
/// use jam_session::is_safe_redirect;
///
/// fn after_login(next: &str) -> &str {
///     if is_safe_redirect(next, &[], true) { next } else { "/" }
/// }
///
/// assert_eq!(after_login("/profile?tab=2"), "/profile?tab=2");
/// assert_eq!(after_login("//evil.example"), "/");
/// assert_eq!(after_login(r"/\evil.example"), "/");
/// assert!(is_safe_redirect("https://example.com/", &["example.com"], true));
/// ```
///
/// As in Django this says where a browser goes, not that the text may stand in a header: `http` refuses a
/// `HeaderValue` with control characters.
#[doc(alias = "url_has_allowed_host_and_scheme")]
#[doc(alias = "is_safe_url")]
#[must_use]
pub fn is_safe_redirect(url: &str, allowed_hosts: &[&str], require_https: bool) -> bool {
    // What Python's `strip` removes.
    let url = url.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c));
    // Browsers take a backslash for a slash, but in front of an `@` it may also belong to a user's name.
    let as_slashes = url.replace('\\', "/");
    [url, &as_slashes].into_iter().all(|url| has_allowed_host_and_scheme(url, allowed_hosts, require_https))
}

fn has_allowed_host_and_scheme(url: &str, allowed_hosts: &[&str], require_https: bool) -> bool {
    // Browsers take more than two slashes for two.
    if url.starts_with("///") || url.chars().count() > MAX_LENGTH || url.chars().next().is_none_or(is_other) {
        return false;
    }
    // Browsers drop these before they look at the URL, and so does Python.
    let url = url.trim_start_matches(|c: char| c <= ' ').replace(['\t', '\r', '\n'], "");
    let (scheme, rest) = split_scheme(&url);
    let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let scheme = match (scheme, host) {
        ("", "") => return true,
        (_, "") => return false,
        ("", _) => "http",
        (scheme, _) => scheme,
    };
    let https = scheme.eq_ignore_ascii_case("https");
    (https || (!require_https && scheme.eq_ignore_ascii_case("http"))) && allowed_hosts.contains(&host)
}

/// The scheme, empty where there is none, and what follows it: by the rule of Python's `urlsplit`.
fn split_scheme(url: &str) -> (&str, &str) {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", url))
}

/// Returns whether Unicode's general category of `c` is `C`: control, format, private use or unassigned.
fn is_other(c: char) -> bool {
    // The standard library keeps that table for `Debug`. In the first place it also escapes marks, hence the `a`;
    // separators, which it escapes too, never come here, because they count as blanks.
    let shown: String = ['a', c].iter().collect::<String>().escape_debug().skip(1).collect();
    c.is_control() || shown.starts_with("\\u{")
}

/// A login page, by the URL that an application gave, divided where the way back belongs.
#[derive(Debug, Clone)]
pub(super) struct LoginUrl {
    before_next: String,
    after_next: String,
}

impl LoginUrl {
    /// The query is encoded anew, and its own `next` is replaced, as Django's `redirect_to_login` does it.
    pub(super) fn new(url: &str) -> Self {
        let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
        let (page, query) = url.split_once('?').unwrap_or((url, ""));
        let mut fields = fields(query);
        let at = fields.iter().position(|(name, _)| name == NEXT).unwrap_or(fields.len());
        let after = fields.split_off(at);
        let encode = |(name, value): &(String, String)| format!("{}={}", quoted(name), quoted(value));
        let before: String = fields.iter().map(|field| encode(field) + "&").collect();
        let after = after.iter().filter(|(name, _)| name != NEXT).map(|field| format!("&{}", encode(field)));
        let fragment = if fragment.is_empty() { String::new() } else { format!("#{}", percent_encoded(fragment, URI)) };
        Self {
            before_next: format!("{}?{before}{NEXT}=", percent_encoded(page, URI)),
            after_next: after.collect::<String>() + &fragment,
        }
    }

    /// The login page, told to return to `page`.
    pub(super) fn returning_to(&self, page: &Uri) -> String {
        format!("{}{}{}", self.before_next, quoted(&path_and_query(page)), self.after_next)
    }
}

/// The fields of a query, as Django's `QueryDict` has them: values of one name stand together.
fn fields(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs.map(|(name, value)| (unquoted(name), unquoted(value))) {
        let at = fields.iter().rposition(|(other, _)| *other == name).map_or(fields.len(), |last| last + 1);
        fields.insert(at, (name, value));
    }
    fields
}

/// The path and the query of a page as a URL that no browser takes for one of another host.
fn path_and_query(page: &Uri) -> String {
    // `OPTIONS *` and `CONNECT` name no page.
    let path = Some(page.path()).filter(|path| path.starts_with('/')).unwrap_or("/");
    // A second slash in front would begin the name of a host, and a backslash counts as a slash.
    let path = match path.strip_prefix("//") {
        Some(rest) => format!("/%2F{}", path_encoded(rest)),
        None => path_encoded(path),
    };
    match page.query().unwrap_or_default() {
        "" => path,
        query => format!("{path}?{}", percent_encoded(query, URI)),
    }
}

/// A path in which all that cannot stand in a path is encoded. What is encoded stays so: axum matches routes by it.
fn path_encoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut encoded = percent_encoded(parts.next().unwrap_or_default(), PATH);
    for part in parts {
        let digits = part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        encoded += if digits { "%" } else { "%25" };
        encoded += &percent_encoded(part, PATH);
    }
    encoded
}

/// A value for a query: percent-encoded, but for what may stand in a path, as Django's `urlencode(safe="/")`.
fn quoted(text: &str) -> String {
    percent_encoded(text, QUOTED)
}

fn percent_encoded(text: &str, safe: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || safe.contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The text of a field of a query. What is no UTF-8 becomes U+FFFD, as in Django.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let encoded = tail.get(..2).filter(|_| byte == b'%').and_then(hex_byte);
        rest = if encoded.is_some() { &tail[2..] } else { tail };
        bytes.push(encoded.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?)
}
