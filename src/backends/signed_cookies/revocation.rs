//! [`NotBefore`]: which cookies of a user are no longer accepted.

use std::{pin::Pin, sync::Arc};

use time::OffsetDateTime;

use crate::{
    error::{BoxError, StoreError},
    session_data::SessionData,
};

/// The name under which Django keeps the id of the user.
const USER_ID: &str = "_auth_user_id";

type Answer = Pin<Box<dyn Future<Output = Result<Option<OffsetDateTime>, BoxError>> + Send>>;

/// The application's answer to: since when are cookies of this user valid?
#[derive(Clone)]
pub(super) struct NotBefore(Arc<dyn Fn(String) -> Answer + Send + Sync>);

impl NotBefore {
    pub(super) fn of<F>(ask: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<OffsetDateTime>, BoxError>> + Send + 'static,
    {
        Self(Arc::new(move |user| Box::pin(ask(user))))
    }

    /// Whether a session that was sealed then is one that its user has ended.
    pub(super) async fn refuses(&self, data: &SessionData, sealed_at: OffsetDateTime) -> Result<bool, StoreError> {
        let Some(user) = data.raw(USER_ID) else { return Ok(false) };
        // Django writes a text; others may have kept the number as it is.
        let user = user.get::<String>().unwrap_or_else(|_| user.as_str().to_owned());
        let not_before = (self.0)(user).await.map_err(StoreError::Backend)?;
        Ok(not_before.is_some_and(|not_before| sealed_at < not_before))
    }
}
