//! Two requests that have loaded one session, of which the second saves when the first is done: orders of a login, a
//! logout, a new key and a change, of one user and of two, in one process and in two.

use std::sync::Arc;

use axum::{Router, response::Redirect, routing::any};
use jam_session::{Error, Session, SessionLayer};
use time::Duration;
use tokio::sync::Barrier;

use super::{Moment, Place, cookie_of, every_store, key_in, send};
use crate::TestResult;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Login(&'static str),
    Logout,
    CycleKey,
    Change,
}

use Step::{Change, CycleKey, Login, Logout};

const STEPS: [Step; 5] = [Login("ada"), Login("bob"), Logout, CycleKey, Change];

/// What a login sets, as `DjangoAuth::login` does it for a visitor.
fn log_in(session: &Session, user: &str) -> Result<(), Error> {
    session.cycle_key()?;
    session.insert("_auth_user_id", user)?;
    session.insert("_auth_user_backend", "django.contrib.auth.backends.ModelBackend")?;
    session.insert("_auth_user_hash", &format!("hash of {user}"))?;
    session.modify("logins", |n: Option<u32>| n.unwrap_or(0) + 1).map(drop)
}

/// Makes the step and saves it; `number` says by which of the two requests.
async fn make(step: Step, session: &Session, number: usize) -> Result<(), Error> {
    match step {
        Login(user) => log_in(session, user)?,
        Logout => return session.flush().await,
        CycleKey => session.cycle_key()?,
        Change => {}
    }
    session.insert(&format!("request {number}"), &true)?;
    session.save().await
}

/// A visitor with a cart, logged in or not, whom two requests have loaded.
struct Scene {
    layers: [SessionLayer; 2],
    requests: [Session; 2],
}

impl Scene {
    async fn new(layers: [SessionLayer; 2], user: Option<&str>) -> TestResult<Self> {
        let visitor = layers[0].create().await?;
        visitor.insert("cart", &["book"])?;
        if let Some(user) = user {
            log_in(&visitor, user)?;
        }
        visitor.save().await?;
        let key = visitor.session_key().ok_or("it is stored")?;
        let requests = [layers[0].open(&key).await?, layers[1].open(&key).await?];
        Ok(Self { layers, requests })
    }

    /// What is stored under the key that a request has in the end.
    async fn stored(&self, number: usize) -> TestResult<Session> {
        let key = self.requests[number].session_key().ok_or("the request has a session")?;
        Ok(self.layers[number].open(&key).await?)
    }
}

fn layers(place: &Place, one_process: bool) -> [SessionLayer; 2] {
    let moment = Moment::new();
    let layer = place.layer(&moment);
    let other = if one_process { layer.clone() } else { place.layer(&moment) };
    [layer, other]
}

fn user(session: &Session) -> TestResult<Option<String>> {
    Ok(session.get("_auth_user_id")?)
}

