use sfu_core::control::{SctpDump, SctpOptions, SctpState, SctpStreamParameters, SctpStreams};

use crate::refusal::Refusal;
use crate::schema::v3_27::sctp_association::{self, SctpNegotiatedCapabilities};
use crate::schema::v3_27::sctp_parameters;
use crate::schema::v3_27::transport::Options;

/// Always this one (RFC 8841 leaves it to SDP, and the library has no say).
const PORT: u16 = 5000;

pub(crate) fn sctp_state(state: SctpState) -> sctp_association::SctpState {
    match state {
        SctpState::New => sctp_association::SctpState::New,
        SctpState::Connecting => sctp_association::SctpState::Connecting,
        SctpState::Connected => sctp_association::SctpState::Connected,
        SctpState::Failed => sctp_association::SctpState::Failed,
        SctpState::Closed => sctp_association::SctpState::Closed,
    }
}

pub(crate) fn sctp_streams(streams: SctpStreams) -> SctpNegotiatedCapabilities {
    SctpNegotiatedCapabilities {
        negotiated_max_outbound_streams: streams.max_outbound,
        negotiated_max_inbound_streams: streams.max_inbound,
    }
}

/// The association that a transport is to have, if any.
pub(crate) fn sctp_options(base: &Options) -> Option<SctpOptions> {
    base.enable_sctp.then_some(SctpOptions {
        max_send_message_size: base.max_send_message_size,
        max_receive_message_size: base.max_receive_message_size,
        send_buffer_size: base.sctp_send_buffer_size,
        per_stream_send_queue_limit: base.sctp_per_stream_send_queue_limit,
        max_receiver_window_buffer_size: base.sctp_max_receiver_window_buffer_size,
        default_buffered_amount_low_threshold: base.sctp_default_stream_buffered_amount_low_threshold,
    })
}

pub(crate) fn sctp_parameters(sctp: &SctpDump) -> sctp_parameters::SctpParameters {
    sctp_parameters::SctpParameters {
        port: PORT,
        max_send_message_size: sctp.options.max_send_message_size,
        max_receive_message_size: sctp.options.max_receive_message_size,
        send_buffer_size: sctp.options.send_buffer_size,
        per_stream_send_queue_limit: sctp.options.per_stream_send_queue_limit,
        max_receiver_window_buffer_size: sctp.options.max_receiver_window_buffer_size,
        is_data_channel: sctp.is_data_channel,
    }
}

pub(crate) fn stream_parameters(stream: SctpStreamParameters) -> sctp_parameters::SctpStreamParameters {
    sctp_parameters::SctpStreamParameters {
        stream_id: stream.stream_id,
        ordered: Some(stream.ordered),
        max_packet_life_time: stream.max_packet_life_time,
        max_retransmits: stream.max_retransmits,
    }
}

/// As the library says them: ordered unless it says otherwise, or limits how often or how long a message is sent.
pub(crate) fn stream_parameters_of(
    stream: &sctp_parameters::SctpStreamParameters,
) -> Result<SctpStreamParameters, Refusal> {
    let wrong = |text: &str| {
        Err(Refusal::type_error(format_args!("signaling.mediasoup: sctpStreamParameters: {text}")))
    };
    let is_limited = stream.max_packet_life_time.is_some() || stream.max_retransmits.is_some();
    if stream.stream_id > 65_534 {
        return wrong("streamId must not be greater than 65534");
    }
    if stream.max_packet_life_time.is_some() && stream.max_retransmits.is_some() {
        return wrong("give maxPacketLifeTime or maxRetransmits, not both");
    }
    if stream.ordered == Some(true) && is_limited {
        return wrong("what is ordered can have neither maxPacketLifeTime nor maxRetransmits");
    }
    Ok(SctpStreamParameters {
        stream_id: stream.stream_id,
        ordered: stream.ordered.unwrap_or(!is_limited),
        max_packet_life_time: stream.max_packet_life_time,
        max_retransmits: stream.max_retransmits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        ordered: Option<bool>,
        life: Option<u16>,
        retransmits: Option<u16>,
    ) -> Result<bool, &'static str> {
        let stream = sctp_parameters::SctpStreamParameters {
            stream_id: 1,
            ordered,
            max_packet_life_time: life,
            max_retransmits: retransmits,
        };
        stream_parameters_of(&stream).map(|stream| stream.ordered).map_err(|refusal| refusal.class.name())
    }

    #[test]
    fn a_stream_is_ordered_unless_it_is_limited() {
        assert_eq!(read(None, None, None), Ok(true));
        assert_eq!(read(None, Some(5), None), Ok(false));
        assert_eq!(read(Some(false), None, None), Ok(false));
    }

    #[test]
    fn contradictions_are_type_errors() {
        assert_eq!(read(Some(true), Some(5), None), Err("TypeError"));
        assert_eq!(read(None, Some(5), Some(5)), Err("TypeError"));
    }
}
