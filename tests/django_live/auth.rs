//! Who is logged in, when the two sides take turns.

use jam_session::{DjangoAuth, Driver, SessionLayer, Settings, Signer};
use serde_json::{Value, json};

use crate::{
    django::{SECRET_KEY, text},
    site::{Site, key_of},
    support::TestResult,
};

const NEW_SECRET_KEY: &str = "the SECRET_KEY after that";

/// A user of Django's, and our side of logging in and out.
struct Users {
    auth: DjangoAuth,
    id: String,
    other: String,
}

pub(crate) async fn of_users_on_both_sides<DB: Driver>(site: &mut Site<DB>) -> TestResult {
    let id = create_user(site, "ada").await?;
    let other = create_user(site, "grace").await?;
    let users = Users { auth: DjangoAuth::new(Signer::new(SECRET_KEY)), id, other };
    the_hash_is_the_same(site, &users).await?;
    django_logs_in(site, &users).await?;
    we_log_in(site, &users).await?;
    each_keeps_the_cart_of_an_anonymous_visitor_and_ends_the_session_of_another_user(site, &users).await?;
    both_log_out_after_a_password_change(site, &users).await?;
    both_keep_the_session_that_changed_the_password(site, &users).await?;
    let fallbacks = a_new_secret_key_logs_nobody_out(site, &users).await?;
    site.report(format!("auth both ways: login, logout, new password, {fallbacks}"));
    Ok(())
}

async fn create_user<DB: Driver>(site: &mut Site<DB>, name: &str) -> TestResult<String> {
    let id = site.ask("create_user", json!({ "name": name, "password": "tr0ub4dor" })).await?;
    Ok(text(&id).to_owned())
}

/// The column `password`.
async fn password<DB: Driver>(site: &mut Site<DB>, id: &str) -> TestResult<String> {
    Ok(text(&site.ask("password", json!({ "id": id })).await?).to_owned())
}

async fn the_hash_is_the_same<DB: Driver>(site: &mut Site<DB>, users: &Users) -> TestResult {
    let password = password(site, &users.id).await?;
    let djangos = site.ask("session_auth_hash", json!({ "id": users.id })).await?;
    assert_eq!(djangos, Signer::new(SECRET_KEY).session_auth_hash(&password));
    Ok(())
}

/// Django logs the user in, in a new session: its key.
async fn login_at_django<DB: Driver>(site: &mut Site<DB>, key: Option<&str>, id: &str) -> TestResult<String> {
    let done = site.ask("login", json!({ "key": key, "id": id })).await?;
    Ok(text(&done["key"]).to_owned())
}

/// We log the user in, in a new session or in an old one: its key.
async fn login_here<DB: Driver>(site: &mut Site<DB>, users: &Users, key: Option<&str>, id: &str) -> TestResult<String> {
    let password = password(site, id).await?;
    let session = match key {
        Some(key) => site.open_session(key).await?,
        None => site.layer()?.create().await?,
    };
    users.auth.login(&session, id, &password).await?;
    session.save().await?;
    Ok(key_of(&session))
}

/// Who Django says is logged in, and under which key the session is stored after that.
async fn djangos_user<DB: Driver>(site: &mut Site<DB>, key: &str) -> TestResult<(Value, Value)> {
    let mut found = site.ask("get_user", json!({ "key": key })).await?;
    Ok((found["result"].take(), found["key"].take()))
}

/// Whether we say that this user is logged in, and under which key the session is stored after that.
async fn is_ours<DB: Driver>(
    site: &mut Site<DB>,
    auth: &DjangoAuth,
    layer: &SessionLayer,
    key: &str,
    id: &str,
) -> TestResult<(bool, Option<String>)> {
    let password = password(site, id).await?;
    let session = layer.open(&jam_session::SessionKey::parse(key)?).await?;
    if auth.claimed_user_id(&session).as_deref() != Some(id) {
        return Ok((false, None));
    }
    let verified = auth.verify(&session, &password).await?;
    if verified {
        session.save().await?;
    }
    Ok((verified, session.session_key().map(|key| key.as_str().to_owned())))
}

async fn django_logs_in<DB: Driver>(site: &mut Site<DB>, users: &Users) -> TestResult {
    let key = login_at_django(site, None, &users.id).await?;
    let layer = site.layer()?;
    assert_eq!(is_ours(site, &users.auth, &layer, &key, &users.id).await?, (true, Some(key.clone())));

    let session = site.open_session(&key).await?;
    users.auth.logout(&session).await?;
    assert_eq!(djangos_user(site, &key).await?.0, Value::Null, "we logged the user out");
    assert!(!site.is_live(&key).await?);
    Ok(())
}

async fn we_log_in<DB: Driver>(site: &mut Site<DB>, users: &Users) -> TestResult {
    let key = login_here(site, users, None, &users.id).await?;
    assert_eq!(djangos_user(site, &key).await?, (json!(users.id), json!(key)));

    site.ask("logout", json!({ "key": key })).await?;
    let layer = site.layer()?;
    assert_eq!(is_ours(site, &users.auth, &layer, &key, &users.id).await?, (false, None), "Django logged the user out");
    assert!(!site.is_live(&key).await?);
    Ok(())
}

