//! The Tower layer: puts a session into each request and saves it with the response.

mod answer;
mod cookie;
mod do_not_extend;
pub use do_not_extend::{DoNotExtend, DoNotExtendService};
mod factory;
mod future;
pub use future::ResponseFuture;
mod layer;
pub use layer::SessionLayer;
mod service;
pub use service::SessionMiddleware;
mod setters;
mod verdict;
