//! No session at all: what axum itself costs.

use axum::{
    Router,
    routing::{get, post},
};
use bench_common::{BoxError, run, shown};

fn main() -> Result<(), BoxError> {
    run(async |_setup| {
        let router =
            Router::new().route("/untouched", get(async || "ok")).route("/read", get(async || shown(None, None)));
        Ok(router.route("/write", post(async || "1")).route("/new", post(async || "0")))
    })
}
