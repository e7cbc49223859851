//! Making direct transports.
use std::time::Instant;

use crate::control::{ControlError, DirectTransportOptions, RouterId, TransportId};
use crate::engine::Engine;
use crate::engine::transport::{Link, Protection, Transport};
use crate::transport::direct::DirectLink;

impl Engine {
    pub(super) fn create_direct_transport(
        &mut self,
        now: Instant,
        router: RouterId,
        options: &DirectTransportOptions,
    ) -> Result<TransportId, ControlError> {
        let labels = self.transport_labels(router, options.session, &options.labels)?;
        let link = DirectLink {
            max_send_message_size: options.max_send_message_size,
            max_receive_message_size: options.max_receive_message_size,
        };
        let feedback_ssrc = self.config.random.u32();
        let id = self.transports.insert_with(|id| {
            let link = Link::Direct(link);
            Transport::new(id, router, options.session, labels, link, Protection::Clear, feedback_ssrc)
        });
        self.adopt(router, options.session, id);
        self.transport_connected(now, id);
        Ok(id)
    }
}
