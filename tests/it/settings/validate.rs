//! What cannot work is an error at start-up, in a sentence that says what to change.

use std::time::Duration;

use http::StatusCode;
use jam_session::{
    CookieFormat, DeletionCookie, DuplicateCookie, ErasedStore, HashKeys, Headers, MemoryStore, OnInterrupted,
    ProxyHeader, SameSite, SaveMode, SessionLayer, Settings, SignedCookieStore, Signer, SiteData,
};
use tower::Layer as _;

use crate::support::TestResult;

/// What `validate` says of the default settings after `change`.
fn problem(change: impl FnOnce(&mut Settings)) -> Option<String> {
    let mut settings = Settings::default();
    change(&mut settings);
    settings.validate().err().map(|error| error.to_string())
}

fn assert_refused(change: impl FnOnce(&mut Settings), sentence: &str) {
    assert_eq!(problem(change).as_deref(), Some(sentence));
}

#[test]
fn the_defaults_and_djangos_are_fine() {
    assert_eq!(Settings::default().validate(), Ok(()));
    assert_eq!(Settings::django().validate(), Ok(()));
}

#[test]
fn a_name_has_to_be_a_cookie_name() {
    for name in ["", "a b", "a;b", "a=b", "naïve", "a\r\nb", "a,b", "\"a\""] {
        let sentence = format!("cookie_name {name:?} is not a cookie name; use letters, digits, - and _");
        assert_refused(|settings| settings.cookie_name = name.into(), &sentence);
    }
    for name in ["id", "my-app_session.1", "!#$%&'*+-.^_`|~"] {
        assert_eq!(problem(|settings| settings.cookie_name = name.into()), None, "{name}");
    }
}

#[test]
fn an_instant_in_the_future_would_refuse_every_session() {
    let at = |from| {
        let mut settings = Settings::default();
        settings.valid_from = Some(from);
        SessionLayer::with_settings(MemoryStore::new(), settings).err().map(|error| error.to_string())
    };
    let now = time::OffsetDateTime::now_utc();
    assert_eq!(at(now), None);
    let sentence = "valid_from lies in the future, so no session would be good; take a past date";
    assert_eq!(at(now + time::Duration::HOUR).as_deref(), Some(sentence));
}

#[test]
fn identity_keys_say_whose_session_it_is() {
    let keys = |keys: &'static [&'static str]| {
        move |settings: &mut Settings| settings.identity_keys = keys.iter().copied().map(Into::into).collect()
    };
    assert_eq!(problem(keys(&["user_id"])), None);
    assert_refused(keys(&[]), "identity_keys names no key; leave it out for Django's");
    for wrong in ["", "_session_created", "_rotated_to"] {
        let sentence = format!("identity_keys names {wrong:?}, which does not say whose session it is");
        assert_refused(|settings| settings.identity_keys = vec!["user_id".into(), wrong.into()], &sentence);
    }
}

