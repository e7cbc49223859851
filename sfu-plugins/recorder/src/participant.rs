//! Whose stream it is.
use std::sync::Arc;

use sfu_core::plugin::{ProducerInfo, RouterId};

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// What all that it sends has in common, and nothing of others has.
    pub key: Arc<str>,
    /// What it is called in file names.
    pub name: String,
}

/// Who sends a producer: by label `user`, else by session, else by label `stream`, else by transport; of one router, by its name on
/// all media threads.
pub fn participant(info: &ProducerInfo<'_>, router: RouterId) -> Participant {
    let (user, stream) = (info.labels.get("user"), info.labels.get("stream"));
    let session = info.session.map(|id| id.to_string());
    let (kind, key) = match (user, session, stream) {
        (Some(user), ..) => ("user", user.to_owned()),
        (None, Some(session), _) => ("session", session),
        (None, None, Some(stream)) => ("stream", stream.to_owned()),
        (None, None, None) => ("transport", info.transport.to_string()),
    };
    let name = user.or(stream).unwrap_or(&key).to_owned();
    Participant { key: format!("{router} {kind} {key}").into(), name }
}
