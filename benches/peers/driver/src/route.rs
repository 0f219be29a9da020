//! [`Route`]: what a visitor asks for.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Untouched,
    UntouchedWithCookie,
    Read,
    Write,
    New,
    Login,
    Logout,
    Unknown,
    Malformed,
}

/// In the order of the tables.
pub const ROUTES: [Route; 9] = [
    Route::Untouched,
    Route::UntouchedWithCookie,
    Route::Read,
    Route::Write,
    Route::New,
    Route::Login,
    Route::Logout,
    Route::Unknown,
    Route::Malformed,
];

impl Route {
    pub fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::UntouchedWithCookie => "untouched, with cookie",
            Self::Read => "read",
            Self::Write => "read and write",
            Self::New => "new session",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Unknown => "unknown key",
            Self::Malformed => "malformed key",
        }
    }

    pub fn request(self) -> (&'static str, &'static str) {
        match self {
            Self::Untouched | Self::UntouchedWithCookie => ("GET", "/untouched"),
            Self::Read | Self::Unknown | Self::Malformed => ("GET", "/read"),
            Self::Write => ("POST", "/write"),
            Self::New => ("POST", "/new"),
            Self::Login => ("POST", "/login"),
            Self::Logout => ("POST", "/logout"),
        }
    }

    /// Whether a server without sessions can answer it.
    pub fn is_untouched(self) -> bool {
        matches!(self, Self::Untouched | Self::UntouchedWithCookie)
    }
}
