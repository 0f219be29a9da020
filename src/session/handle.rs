//! How a session travels in a request.

use std::{marker::PhantomData, sync::Arc};

use super::Inner;

/// The request extension of the layer named `N`.
pub(crate) struct Handle<N>(pub(crate) Arc<Inner>, PhantomData<fn() -> N>);

impl<N> Handle<N> {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self(inner, PhantomData)
    }
}

impl<N> Clone for Handle<N> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}
