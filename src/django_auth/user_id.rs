//! [`DjangoUserId`]: the user of a request, once [`RequireLogin`](super::RequireLogin) has verified it.

/// The id of the user who is logged in, as text. [`RequireLogin`](crate::RequireLogin) puts it into the requests that
/// it lets through; with the feature `axum` it is an extractor, and `Option<DjangoUserId>` is one where the login is
/// [`optional`](crate::RequireLogin::optional). Without that layer on the route, it is a 500.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[doc(alias = "request.user")]
pub struct DjangoUserId(pub String);

impl DjangoUserId {
    /// The user of a request, for services that know no extractors.
    #[must_use]
    pub fn of(extensions: &http::Extensions) -> Option<&Self> {
        extensions.get()
    }
}

#[cfg(feature = "axum")]
mod extractor {
    use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
    use http::{StatusCode, request::Parts};

    use super::DjangoUserId;

    impl<S: Send + Sync> FromRequestParts<S> for DjangoUserId {
        type Rejection = StatusCode;

        async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
            Self::of(&parts.extensions).cloned().ok_or_else(|| {
                tracing::error!("no user in this request: add the layer `RequireLogin` to the route");
                StatusCode::INTERNAL_SERVER_ERROR
            })
        }
    }

    impl<S: Send + Sync> OptionalFromRequestParts<S> for DjangoUserId {
        type Rejection = std::convert::Infallible;

        async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
            Ok(Self::of(&parts.extensions).cloned())
        }
    }
}
