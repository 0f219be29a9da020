//! Sessions of a named layer say so among their data, so that layers over one store do not exchange keys.

use super::context::Context;
use crate::{raw::Raw, session_data::SessionData};

/// The name of the layer's cookie, in a session of a named layer.
const LAYER_KEY: &str = "_session_layer";

impl Context {
    /// Whether a session with this data is of this layer. The default layer's sessions carry no mark: their stored form
    /// is Django's.
    pub(super) fn owns(&self, data: &SessionData) -> bool {
        match data.raw(LAYER_KEY) {
            None => !self.named,
            Some(mark) => self.named && mark.get::<String>().is_ok_and(|name| name == self.settings.cookie_name),
        }
    }

    /// Marks data that is about to be written as this layer's, whatever a request put under that key.
    pub(super) fn mark(&self, data: &mut SessionData) {
        let mark = self.named.then(|| Raw::new(&self.settings.cookie_name).expect("a text is JSON"));
        if data.raw(LAYER_KEY) != mark.as_ref() {
            data.put(LAYER_KEY, mark);
        }
    }
}
