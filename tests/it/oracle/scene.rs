//! Where a row is replayed: a table of its own, Django's settings, and the clock of the traces.

use std::{collections::BTreeMap, convert::Infallible};

use http::{HeaderValue, Request, Response, header};
use jam_session::{Draft, LazySession, SessionKey, SessionLayer, SessionStore as _, Settings, SqliteStore, sqlx};
use time::{Duration, UtcOffset};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Moment, TestResult};

pub(super) struct Scene {
    pub(super) store: SqliteStore,
    pub(super) layer: SessionLayer,
    pub(super) moment: Moment,
}

impl Scene {
    pub(super) async fn new(settings: Settings) -> TestResult<Self> {
        Self::over(SqliteStore::connect("sqlite::memory:").await?, settings).await
    }

    /// Beside a Django with `USE_TZ = False`, and UTC as its `TIME_ZONE`.
    pub(super) async fn in_local_time(settings: Settings) -> TestResult<Self> {
        let store: SqliteStore = SqliteStore::connect("sqlite::memory:").await?;
        Self::over(store.local_time(|_| UtcOffset::UTC), settings).await
    }

    async fn over(store: SqliteStore, settings: Settings) -> TestResult<Self> {
        store.migrate().await?;
        let moment = Moment::new();
        let layer = SessionLayer::with_settings(store.clone(), settings)?.clock(moment.clock());
        Ok(Self { store, layer, moment })
    }

    /// Stores a session that has `left` to live.
    pub(super) async fn seed(&self, session_key: &str, json: &str, left: Duration) -> TestResult {
        let now = self.moment.now();
        let draft = Draft::new(json.parse()?, now + left);
        self.store.create(&SessionKey::parse(session_key)?, &draft, now).await?;
        Ok(())
    }

    /// Puts `text` in the place of every session's data.
    pub(super) async fn tamper(&self, text: &str) -> TestResult {
        sqlx::query("UPDATE django_session SET session_data = ?").bind(text).execute(self.store.pool()).await?;
        Ok(())
    }

    /// The table: key to data.
    pub(super) async fn rows(&self) -> TestResult<BTreeMap<String, String>> {
        let rows = sqlx::query_as("SELECT session_key, session_data FROM django_session");
        Ok(rows.fetch_all(self.store.pool()).await?.into_iter().collect())
    }

    /// Sends a request with this `Cookie` header to `view`. A response that was replaced has no body.
    pub(super) async fn serve<T>(
        &self,
        cookie: Option<&str>,
        view: impl AsyncFnOnce(LazySession) -> Response<Option<T>>,
    ) -> TestResult<Response<Option<T>>> {
        let mut request = Request::new(());
        if let Some(cookie) = cookie {
            request.headers_mut().insert(header::COOKIE, HeaderValue::from_bytes(cookie.as_bytes())?);
        }
        let mut view = Some(view);
        let service = service_fn(|request: Request<()>| {
            let session = LazySession::of(request.extensions());
            let view = view.take();
            async move {
                let view = view.expect("there is one request");
                Ok::<_, Infallible>(view(session.expect("the layer saw the request")).await)
            }
        });
        let Ok(response) = self.layer.layer(service).oneshot(request).await;
        Ok(response)
    }

    /// [`serve`](Self::serve) for what a view finds out, whatever becomes of its response.
    pub(super) async fn ask<T>(
        &self,
        cookie: Option<&str>,
        view: impl AsyncFnOnce(LazySession) -> TestResult<T>,
    ) -> TestResult<T> {
        let mut answer = None;
        let view = async |session| {
            answer = Some(view(session).await);
            Response::new(None::<()>)
        };
        self.serve(cookie, view).await?;
        answer.expect("the view was called")
    }
}
