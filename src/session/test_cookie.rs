//! Does this browser keep cookies? `set_test_cookie test_cookie_worked delete_test_cookie`.

use super::Session;
use crate::{error::Error, raw::Raw};

/// Django's name and value for it.
const NAME: &str = "testcookie";
const VALUE: &str = "worked";

impl Session {
    /// Leaves a mark that the next request looks for. It marks the session modified, also where the mark is there.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    #[doc(alias = "aset_test_cookie")]
    pub fn set_test_cookie(&self) -> Result<(), Error> {
        let mark = Raw::new(VALUE).expect("a text is JSON");
        self.edit(|state| state.state_intent(NAME, Some(mark)))
    }

    /// Whether the mark of an earlier request came back: this browser keeps cookies.
    #[must_use]
    #[doc(alias = "atest_cookie_worked")]
    pub fn test_cookie_worked(&self) -> bool {
        // Anything but the mark itself is not the mark.
        self.get::<String>(NAME).is_ok_and(|value| value.as_deref() == Some(VALUE))
    }

    /// Removes the mark, and says whether it was there.
    ///
    /// # Errors
    ///
    /// [`Error::Committed`] after the response.
    #[doc(alias = "adelete_test_cookie")]
    pub fn delete_test_cookie(&self) -> Result<bool, Error> {
        self.remove(NAME)
    }
}
