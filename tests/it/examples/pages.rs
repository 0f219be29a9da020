//! Pages that are made of what a session holds.

use http::StatusCode;

use super::Browser;
use crate::support::{TestResult, send, text};

example!(csrf_token, "../../../examples/csrf_token.rs");
example!(flash_messages, "../../../examples/flash_messages.rs");
example!(template, "../../../examples/template.rs");

#[tokio::test]
async fn a_flash_message_is_shown_on_the_next_page_and_on_no_other() -> TestResult {
    let (app, mut browser) = (flash_messages::app(), Browser::default());
    browser.post(&app, "/save", "").await;
    browser.post(&app, "/delete", "").await;

    let shown = text(browser.get(&app, "/").await).await;
    let later = text(browser.get(&app, "/").await).await;

    assert!(shown.starts_with("<p>Success: saved</p><p>Error: there is nothing to delete</p><form"), "{shown}");
    assert!(later.starts_with("<form"), "{later}");
    Ok(())
}

/// The token in a form.
fn token_in(page: &str) -> Option<String> {
    Some(page.split_once("name=csrf_token value=")?.1.split_once('>')?.0.to_owned())
}

#[tokio::test]
async fn a_form_is_accepted_with_the_token_of_its_own_session_alone() -> TestResult {
    let (app, mut browser, mut other) = (csrf_token::app(), Browser::default(), Browser::default());
    let token = token_in(&text(browser.get(&app, "/").await).await).ok_or("a form has a token")?;
    let others = token_in(&text(other.get(&app, "/").await).await).ok_or("a form has a token")?;
    assert_eq!((token.len(), token == others), (64, false));
    assert_eq!(token_in(&text(browser.get(&app, "/").await).await).as_ref(), Some(&token), "every form has the same");

    for (sent, status) in [
        (token.clone(), StatusCode::OK),
        (others, StatusCode::FORBIDDEN),
        (token[..63].to_owned(), StatusCode::FORBIDDEN),
        (format!("{token}0"), StatusCode::FORBIDDEN),
        (String::new(), StatusCode::FORBIDDEN),
    ] {
        let form = format!("amount=10&csrf_token={sent}").leak();
        assert_eq!(browser.post(&app, "/", form).await.status(), status, "{sent}");
    }
    let forged = Browser::default().post(&app, "/", "amount=10&csrf_token=").await;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN, "a visitor who has seen no form");
    Ok(())
}

#[tokio::test]
async fn a_page_shows_its_visitors_words_and_runs_none_of_them() -> TestResult {
    let (app, mut browser) = (template::app(), Browser::default());
    assert!(text(send(&app, "/", "").await).await.starts_with("<h1>hello stranger</h1><ul></ul>"));

    browser.post(&app, "/", "name=%3Cscript%3E%22%27%26&colour=blue").await;
    browser.post(&app, "/", "name=%3Cscript%3E%22%27%26&colour=%3Cb%3E").await;

    let page = text(browser.get(&app, "/").await).await;
    let expected = "<h1>hello &lt;script&gt;&quot;&#39;&amp;</h1><ul><li>blue</li><li>&lt;b&gt;</li></ul>";
    assert!(page.starts_with(expected), "{page}");
    Ok(())
}
