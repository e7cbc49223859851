//! Transports with ICE and DTLS.
use super::transport::{Dump, ListenInfo, Options, Protocol, Stats, Tuple};
use crate::flat::schema;

schema! {
    namespace "WebRtcTransport";

    table ListenIndividual {
        listen_infos: Vec<ListenInfo>,
    }

    table ListenServer {
        web_rtc_server_id: String,
    }

    union Listen {
        ListenIndividual(ListenIndividual) = 1,
        ListenServer(ListenServer) = 2,
    }

    table WebRtcTransportOptions {
        base: Options,
        listen: Listen,
        enable_udp: bool = true,
        enable_tcp: bool = true,
        prefer_udp: bool,
        prefer_tcp: bool,
        /// Seconds; 0: never (RFC 7675).
        ice_consent_timeout: u8 = 30,
    }

    enum FingerprintAlgorithm {
        Sha1 = 0,
        Sha224 = 1,
        Sha256 = 2,
        Sha384 = 3,
        Sha512 = 4,
    }

    table Fingerprint {
        algorithm: FingerprintAlgorithm,
        value: String,
    }

    enum DtlsRole {
        Auto = 0,
        Client = 1,
        Server = 2,
    }

    enum DtlsState {
        New = 0,
        Connecting = 1,
        Connected = 2,
        Failed = 3,
        Closed = 4,
    }

    table DtlsParameters {
        fingerprints: Vec<Fingerprint>,
        role: DtlsRole = DtlsRole::Auto,
    }

    table IceParameters {
        username_fragment: String,
        password: String,
        ice_lite: bool = true,
    }

    enum IceCandidateType {
        Host = 0,
    }

    enum IceCandidateTcpType {
        Passive = 0,
    }

    enum IceRole {
        Controlled = 0,
        Controlling = 1,
    }

    enum IceState {
        New = 0,
        Connected = 1,
        Completed = 2,
        Disconnected = 3,
    }

    table IceCandidate {
        foundation: String,
        priority: u32,
        address: String,
        protocol: Protocol = Protocol::Udp,
        port: u16,
        r#type: IceCandidateType,
        tcp_type: Option<IceCandidateTcpType>,
    }

    table ConnectRequest {
        dtls_parameters: DtlsParameters,
    }

    table ConnectResponse {
        dtls_local_role: DtlsRole,
    }

    table DumpResponse {
        base: Dump,
        ice_role: IceRole,
        ice_parameters: IceParameters,
        ice_candidates: Vec<IceCandidate>,
        ice_state: IceState,
        ice_selected_tuple: Option<Tuple>,
        dtls_parameters: DtlsParameters,
        dtls_state: DtlsState,
    }

    table GetStatsResponse {
        base: Stats,
        ice_role: IceRole,
        ice_state: IceState,
        ice_selected_tuple: Option<Tuple>,
        dtls_state: DtlsState,
    }

    table IceSelectedTupleChangeNotification {
        tuple: Tuple,
    }

    table IceStateChangeNotification {
        ice_state: IceState,
    }

    table DtlsStateChangeNotification {
        dtls_state: DtlsState,
        /// PEM, when connected.
        remote_cert: Option<String>,
    }
}
