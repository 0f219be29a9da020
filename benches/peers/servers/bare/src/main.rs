//! No session at all: what axum itself costs. Variant `pass-through`: below a layer that does nothing.

use axum::{
    Router,
    extract::Request,
    routing::{get, post},
};
use bench_common::{BoxError, run, shown};
use tower::util::MapRequestLayer;

fn main() -> Result<(), BoxError> {
    run(async |setup| {
        let router =
            Router::new().route("/untouched", get(async || "ok")).route("/read", get(async || shown(None, None)));
        let router = router.route("/write", post(async || "1")).route("/new", post(async || "0"));
        Ok(match setup.variant.as_str() {
            "pass-through" => router.layer(MapRequestLayer::new(|request: Request| request)),
            _ => router,
        })
    })
}