async fn second_is_answered(place: &Place, one_process: bool, before: Option<&str>, steps: [Step; 2]) -> TestResult {
    let what = format!("{}: {steps:?} of {before:?}, one process: {one_process}", place.name);
    let scene = Scene::new(layers(place, one_process), before).await?;
    make(steps[0], &scene.requests[0], 0).await.map_err(|error| format!("{what}: {error}"))?;

    let answer = make(steps[1], &scene.requests[1], 1).await;

    match steps {
        [Change, Logout] | [Logout, Logout] => {}
        [Change, _] => {
            answer.map_err(|error| format!("{what}: {error}"))?;
            let merged = scene.stored(1).await?;
            assert!(merged.contains_key("cart") && merged.contains_key("request 0"), "{what}");
            assert!(merged.contains_key("request 1"), "{what}");
        }
        [first, Login(name)] => {
            answer.map_err(|error| format!("{what}: {error}"))?;
            let session = scene.stored(1).await?;
            assert_eq!(user(&session)?.as_deref(), Some(name), "{what}");
            assert!(session.contains_key("request 1"), "{what}");
            // The winner is the session that the first request left, if it belongs to the same user.
            let winner = match first {
                Login(other) => Some(other),
                CycleKey => before,
                Logout | Change => None,
            };
            let joins = one_process && winner == Some(name);
            assert_eq!(session.session_key() == scene.requests[0].session_key(), joins, "{what}");
            for key in ["cart", "request 0"] {
                assert_eq!(session.contains_key(key), joins, "{what}: {key}");
            }
            if !joins {
                assert_eq!(session.require::<u32>("logins")?, 1, "{what}: the closure ran on nothing");
                assert!(first == Logout || !scene.stored(0).await?.contains_key("request 1"), "{what}");
            }
        }
        [_, CycleKey | Change] => {
            assert!(matches!(answer, Err(Error::SessionInterrupted)), "{what}: {answer:?}");
        }
        // Whether it ends anything is another rule's.
        [_, Logout] => {}
    }
    if matches!(steps[0], Login(_) | CycleKey) {
        assert!(scene.stored(0).await?.contains_key("cart"), "{what}: the first keeps its session");
    }
    Ok(())
}

#[tokio::test]
async fn a_login_whose_session_was_taken_away_gets_one_and_nothing_else_does() -> TestResult {
    let mut orders = 0;
    for place in every_store().await?.iter().filter(|place| !place.is_cookie()) {
        for (first, second) in STEPS.iter().flat_map(|first| STEPS.iter().map(move |second| (*first, *second))) {
            for (one_process, before) in
                [(true, None), (false, None), (true, Some("ada")), (false, Some("ada")), (true, Some("eve"))]
            {
                second_is_answered(place, one_process, before, [first, second]).await?;
                orders += 1;
            }
        }
    }
    println!("every store: login twice: {orders} orders");
    Ok(())
}

#[tokio::test]
async fn a_login_does_not_join_a_winner_that_has_ended() -> TestResult {
    for place in every_store().await?.iter().filter(|place| !place.is_cookie()) {
        let scene = Scene::new(layers(place, true), None).await?;
        make(Login("ada"), &scene.requests[0], 0).await?;
        scene.stored(0).await?.flush().await?;

        make(Login("ada"), &scene.requests[1], 1).await?;

        let session = scene.stored(1).await?;
        assert_ne!(session.session_key(), scene.requests[0].session_key(), "{}", place.name);
        assert!(!session.contains_key("cart") && !session.contains_key("request 0"), "{}", place.name);
    }
    Ok(())
}

#[tokio::test]
async fn a_login_joins_a_winner_that_has_got_another_key_since() -> TestResult {
    for place in every_store().await?.iter().filter(|place| !place.is_cookie()) {
        let scene = Scene::new(layers(place, true), None).await?;
        make(Login("ada"), &scene.requests[0], 0).await?;
        make(CycleKey, &scene.requests[0], 0).await?;

        make(Login("ada"), &scene.requests[1], 1).await?;

        assert_eq!(scene.requests[1].session_key(), scene.requests[0].session_key(), "{}", place.name);
        let session = scene.stored(1).await?;
        assert_eq!(session.require::<u32>("logins")?, 2, "{}", place.name);
    }
    Ok(())
}

#[tokio::test]
async fn a_part_of_an_identity_is_no_login() -> TestResult {
    for place in every_store().await?.iter().filter(|place| !place.is_cookie()) {
        let scene = Scene::new(layers(place, true), Some("ada")).await?;
        make(Logout, &scene.requests[0], 0).await?;

        // As after a change of the password.
        scene.requests[1].cycle_key()?;
        scene.requests[1].insert("_auth_user_hash", "another hash")?;

        let answer = scene.requests[1].save().await;
        assert!(matches!(answer, Err(Error::SessionInterrupted)), "{}: {answer:?}", place.name);
    }
    Ok(())
}