#[test]
fn a_prefix_of_browsers_has_its_conditions() {
    let named = |name: &'static str| move |settings: &mut Settings| settings.cookie_name = name.into();
    assert_eq!(problem(named("__Host-id")), None);
    assert_eq!(problem(named("__Secure-id")), None);
    assert_refused(named("__host-id"), r#"cookie_name begins with "__host-"; browsers mean "__Host-""#);
    assert_refused(named("__SECURE-id"), r#"cookie_name begins with "__SECURE-"; browsers mean "__Secure-""#);

    let insecure = |name: &'static str| {
        move |settings: &mut Settings| {
            settings.cookie_name = name.into();
            settings.cookie_secure = false;
        }
    };
    assert_refused(insecure("__Host-id"), "a __Host- cookie needs cookie_secure");
    assert_refused(insecure("__Secure-id"), "a __Secure- cookie needs cookie_secure");

    let elsewhere = "a __Host- cookie has no cookie_domain and the cookie_path /";
    let host = |change: fn(&mut Settings)| {
        move |settings: &mut Settings| {
            settings.cookie_name = "__Host-id".into();
            change(settings);
        }
    };
    assert_refused(host(|settings| settings.cookie_path = "/app".into()), elsewhere);
    assert_refused(host(|settings| settings.cookie_domain = Some("example.com".into())), elsewhere);
}

#[test]
fn what_browsers_take_over_https_alone_has_to_be_secure() {
    let insecure = |change: fn(&mut Settings)| {
        move |settings: &mut Settings| {
            settings.cookie_secure = false;
            change(settings);
        }
    };

    assert_refused(
        insecure(|settings| settings.cookie_same_site = SameSite::None),
        "SameSite=None needs cookie_secure: browsers drop the cookie otherwise",
    );
    assert_refused(insecure(|settings| settings.cookie_partitioned = true), "a partitioned cookie needs cookie_secure");
    assert_eq!(problem(insecure(|settings| settings.cookie_same_site = SameSite::Unset)), None);
}

#[test]
fn what_is_always_to_be_secure_cannot_depend_on_a_header() {
    let proxied = |change: fn(&mut Settings)| {
        move |settings: &mut Settings| {
            settings.secure_proxy_ssl_header = Some(ProxyHeader::new("X-Forwarded-Proto", "https"));
            change(settings);
        }
    };
    let always = |what: &str| format!("{what} needs a cookie that is always Secure: leave out secure_proxy_ssl_header");

    assert_eq!(problem(proxied(|_| ())), None);
    for name in [
        |settings: &mut Settings| settings.cookie_name = "__Host-id".into(),
        |settings: &mut Settings| {
            settings.cookie_name = "__Secure-id".into();
        },
    ] {
        assert_refused(proxied(name), &always("the prefix of cookie_name"));
    }
    assert_refused(proxied(|settings| settings.cookie_same_site = SameSite::None), &always("SameSite=None"));
    assert_refused(proxied(|settings| settings.cookie_partitioned = true), &always("cookie_partitioned"));
    let off = "secure_proxy_ssl_header says nothing while cookie_secure is off";
    assert_refused(proxied(|settings| settings.cookie_secure = false), off);
}

#[test]
fn a_header_of_a_proxy_has_to_be_one_that_can_be() {
    for (name, value) in
        [("", "https"), ("a b", "https"), ("a:b", "c"), ("a", ""), ("a", "b c"), ("a", "b,c"), ("a", "ü")]
    {
        let header = format!("{name}: {value}");
        let sentence = format!("secure_proxy_ssl_header {header:?} is not a header like \"X-Forwarded-Proto: https\"");
        assert_refused(|settings| settings.secure_proxy_ssl_header = Some(ProxyHeader::new(name, value)), &sentence);
    }
    for (name, value) in [("Forwarded", "proto=https"), ("Front-End-Https", "on"), ("x-forwarded-ssl", "1")] {
        let header = Some(ProxyHeader::new(name, value));
        assert_eq!(problem(|settings| settings.secure_proxy_ssl_header = header), None);
    }
}

#[test]
fn a_path_and_a_domain_have_to_be_that() {
    for path in ["", "app", "/a;b", "/a\r\nSet-Cookie: b", "/ü"] {
        let sentence = format!("cookie_path {path:?} does not begin with / or has a character of its own");
        assert_refused(|settings| settings.cookie_path = path.into(), &sentence);
    }
    for domain in ["", ".", "a b", "a;b", "ü.example", "a\r\nb"] {
        let sentence = format!("cookie_domain {domain:?} is not a domain");
        assert_refused(|settings| settings.cookie_domain = Some(domain.into()), &sentence);
    }
    assert_eq!(problem(|settings| settings.cookie_domain = Some(".example.com".into())), None);
}

#[test]
fn an_age_that_a_cookie_cannot_have_is_refused() {
    let (half, more) = (Duration::from_millis(500), Duration::from_millis(1_500));

    let sentence = "cookie_age is 500ms, and cookies count whole seconds: make it a second or more";
    assert_refused(|settings| settings.cookie_age = half, sentence);
    let sentence = "absolute_age is 500ms, and cookies count whole seconds: make it a second or more";
    assert_refused(|settings| settings.absolute_age = Some(half), sentence);
    assert_eq!(problem(|settings| settings.cookie_age = more), None);
}

#[test]
fn a_duration_is_more_than_nothing_and_less_than_a_century() {
    type Field = fn(&mut Settings) -> &mut Duration;
    let fields: [(&str, Field); 3] = [
        ("cookie_age", |settings| &mut settings.cookie_age),
        ("load_deadline", |settings| &mut settings.load_deadline),
        ("save_deadline", |settings| &mut settings.save_deadline),
    ];
    for (name, field) in fields {
        let sentence = format!("{name} is not between a moment and 100 years");
        for wrong in [Duration::ZERO, Duration::MAX, Duration::from_secs(101 * 366 * 24 * 60 * 60)] {
            assert_refused(|settings| *field(settings) = wrong, &sentence);
        }
        assert_eq!(problem(|settings| *field(settings) = Duration::from_secs(1)), None);
    }
}

#[test]
fn a_threshold_that_is_never_reached_is_refused() {
    let with = |threshold: u64| {
        move |settings: &mut Settings| {
            settings.cookie_age = Duration::from_secs(60);
            settings.refresh_threshold = Some(Duration::from_secs(threshold));
        }
    };

    assert_eq!(problem(with(59)), None);
    assert_eq!(problem(with(0)), None);
    let sentence = "refresh_threshold is not shorter than cookie_age, so no session would ever be refreshed";
    assert_refused(with(60), sentence);
}

#[test]
fn an_absolute_age_is_at_least_the_idle_time() {
    let with = |absolute: u64| {
        move |settings: &mut Settings| {
            settings.cookie_age = Duration::from_secs(60);
            settings.absolute_age = Some(Duration::from_secs(absolute));
        }
    };

    assert_eq!(problem(with(60)), None);
    assert_refused(with(59), "absolute_age is shorter than cookie_age; make cookie_age, the idle time, as short");
    let sentence = "absolute_age is not between a moment and 100 years";
    assert_refused(|settings| settings.absolute_age = Some(Duration::ZERO), sentence);
    assert_refused(|settings| settings.absolute_age = Some(Duration::MAX), sentence);
}

#[test]
fn keys_are_renewed_now_and_then_and_not_all_the_time_or_never() {
    let with = |after: u64, grace: u64| {
        move |settings: &mut Settings| {
            settings.cookie_age = Duration::from_secs(3600);
            settings.absolute_age = Some(Duration::from_secs(3600));
            settings.renew_after = Some(Duration::from_secs(after));
            settings.renewal_grace = Duration::from_secs(grace);
        }
    };

    assert_eq!(problem(with(60, 59)), None);
    assert_eq!(problem(with(3599, 300)), None);
    assert_refused(with(59, 30), "renew_after is shorter than a minute; 15 minutes are usual");
    assert_refused(with(3600, 30), "renew_after is not shorter than cookie_age and absolute_age: no key gets so old");
    let grace = "renewal_grace is not shorter than renew_after, or longer than 5 minutes; take 30 s";
    assert_refused(with(60, 60), grace);
    assert_refused(with(3599, 301), grace);
    assert_refused(with(60, 0), "renewal_grace is not between a moment and 100 years");
    assert_refused(with(u64::MAX, 30), "renew_after is not between a moment and 100 years");
}

#[test]
fn the_statuses_of_errors_are_errors() {
    let sentence = "on_interrupted and store_failure_status are not error statuses (400 to 599)";

    for status in [100, 200, 204, 302, 600, 999].map(|status| StatusCode::from_u16(status).expect("a status")) {
        assert_refused(|settings| settings.on_interrupted = OnInterrupted::Respond(status), sentence);
        assert_refused(|settings| settings.store_failure_status = status, sentence);
    }
    assert_eq!(problem(|settings| settings.on_interrupted = OnInterrupted::KeepResponse), None);
}

fn impossible() -> Settings {
    let mut settings = Settings::default();
    settings.cookie_secure = false;
    settings.cookie_partitioned = true;
    settings
}

#[test]
fn with_settings_returns_the_sentence() {
    let error = SessionLayer::with_settings(MemoryStore::new(), impossible()).expect_err("it cannot work");

    assert_eq!(error.to_string(), "a partitioned cookie needs cookie_secure");
}

#[test]
#[should_panic(expected = "the session settings cannot work: a partitioned cookie needs cookie_secure")]
fn a_layer_panics_with_the_sentence() {
    SessionLayer::new(MemoryStore::new()).cookie_partitioned(true).cookie_secure(false).layer("a service");
}

/// A store that makes its own keys.
fn signed_cookies() -> ErasedStore {
    ErasedStore::new(SignedCookieStore::new(Signer::new("a secret of the test")))
}

#[test]
fn a_store_that_makes_its_own_keys_cannot_hash_them() {
    for hash_keys in [HashKeys::MigratingBack, HashKeys::Migrating, HashKeys::On] {
        let mut settings = Settings::default();
        settings.hash_keys = hash_keys;
        let error = SessionLayer::with_settings(signed_cookies(), settings).expect_err("it cannot work");
        assert_eq!(error.to_string(), "this store makes its own keys, so hash_keys has to be off");
    }
    SessionLayer::new(signed_cookies()).hash_keys(HashKeys::On).hash_keys(HashKeys::Off).layer("a service");
}

#[test]
#[should_panic(expected = "the session settings cannot work: this store makes its own keys")]
fn a_layer_over_signed_cookies_panics_when_it_is_to_hash_keys() {
    SessionLayer::new(signed_cookies()).hash_keys(HashKeys::On).layer("a service");
}

#[test]
fn setters_may_come_in_any_order() {
    let layer = SessionLayer::new(MemoryStore::new()).cookie_same_site(SameSite::None).cookie_secure(false);

    layer.cookie_secure(true).layer("a service");
}

#[test]
fn every_setter_sets_its_setting() -> TestResult {
    let layer = SessionLayer::new(MemoryStore::new())
        .cookie_name("id")
        .cookie_age(Duration::from_secs(90))
        .cookie_domain("example.com".to_owned())
        .cookie_path("/app")
        .cookie_secure(false)
        .secure_proxy_ssl_header(ProxyHeader::new("X-Forwarded-Proto", "https"))
        .cookie_http_only(false)
        .cookie_same_site(SameSite::Strict)
        .previous_cookie_domains(["old.example.com"])
        .previous_cookie_paths(["/old"])
        .cookie_partitioned(true)
        .expire_at_browser_close(true)
        .save_every_request(true)
        .refresh_threshold(Duration::from_secs(9))
        .absolute_age(Duration::from_secs(91))
        .valid_from(time::macros::datetime!(2026-01-31 12:00 +01:00))
        .renew_after(Duration::from_secs(61))
        .renewal_grace(Duration::from_secs(20))
        .hash_keys(HashKeys::Migrating)
        .identity_keys(["user_id", "tenant"])
        .save_mode(SaveMode::Overwrite)
        .duplicate_cookie(DuplicateCookie::TakeLast)
        .deletion_cookie(DeletionCookie::WhenEmpty)
        .cookie_format(CookieFormat::Django)
        .headers(Headers::Vary)
        .clear_site_data([SiteData::Cache, SiteData::Storage])
        .equal_value_modifies(true)
        .create_empty_rows(true)
        .on_interrupted(OnInterrupted::KeepResponse)
        .store_failure_status(StatusCode::BAD_GATEWAY)
        .load_deadline(Duration::from_secs(7))
        .save_deadline(Duration::from_secs(8));

    let same: Settings = serde_json::from_value(super::formats::everything())?;
    assert_eq!(layer.settings(), &same);
    Ok(())
}

#[test]
fn twins_have_to_be_cookies_that_a_browser_can_hold() {
    let twins = |domains: &[&str], paths: &[&str]| {
        let mut settings = Settings::default();
        settings.previous_cookie_domains = domains.iter().map(|&domain| domain.to_owned()).collect();
        settings.previous_cookie_paths = paths.iter().map(|&path| path.to_owned()).collect();
        settings
    };
    assert_eq!(twins(&["example.com", ".example.org"], &["/", "/a b"]).validate(), Ok(()));
    for (domains, paths) in [
        (&["exa mple.com"][..], &[][..]),
        (&[""], &[]),
        (&["a;b"], &[]),
        (&[], &["admin"]),
        (&[], &[""]),
        (&[], &["/a;b"]),
        (&[], &["/a\r\nb"]),
        (&["a.b"; 19], &[]),
        (&["a.b"; 3], &["/a"; 4]),
    ] {
        assert!(twins(domains, paths).validate().is_err(), "{domains:?} {paths:?}");
    }
    let mut host = twins(&["example.com"], &[]);
    host.cookie_name = "__Host-id".into();
    assert!(host.validate().is_err());
}

#[test]
fn djangos_settings_differ_from_ours_in_what_is_documented() {
    let mut expected = Settings::default();
    expected.cookie_secure = false;
    expected.duplicate_cookie = DuplicateCookie::TakeLast;
    expected.deletion_cookie = DeletionCookie::WhenEmpty;
    expected.cookie_format = CookieFormat::Django;
    expected.headers = Headers::Vary;
    expected.equal_value_modifies = true;
    expected.create_empty_rows = true;

    assert_eq!(Settings::django(), expected);
    assert_eq!(expected.save_mode, SaveMode::Merge, "last write wins does not come back");
}
