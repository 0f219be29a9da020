//! [`Codec`]: how a session becomes the text that a store keeps, and back: a serializer, and a signer where there is
//! one.

use std::sync::Arc;

use time::OffsetDateTime;

#[cfg(feature = "signing")]
use crate::signing::Signer;
use crate::{
    error::StoreError,
    serializers::{JsonSerializer, Serializer},
    session_data::SessionData,
};

/// What somebody whose rows are signed has to do.
const SIGNED: &str = "rows are signed: add `.signing(Signer::new(SECRET_KEY))` to the store (feature `signing`)";

/// What somebody has to do whose serializer writes bytes, like a `PickleSerializer`.
const NO_TEXT: &str = "keep bytes that are no text unless they are signed: add `.signing(Signer::new(SECRET_KEY))` to the \
                       store (feature `signing`)";

#[derive(Clone)]
pub(crate) struct Codec {
    pub(crate) serializer: Arc<dyn Serializer>,
    #[cfg(feature = "signing")]
    pub(crate) signer: Option<Signer>,
}

impl Default for Codec {
    fn default() -> Self {
        Self {
            serializer: Arc::new(JsonSerializer::default()),
            #[cfg(feature = "signing")]
            signer: None,
        }
    }
}

impl Codec {
    pub(crate) fn encode(&self, data: &SessionData, now: OffsetDateTime) -> Result<Arc<str>, StoreError> {
        let bytes = self.serializer.dumps(data)?;
        let text = match self.sign(&bytes, now) {
            Some(signed) => signed,
            None => String::from_utf8(bytes).map_err(|_| StoreError::Unsupported(NO_TEXT))?,
        };
        Ok(text.into())
    }

    /// With a signer nothing is accepted that is not signed, and without one nothing that is.
    pub(crate) fn decode(&self, text: &Arc<str>) -> Result<SessionData, StoreError> {
        self.read(text).map_err(StoreError::on_load)
    }

    /// As [`decode`](Self::decode), but what is larger than the limits is told apart.
    pub(crate) fn read(&self, text: &Arc<str>) -> Result<SessionData, StoreError> {
        if let Some(bytes) = self.verify(text)? {
            return self.serializer.loads(&bytes);
        }
        self.serializer.loads_text(text).map_err(|error| match error {
            StoreError::Undecodable(_) if looks_signed(text) => StoreError::Undecodable(SIGNED.into()),
            error => error,
        })
    }

    #[cfg(feature = "signing")]
    fn sign(&self, bytes: &[u8], now: OffsetDateTime) -> Option<String> {
        self.signer.as_ref().map(|signer| signer.dumps(bytes, now))
    }

    /// The serializer's bytes; `None` where there is no signer.
    #[cfg(feature = "signing")]
    fn verify(&self, text: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        Ok(Some(signer.loads(text, &self.serializer.limits())?))
    }

    #[cfg(not(feature = "signing"))]
    #[expect(clippy::unused_self, reason = "the same call as with the feature `signing`")]
    fn sign(&self, _bytes: &[u8], _now: OffsetDateTime) -> Option<String> {
        None
    }

    #[cfg(not(feature = "signing"))]
    #[expect(clippy::unused_self, reason = "the same call as with the feature `signing`")]
    fn verify(&self, _text: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }
}

/// Whether a text that is no JSON may be one that Django signed, in the format of today or of 3.0 and before.
fn looks_signed(text: &str) -> bool {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/=.".contains(&byte);
    let parts = text.split(':').count();
    text.len() > 40 && (parts == 3 || parts == 1) && text.bytes().all(|byte| base64(byte) || byte == b':')
}
