use super::call::Call;
use super::notice::Notice;
use super::notification::{self, Event};
use super::request::{self, Method};
use super::response::Response;
use crate::flat::{self, FlatError, Slot, TableView};
use crate::refusal::Refusal;

/// A message from the library.
// Made once and handled at once: a box would cost more than the room that it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Has to be answered, with its id.
    Request(IncomingRequest),
    /// Is not answered.
    Notification(IncomingNotification),
}

/// A request, whose method and body fit.
#[derive(Clone, Debug, PartialEq)]
pub struct IncomingRequest {
    /// What the response repeats.
    pub id: u32,
    /// The entity that is asked; empty where the method alone says whom.
    pub handler_id: String,
    /// What it asks for.
    pub call: Call,
}

/// A notification, whose event and body fit.
#[derive(Clone, Debug, PartialEq)]
pub struct IncomingNotification {
    /// The entity that is told.
    pub handler_id: String,
    /// What it is told.
    pub notice: Notice,
}

/// Why a message is no [`Incoming`]. A request whose id could be read gets an answer all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The method is not of this version.
    #[error("signaling.mediasoup: unknown method {method}; the library has another version")]
    UnknownMethod { id: u32, method: u8 },
    /// The method goes with another body, or with none.
    #[error("signaling.mediasoup: {} goes with another body than the one that was sent", method.name())]
    WrongBody { id: u32, method: Method },
    /// The request itself is readable, what it carries is not.
    #[error("{error}")]
    BrokenRequest { id: u32, error: FlatError },
    /// The event is not of this version.
    #[error("signaling.mediasoup: unknown event {event}; the library has another version")]
    UnknownEvent { event: u8 },
    /// The event is not one that the worker is told, or goes with another body.
    #[error("signaling.mediasoup: {event:?} with this body is nothing that a worker is told")]
    WrongNotification { event: Event },
    /// A response or a log line; those come from the worker.
    #[error("signaling.mediasoup: discarding wrong Channel data: {number} is no type that a worker is sent")]
    WrongDirection { number: u8 },
    /// Nothing could be read, or no id.
    #[error("{0}; discarding wrong Channel data")]
    Broken(#[from] FlatError),
}

impl Refused {
    /// The request to answer, if it is one.
    pub fn request(&self) -> Option<u32> {
        match self {
            Self::UnknownMethod { id, .. } | Self::WrongBody { id, .. } | Self::BrokenRequest { id, .. } => {
                Some(*id)
            }
            _ => None,
        }
    }

    /// The answer to the request; the others are errors in the log.
    pub fn response(&self) -> Option<Response> {
        let id = self.request()?;
        let refusal = match self {
            Self::UnknownMethod { .. } => Refusal::error(self),
            _ => Refusal::type_error(self),
        };
        Some(Response::refused(id, &refusal))
    }
}

/// Reads what the library sent, without the size prefix.
pub fn read(frame: &[u8]) -> Result<Incoming, Refused> {
    // What is refused is no error of the reader, which is why there are two layers.
    flat::with_root(frame, |message| match message.value::<u8>(0)?.unwrap_or(0) {
        1 => request(child(message, 1)?),
        3 => notification(child(message, 3)?),
        number => Ok(Err(Refused::WrongDirection { number })),
    })
    .unwrap_or_else(|error| Err(error.into()))
}

/// The table that the message's union holds, unread.
fn child<'a>(message: &TableView<'a>, number: u8) -> Result<TableView<'a>, FlatError> {
    message.child(1)?.ok_or(FlatError::EmptyUnion { name: "Message.Body", number })
}

fn request(table: TableView<'_>) -> Result<Result<Incoming, Refused>, FlatError> {
    let id = table.value(0)?.unwrap_or(0);
    let read = || {
        let handler_id = table.field::<String>(2, None, "Request.Request", "handler_id")?;
        let body = <request::Body as Slot>::take(&table, 3)?;
        Ok((handler_id, body))
    };
    let method = table.value(1).map(|number| number.unwrap_or(0));
    Ok(match (method, read()) {
        (Err(error), _) => Err(Refused::BrokenRequest { id, error }),
        (Ok(number), parts) => match (Method::from_number(number), parts) {
            (None, _) => Err(Refused::UnknownMethod { id, method: number }),
            (_, Err(error)) => Err(Refused::BrokenRequest { id, error }),
            (Some(method), Ok((handler_id, body))) => match Call::join(method, body) {
                Some(call) => Ok(Incoming::Request(IncomingRequest { id, handler_id, call })),
                None => Err(Refused::WrongBody { id, method }),
            },
        },
    })
}

fn notification(table: TableView<'_>) -> Result<Result<Incoming, Refused>, FlatError> {
    let number = table.value(1)?.unwrap_or(0);
    let Some(event) = Event::from_number(number) else {
        return Ok(Err(Refused::UnknownEvent { event: number }));
    };
    let handler_id = table.field::<String>(0, None, "Notification.Notification", "handler_id")?;
    let body = <notification::Body as Slot>::take(&table, 2)?;
    Ok(match Notice::join(event, body) {
        Some(notice) => Ok(Incoming::Notification(IncomingNotification { handler_id, notice })),
        None => Err(Refused::WrongNotification { event }),
    })
}
