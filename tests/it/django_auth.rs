//! Who is logged in: the hashes and the steps that Django took, and the routes for those who are logged in.

use axum::{Router, routing::get};
use http::StatusCode;
use jam_session::{
    BoxError, DjangoAuth, DjangoUserId, Error, Legacy, MemoryStore, RequireLogin, Session, SessionLayer, Settings,
    Signer, SqliteStore, sqlx,
};
use serde_json::Value;

use crate::{
    signing::{VERSIONS, secret, text, trace},
    support::{self, Moment, TestResult},
};

const HASH: &str = "_auth_user_hash";
const ALICE: &str = "pbkdf2_sha256$720000$abcdefghijklmnopqrstuv$Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE=";
const BOB: &str = "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99";

fn signer(legacy: Legacy) -> TestResult<Signer> {
    let fallbacks = ["old", "older"].into_iter().map(secret).collect::<TestResult<Vec<_>>>()?;
    Ok(Signer::new(secret("ascii")?).fallbacks(fallbacks).legacy(legacy))
}

#[tokio::test]
async fn session_auth_hashes_are_those_of_django_and_its_fallbacks_are_renewed() -> TestResult {
    let rows = trace(include_str!("../data/django_auth_hashes.json"))?;
    for (version, legacy) in VERSIONS.into_iter().zip([Legacy::Refuse, Legacy::Read, Legacy::Write]) {
        let (mut matched, mut others) = (0, 0);
        for row in rows.iter().filter(|row| row["django"][0] == version) {
            let signer = Signer::new(secret(text(row, "secret"))?).legacy(legacy);
            let signer = signer.fallbacks([secret("old")?, secret("older")?]);
            let (password, hash) = (text(row, "password"), text(row, "session_auth_hash"));
            assert_eq!(signer.session_auth_hash(password), hash, "{}", row["name"]);
            let fallbacks = row["fallback_hashes"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for other in fallbacks.chain(row["legacy_hash"].as_str()) {
                let expected = if row["legacy_hash"] == other { other } else { hash };
                assert_eq!(verified(&signer, other, password).await?.as_deref(), Some(expected), "{}", row["name"]);
                others += 1;
            }
            matched += 1;
        }
        println!("signing: auth {version} 18 rows: matched {matched}, with {others} hashes of other keys");
        assert_eq!(matched, 18);
    }
    Ok(())
}

/// The hash that is left after a session with `hash` was verified; `None` where the session is ended.
async fn verified(signer: &Signer, hash: &str, password: &str) -> TestResult<Option<String>> {
    let session = SessionLayer::new(MemoryStore::new()).create().await?;
    session.insert(HASH, hash)?;
    session.save().await?;
    let good = DjangoAuth::new(signer.clone()).verify(&session, password).await?;
    let left = session.get(HASH)?;
    assert_eq!(good, left.is_some(), "what does not verify is ended");
    Ok(left)
}

#[tokio::test]
async fn a_session_of_another_password_another_key_or_no_hash_is_ended() -> TestResult {
    let signer = signer(Legacy::Refuse)?;
    let sha1 = signer.clone().legacy(Legacy::Write).session_auth_hash(ALICE);
    let good = signer.session_auth_hash(ALICE);
    let forged = ["", "00", &good[1..], &good.to_uppercase(), &sha1, &Signer::new("x").session_auth_hash(ALICE)];
    for hash in forged {
        assert_eq!(verified(&signer, hash, ALICE).await?, None, "{hash}");
    }
    assert_eq!(verified(&signer, &good, BOB).await?, None);
    assert_eq!(verified(&signer, &good, ALICE).await?, Some(good));
    Ok(())
}

/// The session of a browser, which asks again and again.
struct Browser {
    store: SqliteStore,
    layer: SessionLayer,
}

impl Browser {
    async fn new() -> TestResult<Self> {
        let store = SqliteStore::connect("sqlite::memory:").await?.signing(signer(Legacy::Refuse)?);
        store.migrate().await?;
        let layer = SessionLayer::with_settings(store.clone(), Settings::django())?.clock(Moment::new().clock());
        Ok(Self { store, layer })
    }

    async fn rows(&self) -> TestResult<Vec<String>> {
        Ok(sqlx::query_scalar("SELECT session_key FROM django_session").fetch_all(self.store.pool()).await?)
    }

    async fn agrees(&self, session: &Session, step: &Value) -> TestResult {
        let (name, mut data) = (text(step, "name"), session.session_data());
        // When somebody logged in is of interest here alone.
        data.remove("_session_authenticated");
        let json = data.to_json();
        assert_eq!(json, text(step, "json"), "{name}");
        assert_eq!(session.session_key().is_some(), step["session_key"].is_string(), "{name}");
        assert_eq!(self.rows().await?.len(), step["rows"].as_array().ok_or("rows")?.len(), "{name}");
        assert_eq!(session.modified(), step["modified"] == true, "{name}");
        Ok(())
    }
}

#[tokio::test]
async fn users_come_and_go_as_in_django() -> TestResult {
    let steps = trace(include_str!("../data/django_auth_flow.json"))?;
    let (browser, auth) = (Browser::new().await?, DjangoAuth::new(signer(Legacy::Refuse)?));
    let session = browser.layer.create().await?;

    session.insert("cart", &[1])?;
    session.save().await?;
    let anonymous = session.session_key();
    browser.agrees(&session, &steps[0]).await?;

    auth.login(&session, "42", ALICE).await?;
    session.save().await?;
    let alice = session.session_key();
    assert_ne!(alice, anonymous, "{}", steps[1]["name"]);
    browser.agrees(&session, &steps[1]).await?;

    auth.login(&session, "42", ALICE).await?;
    session.save().await?;
    assert_ne!(session.session_key(), alice, "Django keeps the key, which is the one difference: {}", steps[2]["name"]);
    browser.agrees(&session, &steps[2]).await?;

    auth.login(&session, "43", BOB).await?;
    browser.agrees(&session, &steps[3]).await?;
    session.save().await?;
    browser.agrees(&session, &steps[4]).await?;

    let bob = session.session_key();
    let changed = "md5$salt$changed";
    auth.update_session_auth_hash(&session, "43", changed)?;
    session.save().await?;
    assert_ne!(session.session_key(), bob, "{}", steps[5]["name"]);
    assert_eq!(session.get(HASH)?, Some(auth_hash(changed)?), "{}", steps[5]["name"]);

    assert!(auth.verify(&session, changed).await?, "{}", steps[6]["name"]);
    assert_eq!(auth.claimed_user_id(&session).as_deref(), Some("43"));
    assert!(!auth.verify(&session, BOB).await?, "{}", steps[7]["name"]);
    assert_eq!((session.session_key(), browser.rows().await?.len()), (None, 0), "{}", steps[7]["name"]);
    assert_eq!(auth.claimed_user_id(&session), None);
    Ok(())
}

#[tokio::test]
async fn who_logs_in_again_gets_a_new_key_and_the_old_one_opens_nothing() -> TestResult {
    let (browser, auth) = (Browser::new().await?, DjangoAuth::new(signer(Legacy::Refuse)?));
    let session = browser.layer.create().await?;
    auth.login(&session, "42", ALICE).await?;
    session.insert("cart", &[1])?;
    session.save().await?;
    let known = session.session_key().ok_or("it is stored")?;

    let again = browser.layer.open(&known).await?;
    auth.login(&again, "42", ALICE).await?;
    again.save().await?;

    let renewed = again.session_key().ok_or("it is stored")?;
    assert_ne!(renewed, known);
    assert!(browser.layer.open(&known).await?.session_key().is_none());
    let session = browser.layer.open(&renewed).await?;
    assert_eq!((session.get("cart")?, auth.claimed_user_id(&session)), (Some([1]), Some("42".to_owned())));
    assert_eq!(browser.rows().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_user_who_is_logged_in_and_sends_the_form_twice_stays_logged_in_whichever_answer_comes_last() -> TestResult {
    let (browser, auth) = (Browser::new().await?, DjangoAuth::new(signer(Legacy::Refuse)?));
    for one_first in [true, false] {
        let session = browser.layer.create().await?;
        auth.login(&session, "42", ALICE).await?;
        session.save().await?;
        let key = session.session_key().ok_or("it is stored")?;
        let (one, two) = (browser.layer.open(&key).await?, browser.layer.open(&key).await?);

        auth.login(&one, "42", ALICE).await?;
        auth.login(&two, "42", ALICE).await?;
        let order = if one_first { [&one, &two] } else { [&two, &one] };
        for session in order {
            session.save().await?;
        }

        for session in order {
            let key = session.session_key().ok_or("it is stored")?;
            assert_eq!(auth.claimed_user_id(&browser.layer.open(&key).await?).as_deref(), Some("42"));
        }
        assert!(browser.layer.open(&key).await?.session_key().is_none(), "the key from before opens nothing");
    }
    Ok(())
}

fn auth_hash(password: &str) -> TestResult<String> {
    Ok(signer(Legacy::Refuse)?.session_auth_hash(password))
}

#[tokio::test]
async fn a_session_of_a_fallback_key_is_renewed_and_a_logout_ends_it() -> TestResult {
    let steps = trace(include_str!("../data/django_auth_flow.json"))?;
    let (browser, auth) = (Browser::new().await?, DjangoAuth::new(signer(Legacy::Refuse)?));
    let session = browser.layer.create().await?;
    let before = DjangoAuth::new(Signer::new(secret("old")?));
    before.login(&session, "42", ALICE).await?;
    session.save().await?;
    let old_key = session.session_key();

    assert!(auth.verify(&session, ALICE).await?);
    session.save().await?;
    let renewed = &steps[8];
    assert_eq!(session.session_key() != old_key, renewed["key_cycled"] == true);
    assert_eq!(session.get(HASH)? == Some(auth_hash(ALICE)?), renewed["hash_upgraded"] == true);
    assert_eq!(browser.rows().await?.len(), 1);

    auth.logout(&session).await?;
    assert_eq!(session.session_data().to_json(), text(&steps[9], "json"));
    assert_eq!((session.session_key(), browser.rows().await?.len()), (None, 0));
    Ok(())
}

#[tokio::test]
async fn the_token_against_forged_requests_is_renewed_by_a_login() -> TestResult {
    let (browser, auth) = (Browser::new().await?, DjangoAuth::new(signer(Legacy::Refuse)?));
    let session = browser.layer.create().await?;
    session.insert("_csrftoken", "planted")?;
    auth.login(&session, "42", ALICE).await?;
    assert!(!session.contains_key("_csrftoken"));
    Ok(())
}

#[tokio::test]
async fn who_logged_in_by_a_backend_that_is_not_listed_is_anonymous_and_keeps_the_session() -> TestResult {
    let (browser, auth) = (Browser::new().await?, DjangoAuth::new(signer(Legacy::Refuse)?));
    let session = browser.layer.create().await?;
    auth.clone().backends(["sso.Backend", "other.Backend"]).login(&session, "42", ALICE).await?;
    session.save().await?;

    assert_eq!(session.get::<String>("_auth_user_backend")?.as_deref(), Some("sso.Backend"));
    assert_eq!(auth.claimed_user_id(&session), None);
    assert_eq!(auth.backends(["a.Backend", "sso.Backend"]).claimed_user_id(&session).as_deref(), Some("42"));
    assert!(session.session_key().is_some());
    Ok(())
}

/// An application with a page for all, one for users, and logins of users by id; user 13 is a database that fails.
fn app(store: MemoryStore) -> TestResult<Router> {
    let auth = DjangoAuth::new(signer(Legacy::Refuse)?);
    let password_of = |id: String| async move {
        match id.as_str() {
            "42" => Ok(Some(ALICE.to_owned())),
            "13" => Err(BoxError::from("no connection")),
            _ => Ok(None),
        }
    };
    let rule = RequireLogin::new(auth.clone(), password_of);
    let login = {
        async move |session: Session, axum::extract::Path((id, password)): axum::extract::Path<(String, String)>| {
            let password = if password == "right" { ALICE } else { BOB };
            auth.login(&session, &id, password).await.map(|()| "welcome")
        }
    };
    let whoever = async |user: Option<DjangoUserId>| user.map_or("nobody".to_owned(), |user| user.0);
    Ok(Router::new()
        .route("/profile", get(async |DjangoUserId(id): DjangoUserId| id).layer(rule.clone()))
        .route("/page", get(async || "page").layer(rule.clone().login_url("/login/?a=1")))
        .route("/home", get(whoever).layer(rule.optional()))
        .route("/unguarded", get(async |DjangoUserId(id): DjangoUserId| id))
        .route("/login/{id}/{password}", get(login))
        .layer(SessionLayer::new(store)))
}

async fn visit(app: &Router, login: &str, path: &str) -> TestResult<(StatusCode, String, String)> {
    let cookie = match login {
        "" => String::new(),
        login => support::cookie_of(&support::send(app, login, "").await).ok_or("a cookie")?,
    };
    let response = support::send(app, path, &cookie).await;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let (status, location) = (response.status(), header(http::header::LOCATION));
    Ok((status, location, support::text(response).await))
}

#[tokio::test]
async fn a_guarded_route_is_for_those_whose_login_verifies() -> TestResult {
    let app = app(MemoryStore::new())?;
    let outcome = async |login, path| visit(&app, login, path).await.map(|(status, _, body)| (status.as_u16(), body));

    assert_eq!(outcome("", "/profile").await?, (401, String::new()));
    assert_eq!(outcome("/login/42/right", "/profile").await?, (200, "42".to_owned()));
    assert_eq!(outcome("/login/42/wrong", "/profile").await?, (401, String::new()), "an old password");
    assert_eq!(outcome("/login/7/right", "/profile").await?, (401, String::new()), "no such user");
    assert_eq!(outcome("", "/home").await?, (200, "nobody".to_owned()));
    assert_eq!(outcome("/login/42/right", "/home").await?, (200, "42".to_owned()));
    assert_eq!(outcome("/login/42/wrong", "/home").await?, (200, "nobody".to_owned()));
    assert_eq!(outcome("/login/42/right", "/unguarded").await?.0, 500, "nothing was verified");
    assert_eq!(outcome("/login/13/right", "/home").await?.0, 503, "a failing database is no anonymous visitor");
    Ok(())
}

#[tokio::test]
async fn a_visitor_is_sent_to_the_login_page_and_told_where_to_go_back() -> TestResult {
    let app = app(MemoryStore::new())?;
    let (status, location, _) = visit(&app, "", "/page?q=a%20b&next=//evil.example").await?;

    assert_eq!(status, StatusCode::FOUND);
    assert_eq!(location, "/login/?a=1&next=/page%3Fq%3Da%2520b%26next%3D//evil.example");
    Ok(())
}

#[tokio::test]
async fn without_a_session_layer_the_cause_is_named() -> TestResult {
    let error = Error::MissingLayer.kind();
    let rule = RequireLogin::new(DjangoAuth::new(Signer::new("x")), async |_| Ok(None));
    let app = Router::new().route("/", get(async || "in").layer(rule));
    let response = support::send(&app, "/", "").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.extensions().get(), Some(&error));
    Ok(())
}
