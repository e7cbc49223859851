//! Servers whose ports several WebRTC transports share.
use crate::flat::schema;

schema! {
    namespace "WebRtcServer";

    table IpPort {
        ip: String,
        port: u16,
    }

    table IceUserNameFragment {
        local_ice_username_fragment: String,
        web_rtc_transport_id: String,
    }

    table DumpResponse {
        id: String,
        udp_sockets: Vec<IpPort>,
        tcp_servers: Vec<IpPort>,
        web_rtc_transport_ids: Vec<String>,
        local_ice_username_fragments: Vec<IceUserNameFragment>,
    }
}