async fn each_keeps_the_cart_of_an_anonymous_visitor_and_ends_the_session_of_another_user<DB: Driver>(
    site: &mut Site<DB>,
    users: &Users,
) -> TestResult {
    for we_log_in in [true, false] {
        let cart = json!({ "text": r#"{"cart":[7]}"# });
        let anonymous = text(&site.ask("create", cart).await?).to_owned();
        let key = match we_log_in {
            true => login_here(site, users, Some(&anonymous), &users.id).await?,
            false => login_at_django(site, Some(&anonymous), &users.id).await?,
        };
        assert_ne!(key, anonymous, "a new key, we_log_in: {we_log_in}");
        assert!(!site.is_live(&anonymous).await?);
        assert!(site.djangos_view(&key).await?.starts_with(r#"{"cart":[7],"_auth_user_id""#));

        // The same user again; then another one, where the other side logged in.
        let again = match we_log_in {
            true => login_at_django(site, Some(&key), &users.id).await?,
            false => login_here(site, users, Some(&key), &users.id).await?,
        };
        // Django keeps the key of a user who logs in again, and we renew it.
        assert_eq!(again == key, we_log_in, "the same user again");
        assert_eq!(site.is_live(&key).await?, we_log_in);
        let key = again;
        assert!(site.djangos_view(&key).await?.starts_with(r#"{"cart":[7],"_auth_user_id""#));
        let others = match we_log_in {
            true => login_at_django(site, Some(&key), &users.other).await?,
            false => login_here(site, users, Some(&key), &users.other).await?,
        };
        assert!(!site.is_live(&key).await?);
        assert!(!site.djangos_view(&others).await?.contains("cart"));
        assert_eq!(djangos_user(site, &others).await?.0, json!(users.other));
    }
    Ok(())
}

async fn both_log_out_after_a_password_change<DB: Driver>(site: &mut Site<DB>, users: &Users) -> TestResult {
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.push(login_at_django(site, None, &users.id).await?);
        keys.push(login_here(site, users, None, &users.id).await?);
    }
    site.ask("set_password", json!({ "id": users.id, "password": "correct horse" })).await?;

    let layer = site.layer()?;
    for key in &keys[..2] {
        assert_eq!(is_ours(site, &users.auth, &layer, key, &users.id).await?, (false, None));
    }
    for key in &keys[2..] {
        assert_eq!(djangos_user(site, key).await?, (Value::Null, Value::Null));
    }
    for key in &keys {
        assert!(!site.is_live(key).await?, "the session is ended, not only anonymous");
    }
    Ok(())
}

async fn both_keep_the_session_that_changed_the_password<DB: Driver>(site: &mut Site<DB>, users: &Users) -> TestResult {
    // Our login, and the password is changed in Django's page.
    let key = login_here(site, users, None, &users.id).await?;
    let changed = json!({ "key": key, "id": users.id, "password": "battery" });
    let kept = site.ask("update_session_auth_hash", changed).await?["key"].take();
    assert_ne!(kept, key);
    let layer = site.layer()?;
    assert_eq!(is_ours(site, &users.auth, &layer, text(&kept), &users.id).await?, (true, Some(text(&kept).to_owned())));

    // Django's login, and the password is changed in our page.
    let key = login_at_django(site, None, &users.id).await?;
    site.ask("set_password", json!({ "id": users.id, "password": "staple" })).await?;
    let password = password(site, &users.id).await?;
    let session = site.open_session(&key).await?;
    users.auth.update_session_auth_hash(&session, &users.id, &password)?;
    session.save().await?;
    let kept = key_of(&session);
    assert_ne!(kept, key);
    assert_eq!(djangos_user(site, &kept).await?, (json!(users.id), json!(kept)));
    Ok(())
}

/// What was signed with the old key is accepted, and renewed under the new one.
async fn a_new_secret_key_logs_nobody_out<DB: Driver>(site: &mut Site<DB>, users: &Users) -> TestResult<&'static str> {
    if site.django.version < (4, 1) {
        return Ok("no fallbacks there");
    }
    let djangos = login_at_django(site, None, &users.id).await?;
    let ours = login_here(site, users, None, &users.id).await?;
    let values = json!({ "SECRET_KEY": NEW_SECRET_KEY, "SECRET_KEY_FALLBACKS": [SECRET_KEY] });
    site.ask("configure", json!({ "values": values })).await?;
    let layer = |signer: &Signer| -> TestResult<SessionLayer> {
        let layer = SessionLayer::with_settings(site.store.clone().signing(signer.clone()), Settings::django())?;
        Ok(layer.clock(site.clock.clock()))
    };
    let new = Signer::new(NEW_SECRET_KEY);
    let both = new.clone().fallbacks([SECRET_KEY]);
    let (with_both, with_new) = (layer(&both)?, layer(&new)?);

    let (verified, renewed) = is_ours(site, &DjangoAuth::new(both), &with_both, &djangos, &users.id).await?;
    let renewed = renewed.ok_or("it is renewed")?;
    assert!(verified && renewed != djangos, "a new key for a new hash");
    assert_eq!(djangos_user(site, &renewed).await?, (json!(users.id), json!(renewed)), "nothing is left to renew");

    let (user, renewed) = djangos_user(site, &ours).await?;
    assert_eq!(user, json!(users.id));
    assert_ne!(renewed, json!(ours));
    let found = is_ours(site, &DjangoAuth::new(new), &with_new, text(&renewed), &users.id).await?;
    assert_eq!(found, (true, Some(text(&renewed).to_owned())), "no fallback is needed any more");

    let values = json!({ "SECRET_KEY": SECRET_KEY, "SECRET_KEY_FALLBACKS": [] });
    site.ask("configure", json!({ "values": values })).await?;
    Ok("SECRET_KEY_FALLBACKS")
}
