//! Bounds of what is sent to a peer.
use super::not_found;
use crate::control::{ControlError, Reply, TransportId};
use crate::engine::Engine;
use crate::engine::transport::Transport;

/// The lowest bound that makes sense, bit/s: below it not even audio fits.
const FLOOR: u32 = 30_000;

impl Engine {
    pub(super) fn set_max_outgoing_bitrate(
        &mut self,
        id: TransportId,
        bitrate: u32,
    ) -> Result<Reply, ControlError> {
        let transport = self.bounded(id, "max", bitrate)?;
        if bitrate != 0 && bitrate < transport.min_outgoing_bitrate {
            return Err(ControlError::invalid(format!(
                "control.set_max_outgoing_bitrate: {bitrate} bit/s are below the minimum, {}; lower that first, or give 0 for no limit",
                transport.min_outgoing_bitrate
            )));
        }
        transport.max_outgoing_bitrate = bitrate;
        Ok(Reply::Done)
    }

    pub(super) fn set_min_outgoing_bitrate(
        &mut self,
        id: TransportId,
        bitrate: u32,
    ) -> Result<Reply, ControlError> {
        let transport = self.bounded(id, "min", bitrate)?;
        if transport.max_outgoing_bitrate != 0 && bitrate > transport.max_outgoing_bitrate {
            return Err(ControlError::invalid(format!(
                "control.set_min_outgoing_bitrate: {bitrate} bit/s are above the maximum, {}; raise that first, or give 0 for no bound",
                transport.max_outgoing_bitrate
            )));
        }
        transport.min_outgoing_bitrate = bitrate;
        Ok(Reply::Done)
    }

    /// The transport whose bound `bitrate` may become.
    fn bounded(
        &mut self,
        id: TransportId,
        which: &str,
        bitrate: u32,
    ) -> Result<&mut Transport, ControlError> {
        let transport = self.transports.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if transport.is_direct() {
            return Err(ControlError::invalid(format!(
                "control.set_{which}_outgoing_bitrate: transport {id} is direct; it has no limits"
            )));
        }
        if bitrate != 0 && bitrate < FLOOR {
            return Err(ControlError::invalid(format!(
                "control.set_{which}_outgoing_bitrate: {bitrate} bit/s are below {FLOOR}; give more, or 0 for no bound"
            )));
        }
        Ok(transport)
    }
}
