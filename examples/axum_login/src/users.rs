//! Who may log in.

use std::{convert::Infallible, sync::Arc};

use axum_login::{AuthUser, AuthnBackend};
use serde::Deserialize;

/// Somebody with a password.
#[derive(Clone)]
pub struct User {
    /// The number by which the session knows the user.
    pub id: i64,
    /// The name to log in with.
    pub name: String,
    /// In an application of yours, a slow hash of it.
    pub password: String,
    /// Changes whenever the password does; whoever is logged in with another one is logged out.
    pub stamp: Vec<u8>,
}

/// Without the password.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.stamp
    }
}

/// The form of the login page.
#[derive(Deserialize)]
pub struct Login {
    name: String,
    password: String,
}

/// All users, in memory.
#[derive(Debug, Clone)]
pub struct Users(Arc<Vec<User>>);

impl Users {
    /// These users.
    pub fn new(users: Vec<User>) -> Self {
        Self(Arc::new(users))
    }

    fn find(&self, wanted: impl Fn(&User) -> bool) -> Result<Option<User>, Infallible> {
        Ok(self.0.iter().find(|user| wanted(user)).cloned())
    }
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Login;
    type Error = Infallible;

    async fn authenticate(&self, login: Login) -> Result<Option<User>, Infallible> {
        self.find(|user| user.name == login.name && user.password == login.password)
    }

    async fn get_user(&self, id: &i64) -> Result<Option<User>, Infallible> {
        self.find(|user| user.id == *id)
    }
}
