//! [`ResponseFuture`]: polls the inner service, asks the verdict, and where something is to be written
//! parks the response beside the running write.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;
use time::Duration;

use super::{
    answer,
    verdict::{self, Verdict, Write},
};
use crate::{
    backends::Record,
    error::Error,
    events,
    session::{Inner, Tracked, outcome},
};

pin_project! {
    /// The response of a [`SessionMiddleware`](super::SessionMiddleware).
    pub struct ResponseFuture<F, ResBody> {
        // None: the request was not let through.
        #[pin]
        inner: Option<F>,
        session: Arc<Inner>,
        // In a box: few requests write, and the future of every request is moved about.
        parked: Option<Pin<Box<Parked<ResBody>>>>,
    }
}

pin_project! {
    /// A response that waits for what is being written.
    struct Parked<ResBody> {
        #[pin]
        write: Tracked<Option<Record>>,
        response: Option<Response<ResBody>>,
        verdict: Verdict,
    }
}

impl<F, ResBody> ResponseFuture<F, ResBody> {
    pub(super) fn new(inner: F, session: Arc<Inner>) -> Self {
        Self { inner: Some(inner), session, parked: None }
    }

    /// Answers a request that another layer of the same name has seen already.
    pub(super) fn duplicate(session: Arc<Inner>) -> Self {
        Self { inner: None, session, parked: None }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F, ResBody>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Default,
{
    type Output = Result<Response<ResBody>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.parked.is_none() {
            let Some(inner) = this.inner.as_pin_mut() else {
                return Poll::Ready(Ok(answer::failure(&Error::DuplicateLayer, this.session)));
            };
            let result = ready!(inner.poll(cx));
            let facts = this.session.close();
            let response = result?;
            let mut verdict = Verdict::of(facts, response.status(), &this.session.context.settings);
            if verdict.write == Write::Nothing && this.session.is_in_doubt() {
                verdict.write = Write::Confirm;
            }
            if verdict.leaves_response() {
                return Poll::Ready(Ok(response));
            }
            if verdict.write == Write::Nothing {
                return Poll::Ready(Ok(answer::finish(response, verdict, Ok(None), this.session)));
            }
            let write = this.session.context.track(settle(Arc::clone(this.session), verdict.write));
            *this.parked = Some(Box::pin(Parked { write, response: Some(response), verdict }));
        }
        let parked = this.parked.as_mut().expect("set above").as_mut().project();
        let saved = outcome(ready!(parked.write.poll(cx)), this.session.context.settings.save_deadline);
        let response = parked.response.take().expect("parked above, and taken once");
        Poll::Ready(Ok(answer::finish(response, *parked.verdict, saved, this.session)))
    }
}

/// Does what is to be written, and gives the session that the client is to be told about.
async fn settle(session: Arc<Inner>, write: Write) -> Result<Option<Record>, Error> {
    let written = write_what_is_due(Arc::clone(&session), write).await;
    if matches!(written, Ok(Some(_))) || !session.is_in_doubt() {
        return written;
    }
    // The key of an earlier save goes out, with an error as well.
    session.confirm().await.and(written)
}

async fn write_what_is_due(session: Arc<Inner>, write: Write) -> Result<Option<Record>, Error> {
    match write {
        Write::Nothing | Write::Confirm => Ok(None),
        Write::Commit => session.commit().await.map(Some),
        Write::Touch => Ok(quietly(touch(session).await)),
        Write::Restate => restate(session).await.map(Some),
        Write::LoadFirst => {
            match session.load().await {
                // A change was asked for: without the stored session it would go into another one.
                Err(error) if session.facts().unsaved => return Err(error),
                Err(error) => return Ok(quietly(Err(error))),
                Ok(()) => {}
            }
            match verdict::after_load(session.facts(), &session.context.settings) {
                Write::Commit => session.commit().await.map(Some),
                Write::Touch => Ok(quietly(touch(session).await)),
                Write::Nothing | Write::Confirm | Write::Restate | Write::LoadFirst => Ok(None),
            }
        }
    }
}

/// Extends the stored session if that gains enough.
async fn touch(session: Arc<Inner>) -> Result<Option<Record>, Error> {
    let Some(record) = session.record() else { return Ok(None) };
    let context = &session.context;
    let expire_date = context.expire_date(&record.session_data, context.now())?;
    let threshold = match context.settings.refresh_threshold {
        Some(threshold) if !context.settings.save_every_request => threshold.try_into().unwrap_or(Duration::MAX),
        _ => Duration::MIN,
    };
    let gain = expire_date - record.expire_date;
    if gain < threshold {
        return Ok(None);
    }
    if session.context.lacks_created(&record) {
        return session.commit().await.map(Some);
    }
    session.touch(&record, expire_date).await
}

/// Moves the expiry of a session whose handler asked for what is stored already. Where another request wrote
/// meanwhile, the change is merged into theirs.
async fn restate(session: Arc<Inner>) -> Result<Record, Error> {
    if let Some(record) = session.record().filter(|record| !session.context.lacks_created(record)) {
        let context = &session.context;
        let mut expire_date = context.expire_date(&record.session_data, context.now())?;
        if session.facts().keeps_expiry {
            expire_date = expire_date.min(record.expire_date);
        }
        if let Some(record) = session.touch(&record, expire_date).await? {
            return Ok(record);
        }
    }
    session.commit().await
}

/// Extending a session is not what the request was about: it is answered although that failed.
fn quietly<T>(result: Result<Option<T>, Error>) -> Option<T> {
    result.unwrap_or_else(|error| {
        events::failed(&error, "a session could not be extended");
        None
    })
}

impl<F, ResBody> fmt::Debug for ResponseFuture<F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}
