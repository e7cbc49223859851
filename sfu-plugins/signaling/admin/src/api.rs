//! What all handlers share.
use std::ops::Deref;
use std::sync::Arc;

use sfu_core::control::ControlHandle;
use sfu_core::signaling::Shutdown;
use tokio::sync::{Mutex, Semaphore};

use crate::error::{ApiError, Kind};
use crate::recordings::MAX_DOWNLOADS;
use crate::routers::Made;
use crate::settings::Settings;

/// The state of the API. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

/// See [`Api`].
pub(crate) struct Shared {
    /// The checked configuration.
    pub(crate) settings: Arc<Settings>,
    /// The worker.
    pub(crate) control: ControlHandle,
    /// Its end.
    pub(crate) stop: Shutdown,
    /// What was made here. Locked while plain transports are made, so that two requests for one new stream make one
    /// router, and nothing half-made is taken for useless.
    pub(crate) made: Mutex<Made>,
    /// Free places for followers of events.
    pub(crate) event_places: Arc<Semaphore>,
    /// Free places for downloads of recordings.
    pub(crate) downloads: Arc<Semaphore>,
}

impl Api {
    /// The state for a worker.
    pub(crate) fn new(settings: Arc<Settings>, control: ControlHandle, stop: Shutdown) -> Api {
        let event_places = Arc::new(Semaphore::new(settings.max_event_streams));
        let downloads = Arc::new(Semaphore::new(MAX_DOWNLOADS));
        Api(Arc::new(Shared { settings, control, stop, made: Mutex::default(), event_places, downloads }))
    }
}

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Runs what must not stop half-way when the client hangs up.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|_| {
        Err(ApiError::new(Kind::Internal, "api: the request was given up half-way; see the log"))
    })
}
