use sfu_core::control::{ControlHandle, Told};

use super::detail::Detail;
use crate::arguments::Settings;
use crate::channel::{Outbox, Urgency};
use crate::door::{Flow, Protocol};
use crate::log_layer::LogSwitch;
use crate::plugin_door::{Answer, PluginDoors};
use crate::refusal::Refusal;
use crate::registry::Registry;
use crate::schema::v3_27::log::Log;
use crate::schema::v3_27::message::Message;
use crate::schema::v3_27::report::Report;
use crate::schema::v3_27::response::Response;
use crate::schema::v3_27::{Incoming, IncomingRequest, Refused, read};

/// Which of mediasoup's libraries asks. What they mean differs in little.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Library {
    Node,
    /// Limits of bitrates that make no sense are no errors there, but brought to where they do.
    Rust,
}

/// Does what the library asks for.
pub(crate) struct Desk {
    pub(super) library: Library,
    pub(super) control: ControlHandle,
    pub(super) registry: Registry<Detail>,
    pub(super) plugins: PluginDoors,
    pub(super) log: LogSwitch,
    /// First and last port of transports that name none.
    pub(super) ports: (u16, u16),
    /// What the library is told after the answer.
    pub(super) reports: Vec<(String, Report)>,
}

impl Desk {
    pub(crate) fn new(library: Library, control: ControlHandle, log: LogSwitch, settings: &Settings) -> Self {
        Self {
            library,
            plugins: PluginDoors::new(control.clone()),
            control,
            registry: Registry::default(),
            log,
            // No port is called 0.
            ports: (settings.rtc_min_port.max(1), settings.rtc_max_port.max(1)),
            reports: Vec::new(),
        }
    }

    /// Tells the library something about an entity, in its turn.
    pub(super) fn report(&mut self, id: impl Into<String>, report: Report) {
        self.reports.push((id.into(), report));
    }

    async fn answer(&mut self, request: IncomingRequest) -> Response {
        let IncomingRequest { id, handler_id, call } = request;
        let method = call.kind();
        match self.perform(&handler_id, call).await {
            Ok(body) => Response::accepted(id, body),
            Err(refusal) => {
                tracing::error!("{}: {refusal}", method.name());
                Response::refused(id, &refusal)
            }
        }
    }

    fn respond(response: Response, out: &mut Outbox) {
        let id = response.id;
        if let Err(error) = out.send(Urgency::Kept, "", &Message::from(response)) {
            let refused = Response::refused(id, &Refusal::error(error));
            // It is short.
            let _ = out.send(Urgency::Kept, "", &Message::from(refused));
        }
    }

    /// Sends what was reported.
    fn flush(&mut self, out: &mut Outbox) {
        for (id, report) in self.reports.drain(..) {
            let urgency = report.kind().urgency();
            let notification = Message::from(report.about(id.clone()));
            if let Err(error) = out.send(urgency, &id, &notification) {
                tracing::error!("{error}");
            }
        }
    }
}

impl Protocol for Desk {
    type Message = Result<Incoming, Refused>;
    type Work = Answer;

    fn begin(&mut self, out: &mut Outbox) {
        self.report(std::process::id().to_string(), Report::WorkerRunning);
        self.flush(out);
    }

    fn read(frame: &[u8]) -> Self::Message {
        read(frame)
    }

    async fn handle(&mut self, message: Self::Message, out: &mut Outbox) -> Flow {
        match message {
            Ok(Incoming::Request(request)) => Self::respond(self.answer(request).await, out),
            Ok(Incoming::Notification(notification)) => {
                if self.notice(notification).await == Flow::Close {
                    return Flow::Close;
                }
            }
            Err(refused) => {
                tracing::error!("{refused}");
                if let Some(response) = refused.response() {
                    Self::respond(response, out);
                }
            }
        }
        self.flush(out);
        Flow::On
    }

    fn tell(&mut self, told: Told, out: &mut Outbox) {
        self.told(told);
        self.flush(out);
    }

    fn log(&mut self, data: String, out: &mut Outbox) {
        // Lines are cut far below what the channel carries.
        let droppable = Urgency::Droppable(crate::channel::Droppable::Log);
        let _ = out.send(droppable, "", &Message::from(Log { data }));
    }

    async fn work(&mut self) -> Answer {
        self.plugins.answer().await
    }

    fn done(&mut self, answer: Answer, out: &mut Outbox) {
        self.plugins.answered(answer.door);
        self.plugin_says(answer.door, answer.text);
        self.flush(out);
    }
}
