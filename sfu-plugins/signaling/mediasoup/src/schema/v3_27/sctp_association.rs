//! What became of an SCTP association.
use crate::flat::schema;

schema! {
    namespace "SctpAssociation";

    enum SctpState {
        New = 0,
        Connecting = 1,
        Connected = 2,
        Failed = 3,
        Closed = 4,
    }

    table SctpNegotiatedCapabilities {
        negotiated_max_outbound_streams: u16,
        negotiated_max_inbound_streams: u16,
    }
}
