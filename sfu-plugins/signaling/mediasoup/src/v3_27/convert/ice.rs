use sfu_core::control::{self, Protocol};

use super::tuple::protocol;
use crate::schema::v3_27::webrtc_transport::{
    IceCandidate, IceCandidateTcpType, IceCandidateType, IceParameters, IceState,
};

pub(crate) fn ice_parameters(parameters: control::IceParameters) -> IceParameters {
    IceParameters {
        username_fragment: parameters.username_fragment,
        password: parameters.password,
        ice_lite: parameters.ice_lite,
    }
}

pub(crate) fn ice_candidate(candidate: control::IceCandidate) -> IceCandidate {
    IceCandidate {
        foundation: candidate.foundation,
        priority: candidate.priority,
        address: candidate.address,
        protocol: protocol(candidate.protocol),
        port: candidate.port,
        r#type: IceCandidateType::Host,
        tcp_type: (candidate.protocol == Protocol::Tcp).then_some(IceCandidateTcpType::Passive),
    }
}

pub(crate) fn ice_state(state: control::IceState) -> IceState {
    match state {
        control::IceState::New => IceState::New,
        control::IceState::Connected => IceState::Connected,
        control::IceState::Completed => IceState::Completed,
        control::IceState::Disconnected => IceState::Disconnected,
    }
}