#[tokio::test]
async fn an_application_names_its_own_identity() -> TestResult {
    for place in every_store().await?.iter().filter(|place| !place.is_cookie()) {
        let layer = place.layer(&Moment::new()).identity_keys(["user_id"]);
        let scene = Scene::new([layer.clone(), layer.clone()], None).await?;
        let [first, second] = &scene.requests;
        first.insert("user_id", &7)?;
        first.save().await?;

        // Under the same key, which belongs to another user now.
        second.insert("note", "for the visitor without a login")?;
        assert!(matches!(second.save().await, Err(Error::SessionInterrupted)), "{}", place.name);
        let key = first.session_key().ok_or("it is stored")?;
        let [joins, another] = [layer.open(&key).await?, layer.open(&key).await?];
        first.insert("user_id", &8)?;
        first.save().await?;
        joins.insert("user_id", &8)?;
        joins.save().await?;
        another.insert("user_id", &9)?;
        another.save().await?;

        assert_eq!(joins.session_key(), Some(key.clone()), "{}", place.name);
        assert_ne!(another.session_key(), Some(key.clone()), "{}", place.name);
        assert_eq!(layer.open(&key).await?.get("user_id")?, Some(8), "{}", place.name);
        assert_eq!(scene.layers[0].open(&another.session_key().ok_or("stored")?).await?.keys(), ["user_id"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_login_follows_a_renewal_by_age() -> TestResult {
    for place in every_store().await?.iter().filter(|place| !place.is_cookie()) {
        let moment = Moment::new();
        let minutes = |n: u64| std::time::Duration::from_secs(60 * n);
        let layer = place.layer(&moment).cookie_age(minutes(60)).renew_after(minutes(15));
        let scene = Scene::new([layer.clone(), layer.clone()], None).await?;
        let key = scene.requests[1].session_key().ok_or("it is stored")?;
        moment.advance(Duration::minutes(15));
        let read = any(|session: Session| async move { session.contains_key("cart").to_string() });
        let site = Router::new().route("/", read).layer(layer.clone());
        let renewed = cookie_of(&send(&site, "/", &format!("sessionid={}", key.as_str())).await?);
        assert!(renewed.is_some_and(|cookie| !cookie.ends_with(key.as_str())), "{}", place.name);

        make(Login("ada"), &scene.requests[1], 1).await?;

        let session = scene.stored(1).await?;
        assert!(session.contains_key("cart"), "{}", place.name);
        assert_eq!(user(&session)?.as_deref(), Some("ada"), "{}", place.name);
    }
    Ok(())
}

#[tokio::test]
async fn a_login_form_that_is_sent_twice_is_answered_with_two_redirects_and_two_good_cookies() -> TestResult {
    for place in every_store().await? {
        for one_process in [true, false] {
            let both = Arc::new(Barrier::new(2));
            let login = move |session: Session| async move {
                // Both have loaded the session before either saves it.
                both.wait().await;
                log_in(&session, "ada")?;
                Ok::<_, Error>(Redirect::to("/"))
            };
            let layers = layers(&place, one_process);
            let sites = layers.clone().map(|layer| Router::new().route("/", any(login.clone())).layer(layer));
            let visitor = layers[0].create().await?;
            visitor.insert("cart", &["book"])?;
            visitor.save().await?;
            let cookie = format!("sessionid={}", visitor.session_key().ok_or("it is stored")?.as_str());

            let (first, second) = tokio::join!(send(&sites[0], "/", &cookie), send(&sites[1], "/", &cookie));

            for response in [first?, second?] {
                assert_eq!(response.status().as_u16(), 303, "{}", place.name);
                let key = key_in(&cookie_of(&response).ok_or("each has a cookie")?)?;
                let session = layers[0].open(&key).await?;
                assert_eq!(user(&session)?.as_deref(), Some("ada"), "{}", place.name);
                assert!(session.contains_key("cart") || !one_process, "{}: the cart is kept", place.name);
            }
        }
    }
    Ok(())
}
