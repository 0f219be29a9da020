//! Reading the cookie of a request, and writing the headers of a response. No store, no session.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use memchr::memchr;
use time::{Duration, OffsetDateTime};

use crate::{
    backends::SessionStore,
    date_text,
    session::{Context, MOST_CANDIDATES, Sent},
    session_key::SessionKey,
    settings::{CookieFormat, DuplicateCookie, Headers, SameSite, Settings, SiteData},
};

/// As many bytes of cookies are looked at in one request. Browsers have room for far more, and most servers take less.
const MOST_COOKIES: usize = 16 * 1024;
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// How long a `Set-Cookie` is with a key of ours and all attributes.
const LIKELY_LENGTH: usize = 192;
/// Browsers cut off what is longer (RFC 6265bis).
const LONGEST_AGE: Duration = Duration::days(400);

/// Finds our cookie. Names are compared byte for byte, and nothing is decoded: what a browser would keep
/// apart, we keep apart. Of more cookies than are looked at none is believed: the end might contradict the beginning.
pub(super) fn sent(headers: &HeaderMap, context: &Context) -> Sent {
    let settings = &context.settings;
    let mut found: Option<&[u8]> = None;
    let mut several: Option<Vec<SessionKey>> = None;
    let mut left = MOST_COOKIES;
    for header in headers.get_all(header::COOKIE) {
        let Some(rest) = left.checked_sub(header.len()) else {
            context.events.too_many_cookies(context.now());
            return Sent::Refused;
        };
        left = rest;
        for value in values(header.as_bytes(), settings.cookie_name.as_bytes()) {
            match (found.filter(|first| *first != value), settings.duplicate_cookie) {
                (None, _) | (_, DuplicateCookie::TakeLast) => found = Some(value),
                (Some(_), DuplicateCookie::Refuse) => {
                    context.events.duplicate_cookie(context.now());
                    return Sent::Several(Box::default());
                }
                (Some(first), DuplicateCookie::OneLive) => {
                    let keys = several.get_or_insert_with(|| key(first, context).into_iter().collect());
                    add_candidate(keys, value, context);
                }
            }
        }
    }
    match (found, several) {
        (None, _) => Sent::Nothing,
        (Some(value), None) => key(value, context).map_or_else(|| malformed(value, context, Sent::Refused), Sent::Key),
        (Some(value), Some(keys)) if keys.is_empty() => malformed(value, context, Sent::Several(Box::default())),
        (Some(_), Some(keys)) if keys.len() > MOST_CANDIDATES => {
            context.events.duplicate_cookie(context.now());
            Sent::Several(Box::default())
        }
        (Some(_), Some(keys)) => Sent::Several(keys.into()),
    }
}

/// The key that a cookie carries, if it can be one.
fn key(value: &[u8], context: &Context) -> Option<SessionKey> {
    let accepted = std::str::from_utf8(value).ok().filter(|text| context.store.accepts(text));
    accepted.and_then(|text| SessionKey::parse(text).ok())
}

/// Keeps one key more than are loaded, which is enough to see that there are too many.
fn add_candidate(keys: &mut Vec<SessionKey>, value: &[u8], context: &Context) {
    if keys.len() > MOST_CANDIDATES || keys.iter().any(|known| known.as_str().as_bytes() == value) {
        return;
    }
    keys.extend(key(value, context));
}

fn malformed(value: &[u8], context: &Context, sent: Sent) -> Sent {
    context.events.malformed_key(context.now(), value.len());
    sent
}

fn values<'a>(header: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let end = memchr(b';', text).unwrap_or(text.len());
            rest = text.get(end + 1..);
            if let Some(value) = value_of(&text[..end], name) {
                return Some(value);
            }
        }
    })
}

fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = trim(pair).strip_prefix(name)?;
    trim(rest).strip_prefix(b"=").map(trim)
}

/// Spaces alone: other white space is part of somebody else's name. Were it taken away, a name that no browser holds
/// to the rules of `__Host-` would become one that it does.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = bytes {
        bytes = rest;
    }
    bytes
}

/// Whether the cookie of a request is to be `Secure`. Headers are believed only where that is set.
pub(super) fn secure(headers: &HeaderMap, settings: &Settings) -> bool {
    settings.cookie_secure && settings.secure_proxy_ssl_header.as_ref().is_none_or(|proxy| proxy.is_in(headers))
}

/// The `Set-Cookie` of a session. Without an `age` the cookie ends with the browser.
pub(super) fn set(
    settings: &Settings,
    key: &SessionKey,
    age: Option<Duration>,
    now: OffsetDateTime,
    secure: bool,
) -> HeaderValue {
    // `Max-Age` counts whole seconds, and 0 deletes the cookie: what lives for less than one lives for one.
    let at_least = |age: Duration| if age.is_positive() { age.max(Duration::SECOND) } else { age };
    let age = age.map(at_least).map(|age| match settings.cookie_format {
        CookieFormat::Rfc6265bis => age.clamp(Duration::ZERO, LONGEST_AGE),
        CookieFormat::Django => age,
    });
    let flags = Flags::of(settings, secure);
    render(settings, Place::of(settings), key.as_str(), flags, age.map(|age| (age, now.saturating_add(age))))
}

/// The `Set-Cookie` that makes a browser forget the cookie: it has to name it exactly.
pub(super) fn deletion(settings: &Settings, secure: bool) -> HeaderValue {
    delete_at(settings, Place::of(settings), deletion_flags(settings, secure))
}

