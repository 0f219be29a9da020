//! What a request through the layer does and gets.

mod clones;
mod commits;
mod cookies_in;
mod cookies_out;
mod error_kinds;
mod failures;
mod headers;
mod interrupted;
mod layers;
mod overlap;
pub(crate) mod overload;
mod proxies;
mod randomness;
mod site_data;
mod twins;
