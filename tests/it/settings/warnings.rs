//! What works, and is warned about before it is deployed.

use std::time::Duration;

use jam_session::{
    DeletionCookie, DuplicateCookie, HashKeys, Headers, MemoryStore, OnInterrupted, ProxyHeader, SameSite, SaveMode,
    SessionLayer, Settings,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Settings without a warning.
fn quiet() -> Settings {
    let mut settings = Settings::default();
    settings.cookie_name = "__Host-sessionid".into();
    settings.hash_keys = HashKeys::On;
    settings.absolute_age = Some(60 * DAY);
    settings
}

/// The ids of what is warned about after `change`.
fn ids(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
    let mut settings = quiet();
    change(&mut settings);
    assert_eq!(settings.validate(), Ok(()), "a warning is about what works");
    settings.warnings().into_iter().map(|warning| warning.id).collect()
}

#[test]
fn settings_for_a_site_on_the_internet_have_no_warning() {
    assert_eq!(quiet().warnings(), []);
    assert_eq!(Settings::hardened().warnings(), []);
    assert_eq!(ids(|settings| settings.cookie_age = 30 * DAY), [""; 0]);
}

#[test]
fn a_cookie_that_others_can_read_set_or_use_is_warned_about() {
    // The prefix asks for `Secure`, so without it there is a plain name.
    let insecure = |settings: &mut Settings| {
        settings.cookie_name = "sessionid".into();
        settings.cookie_secure = false;
    };
    assert_eq!(ids(insecure), ["cookie_secure", "cookie_name"]);
    let sometimes = |settings: &mut Settings| {
        settings.cookie_name = "sessionid".into();
        settings.secure_proxy_ssl_header = Some(ProxyHeader::new("X-Forwarded-Proto", "https"));
    };
    assert_eq!(ids(sometimes), ["secure_proxy_ssl_header", "cookie_name"]);
    assert_eq!(ids(|settings| settings.cookie_http_only = false), ["cookie_http_only"]);
    assert_eq!(ids(|settings| settings.cookie_same_site = SameSite::None), ["cookie_same_site"]);
    assert_eq!(ids(|settings| settings.cookie_same_site = SameSite::Unset), ["cookie_same_site"]);
    assert_eq!(ids(|settings| settings.cookie_same_site = SameSite::Strict), [""; 0]);
    assert_eq!(ids(|settings| settings.cookie_name = "__Secure-id".into()), ["cookie_name"]);
    let shared = |settings: &mut Settings| {
        settings.cookie_name = "id".into();
        settings.cookie_domain = Some("example.com".into());
    };
    assert_eq!(ids(shared), ["cookie_domain"]);
}

#[test]
fn each_choice_that_costs_something_is_warned_about_by_its_name() {
    assert_eq!(ids(|settings| settings.cookie_age = 31 * DAY), ["cookie_age"]);
    assert_eq!(ids(|settings| settings.absolute_age = None), ["absolute_age"]);
    for (hash_keys, warned) in
        [(HashKeys::Off, true), (HashKeys::MigratingBack, true), (HashKeys::Migrating, false), (HashKeys::On, false)]
    {
        assert_eq!(ids(|settings| settings.hash_keys = hash_keys).contains(&"hash_keys"), warned, "{hash_keys:?}");
    }
    assert_eq!(ids(|settings| settings.duplicate_cookie = DuplicateCookie::TakeLast), ["duplicate_cookie"]);
    assert_eq!(ids(|settings| settings.deletion_cookie = DeletionCookie::WhenEmpty), ["deletion_cookie"]);
    assert_eq!(ids(|settings| settings.headers = Headers::Vary), ["headers"]);
    assert_eq!(ids(|settings| settings.create_empty_rows = true), ["create_empty_rows"]);
    assert_eq!(ids(|settings| settings.save_mode = SaveMode::Overwrite), ["save_mode"]);
    assert_eq!(ids(|settings| settings.on_interrupted = OnInterrupted::KeepResponse), ["on_interrupted"]);
}

#[test]
fn a_warning_says_what_to_do_and_a_layer_has_those_of_its_settings() {
    let layer = SessionLayer::new(MemoryStore::new()).cookie_secure(false);
    let warnings = layer.settings().warnings();

    assert_eq!(
        warnings[0].to_string(),
        "cookie_secure: the cookie also travels over plain HTTP, where anybody on the way can read and use it; switch it on"
    );
    assert!(warnings.iter().all(|warning| !warning.text.is_empty() && !warning.text.ends_with('.')), "{warnings:?}");
}

#[test]
fn refusing_the_sessions_of_a_django_next_door_is_warned_about() {
    let from = Some(time::macros::datetime!(2026-01-31 12:00 UTC));
    assert_eq!(ids(|settings| settings.valid_from = from), [""; 0]);
    let beside_django = |settings: &mut Settings| {
        settings.valid_from = from;
        settings.cookie_format = jam_session::CookieFormat::Django;
    };
    assert_eq!(ids(beside_django), ["valid_from"]);
}
