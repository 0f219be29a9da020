//! What the crate promises, checked through its public API.

mod backends;
mod batching;
mod budget;
mod caches;
mod databases;
mod django_auth;
mod django_messages;
mod django_schema;
mod examples;
mod hashed_keys;
mod hostile;
mod layering;
mod local_time;
mod management;
mod middleware;
mod names;
mod oracle;
mod performance;
mod session;
mod session_models;
mod settings;
mod signing;
mod streams;
mod support;
mod testing;
mod user_sessions;
