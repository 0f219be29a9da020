//! The page of the Axum side.

use jam_session::DjangoMessage;

pub(crate) fn home(user: &str, count: u64, messages: &[DjangoMessage], django: &str) -> String {
    let item = |message: &DjangoMessage| format!("<li class={}>{}</li>", message.level_tag(), escaped(&message.text));
    let messages: String = messages.iter().map(item).collect();
    let user = escaped(user);
    format!(
        "<!doctype html>\n<html lang=en>\n<title>Axum</title>\n<h1>Axum</h1>\n\
         <p id=user>logged in as {user}</p>\n<p id=count>count: {count}</p>\n<ul id=messages>{messages}</ul>\n\
         <form method=post action=/axum/><button id=add>count in Axum</button></form>\n\
         <form method=post action=/axum/logout><button id=logout>log out in Axum</button></form>\n\
         <p><a href={django}/>the same session in Django</a></p>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
