//! The store's operations: to read is to verify, to write is to sign.

use time::{OffsetDateTime, UtcOffset};

use super::SignedCookieStore;
use crate::{
    backends::base::{Draft, Record, Saved, SessionStore},
    base_session::StoredText,
    error::StoreError,
    session_key::SessionKey,
    settings::CookieFormat,
};

impl SignedCookieStore {
    /// The live session that a cookie is.
    async fn read(&self, cookie: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.verified(cookie, now).await.map_err(StoreError::on_load)
    }

    async fn verified(&self, cookie: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        let (text, limits) = (cookie.as_str(), self.serializer.limits());
        let own = std::iter::once((&self.cookie_name, &self.named));
        let mut unsealed = None;
        for (name, seal) in own.chain(self.fallbacks.iter().map(|(name, seal)| (name, seal))) {
            unsealed = seal.unseal(text, name, &limits)?;
            if unsealed.is_some() {
                break;
            }
        }
        let Some(unsealed) = unsealed else {
            self.events.bad_signature(now, text.len());
            return Ok(None);
        };
        let data = self.serializer.loads(&unsealed.raw)?;
        let Some(until) = unsealed.live_until(&data, now, self.cookie_age, &self.local_time) else { return Ok(None) };
        if let Some(not_before) = &self.not_before
            && not_before.refuses(&data, unsealed.sealed_at).await?
        {
            tracing::debug!("the session cookie was made before its user ended all sessions");
            return Ok(None);
        }
        Ok(Some(Record::new(cookie.clone(), data, until, StoredText(text.into()))))
    }

    /// The session as a new cookie.
    fn write(&self, draft: &Draft, now: OffsetDateTime) -> Result<Record, StoreError> {
        let data = draft.session_data.clone();
        let expire_date = self.named.expire_date(&data, now, draft.expire_date, self.cookie_age, &self.local_time);
        self.tell_of_another_end(draft.expire_date, expire_date);
        let raw = self.serializer.dumps(&data)?;
        let text = self.named.seal(&raw, &self.cookie_name, now, expire_date)?;
        self.check_size(&text)?;
        let cookie = SessionKey::parse(&text).map_err(|error| StoreError::Refused(error.into()))?;
        Ok(Record::new(cookie, data, expire_date, StoredText(text.into())))
    }

    /// Nobody can write over a cookie; what can be told is whether the one that was sent is still good.
    async fn rewrite(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        match self.read(&loaded.session_key, now).await? {
            Some(_) => self.write(draft, now).map(Saved::Done),
            None => Ok(Saved::Gone),
        }
    }
}

impl SessionStore for SignedCookieStore {
    async fn load(&self, session_key: &SessionKey, now: OffsetDateTime) -> Result<Option<Record>, StoreError> {
        self.read(session_key, now).await
    }

    /// The session's key is its cookie, not the one that was drawn.
    async fn create(
        &self,
        _session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Record, StoreError> {
        self.write(draft, now)
    }

    async fn save(&self, loaded: &Record, draft: &Draft, now: OffsetDateTime) -> Result<Saved, StoreError> {
        self.rewrite(loaded, draft, now).await
    }

    async fn touch(
        &self,
        loaded: &Record,
        expire_date: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.rewrite(loaded, &Draft::new(loaded.session_data.clone(), expire_date), now).await
    }

    async fn cycle(
        &self,
        loaded: &Record,
        _session_key: &SessionKey,
        draft: &Draft,
        now: OffsetDateTime,
    ) -> Result<Saved, StoreError> {
        self.rewrite(loaded, draft, now).await
    }

    /// There is nothing to delete: the layer makes the browser forget the cookie.
    async fn delete(&self, _session_key: &SessionKey) -> Result<(), StoreError> {
        Ok(())
    }

    async fn exists(&self, _session_key: &SessionKey) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn clear_expired(&self, _now: OffsetDateTime) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn accepts(&self, text: &str) -> bool {
        self.seal.accepts(text)
    }

    fn for_cookie(&self, name: &str, format: CookieFormat) -> Option<Self> {
        let mut bound = self.clone().cookie_name(name);
        if format == CookieFormat::Django {
            bound.named = bound.seal.clone();
        }
        Some(bound)
    }

    fn local_offset(&self, at: OffsetDateTime) -> Option<UtcOffset> {
        self.local_time.offset(at)
    }

    fn engine(&self) -> &'static str {
        "signed_cookies"
    }
}
