//! What every frame of the channel is.
use super::log::Log;
use super::notification::Notification;
use super::request::Request;
use super::response::Response;
use crate::flat::schema;

schema! {
    namespace "Message";

    union Body {
        Request(Request) = 1,
        Response(Response) = 2,
        Notification(Notification) = 3,
        Log(Log) = 4,
    }

    table Message {
        data: Body,
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self { data: Body::Response(response) }
    }
}

impl From<Notification> for Message {
    fn from(notification: Notification) -> Self {
        Self { data: Body::Notification(notification) }
    }
}

impl From<Log> for Message {
    fn from(log: Log) -> Self {
        Self { data: Body::Log(log) }
    }
}
