//! Signing rows: the codec's signer, for `DbStore`.

use crate::{
    backends::db::{DbStore, Driver},
    base_session::AbstractBaseSession,
    signing::Signer,
};

impl<DB: Driver, M: AbstractBaseSession<DB>> DbStore<DB, M> {
    /// Signs sessions as Django does, so that a running Django shares the table; feature `signing`. Give it the
    /// `SECRET_KEY` of Django's settings.
    ///
    /// Without it a row is plain JSON. A store with a signer takes nothing that is not signed; a row that does not
    /// verify is left as it is.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), jam_session::BoxError> {
    /// use jam_session::{SessionLayer, Signer, SqliteStore};
    ///
    /// let secret_key = "the SECRET_KEY of Django's settings";
    /// let store: SqliteStore = SqliteStore::connect("sqlite::memory:").await?;
    /// let store = store.signing(Signer::new(secret_key));
    /// store.migrate().await?;
    /// assert!(store.check_schema().await?.is_empty(), "what is stored is signed with this key");
    /// let layer = SessionLayer::new(store);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn signing(mut self, signer: Signer) -> Self {
        self.codec.signer = Some(signer);
        self
    }
}
