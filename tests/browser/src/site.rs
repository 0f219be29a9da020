//! [`Site`]: an application of a scenario's own.

use std::{net::TcpListener, thread};

use axum::Router;

use crate::TestResult;

/// An application that listens on the loopback until the scenarios are over.
#[derive(Debug)]
pub struct Site {
    port: u16,
}

impl Site {
    /// Starts an application, in a thread.
    ///
    /// # Errors
    ///
    /// When there is no port for it.
    pub fn start(app: Router) -> TestResult<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        thread::spawn(move || {
            runtime.block_on(async move { axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await })
        });
        Ok(Self { port })
    }

    /// The address of a page under a name of this machine, such as `one.localhost`: to a browser a site of its own.
    #[must_use]
    pub fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }
}
