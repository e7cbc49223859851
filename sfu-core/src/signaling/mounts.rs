//! The HTTP server that all signaling crates share.
use std::sync::{Arc, RwLock};

use axum::Router;

/// Puts routes on the shared HTTP server; they are served at once.
#[derive(Clone, Default)]
pub struct Mounts(Arc<RwLock<Shared>>);

#[derive(Default)]
struct Shared {
    paths: Vec<String>,
    router: Router,
    origin: Option<String>,
    loopback: bool,
}

/// Two signaling crates want the same path.
#[derive(Debug, thiserror::Error)]
#[error("signaling.http: `{0}` is served already; change the path of one of the two in the configuration")]
pub struct PathTaken(String);

impl Mounts {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves `router` below `path` (`/whip`, or `/` for what nothing else serves).
    pub fn mount(&self, path: &str, router: Router) -> Result<(), PathTaken> {
        let mut shared = self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if shared.paths.iter().any(|taken| taken == path) {
            return Err(PathTaken(path.to_owned()));
        }
        shared.paths.push(path.to_owned());
        let all = std::mem::take(&mut shared.router);
        shared.router = if path == "/" { all.fallback_service(router) } else { all.nest(path, router) };
        Ok(())
    }

    /// The URL that the server is reached by, once it listens (`http://127.0.0.1:8080`).
    pub fn url(&self) -> Option<String> {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).origin.clone()
    }

    /// Says where the server listens.
    pub(crate) fn set_address(&self, url: String, loopback: bool) {
        let mut shared = self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        (shared.origin, shared.loopback) = (Some(url), loopback);
    }

    /// Whether the server listens on a loopback address only, so that no other machine reaches it.
    pub fn is_loopback(&self) -> bool {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).loopback
    }

    /// All routes as they are now.
    pub fn router(&self) -> Router {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).router.clone()
    }
}