/// The deletions of the cookies of our name that a browser may hold beside the configured one: those of this very host
/// and of the previous domains and paths, and those that are not partitioned where the configured one is.
pub(super) fn twin_deletions(settings: &Settings, secure: bool) -> Vec<HeaderValue> {
    let configured = Place::of(settings);
    let domains = settings.previous_cookie_domains.iter().map(|domain| Some(domain.as_str()));
    let paths = settings.previous_cookie_paths.iter().map(String::as_str);
    let mut places: Vec<Place<'_>> = Vec::new();
    for domain in [configured.domain, None].into_iter().chain(domains) {
        for path in std::iter::once(configured.path).chain(paths.clone()) {
            let place = Place { domain, path };
            if !place.is(configured) && !places.iter().any(|known| known.is(place)) {
                places.push(place);
            }
        }
    }
    let flags = deletion_flags(settings, secure);
    let mut deletions: Vec<_> = places.iter().map(|place| delete_at(settings, *place, flags)).collect();
    if flags.partitioned {
        let flags = Flags { partitioned: false, ..flags };
        deletions.extend([configured].iter().chain(&places).map(|place| delete_at(settings, *place, flags)));
    }
    deletions
}

fn delete_at(settings: &Settings, place: Place<'_>, flags: Flags) -> HeaderValue {
    render(settings, place, "", flags, Some((Duration::ZERO, OffsetDateTime::UNIX_EPOCH)))
}

fn deletion_flags(settings: &Settings, secure: bool) -> Flags {
    match settings.cookie_format {
        CookieFormat::Rfc6265bis => Flags::of(settings, secure),
        CookieFormat::Django => {
            let prefixed = ["__Host-", "__Secure-"].iter().any(|prefix| settings.cookie_name.starts_with(prefix));
            let secure = prefixed || settings.cookie_same_site == SameSite::None;
            Flags { http_only: false, partitioned: false, secure }
        }
    }
}

/// By which a browser keeps cookies of one name apart.
#[derive(Clone, Copy)]
struct Place<'a> {
    domain: Option<&'a str>,
    path: &'a str,
}

impl<'a> Place<'a> {
    fn of(settings: &'a Settings) -> Self {
        Self { domain: settings.cookie_domain.as_deref(), path: &settings.cookie_path }
    }

    /// Whether a browser takes them for the same: it ignores a leading dot and the case of a domain.
    fn is(self, other: Place<'_>) -> bool {
        let plain = |domain: Option<&str>| domain.map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
        self.path == other.path && plain(self.domain) == plain(other.domain)
    }
}

#[derive(Clone, Copy)]
struct Flags {
    http_only: bool,
    partitioned: bool,
    secure: bool,
}

impl Flags {
    fn of(settings: &Settings, secure: bool) -> Self {
        // Browsers take no partitioned cookie without `Secure`.
        let (http_only, partitioned) = (settings.cookie_http_only, settings.cookie_partitioned);
        Self { http_only, partitioned, secure: secure || partitioned }
    }
}

/// Every saved session has one, and the machinery of `format!` would be most of what it costs.
fn render(
    settings: &Settings,
    place: Place<'_>,
    value: &str,
    flags: Flags,
    ends: Option<(Duration, OffsetDateTime)>,
) -> HeaderValue {
    let mut text = String::with_capacity(LIKELY_LENGTH);
    text.push_str(&settings.cookie_name);
    text.push('=');
    text.push_str(value);
    if flags.http_only {
        text.push_str("; HttpOnly");
    }
    text.push_str(settings.cookie_same_site.attribute());
    if flags.partitioned {
        text.push_str("; Partitioned");
    }
    if flags.secure {
        text.push_str("; Secure");
    }
    text.push_str("; Path=");
    text.push_str(place.path);
    if let Some((age, at)) = ends {
        text.push_str("; Max-Age=");
        date_text::push_integer(&mut text, age.whole_seconds());
        text.push_str("; Expires=");
        date_text::push_http(&mut text, at);
    }
    // As it was configured, and as a Django next door writes it.
    if let Some(domain) = place.domain {
        text.push_str("; Domain=");
        text.push_str(domain);
    }
    let mut value = HeaderValue::try_from(text).expect("settings and keys are checked to be visible ASCII");
    value.set_sensitive(true);
    value
}

/// Adds `Cookie` to `Vary`, in one line; `*` stays `*`.
pub(super) fn append_vary(headers: &mut HeaderMap) {
    // The usual response says nothing yet.
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, HeaderValue::from_static("Cookie"));
        return;
    }
    let mut fields: Vec<String> = Vec::new();
    for line in headers.get_all(header::VARY) {
        fields.extend(String::from_utf8_lossy(line.as_bytes()).split(',').map(|field| field.trim().to_owned()));
    }
    if fields.iter().any(|field| field == "*") {
        fields = vec!["*".to_owned()];
    } else if !fields.iter().any(|field| field.eq_ignore_ascii_case("cookie")) {
        fields.push("Cookie".to_owned());
    }
    fields.retain(|field| !field.is_empty());
    if let Ok(value) = HeaderValue::try_from(fields.join(", ")) {
        headers.insert(header::VARY, value);
    }
}

/// Has the browser remove what the settings say. A session that begins with this response keeps its cookie.
pub(super) fn clear_site_data(headers: &mut HeaderMap, settings: &Settings, begun_again: bool) {
    let data = settings.clear_site_data.iter().copied().filter(|data| !begun_again || *data != SiteData::Cookies);
    if let Some(value) = SiteData::header(data) {
        headers.append(CLEAR_SITE_DATA, value);
    }
}

/// Keeps a response out of caches; a `Set-Cookie` alone does not (RFC 9111, section 7.3).
pub(super) fn forbid_storing(headers: &mut HeaderMap, settings: &Settings) {
    if settings.headers == Headers::Vary {
        return;
    }
    let directive = |name: &str| {
        let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|directive| directive.trim().eq_ignore_ascii_case(name))
    };
    if !directive("private") && !directive("no-store") {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
