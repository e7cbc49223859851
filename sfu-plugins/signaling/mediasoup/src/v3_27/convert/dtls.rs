use sfu_core::control;

use crate::schema::v3_27::webrtc_transport::{
    DtlsParameters, DtlsRole, DtlsState, Fingerprint, FingerprintAlgorithm,
};

pub(crate) fn dtls_role(role: control::DtlsRole) -> DtlsRole {
    match role {
        control::DtlsRole::Auto => DtlsRole::Auto,
        control::DtlsRole::Client => DtlsRole::Client,
        control::DtlsRole::Server => DtlsRole::Server,
    }
}

pub(crate) fn dtls_state(state: control::DtlsState) -> DtlsState {
    match state {
        control::DtlsState::New => DtlsState::New,
        control::DtlsState::Connecting => DtlsState::Connecting,
        control::DtlsState::Connected => DtlsState::Connected,
        control::DtlsState::Failed => DtlsState::Failed,
        control::DtlsState::Closed => DtlsState::Closed,
    }
}

/// Ours, for the library.
pub(crate) fn dtls_parameters(parameters: control::DtlsParameters) -> DtlsParameters {
    let algorithm = |algorithm| match algorithm {
        control::FingerprintAlgorithm::Sha1 => FingerprintAlgorithm::Sha1,
        control::FingerprintAlgorithm::Sha224 => FingerprintAlgorithm::Sha224,
        control::FingerprintAlgorithm::Sha256 => FingerprintAlgorithm::Sha256,
        control::FingerprintAlgorithm::Sha384 => FingerprintAlgorithm::Sha384,
        control::FingerprintAlgorithm::Sha512 => FingerprintAlgorithm::Sha512,
    };
    let fingerprint =
        |one: control::DtlsFingerprint| Fingerprint { algorithm: algorithm(one.algorithm), value: one.value };
    DtlsParameters {
        fingerprints: parameters.fingerprints.into_iter().map(fingerprint).collect(),
        role: dtls_role(parameters.role),
    }
}

/// The peer's, as the library says them.
pub(crate) fn dtls_parameters_of(parameters: DtlsParameters) -> control::DtlsParameters {
    let algorithm = |algorithm| match algorithm {
        FingerprintAlgorithm::Sha1 => control::FingerprintAlgorithm::Sha1,
        FingerprintAlgorithm::Sha224 => control::FingerprintAlgorithm::Sha224,
        FingerprintAlgorithm::Sha256 => control::FingerprintAlgorithm::Sha256,
        FingerprintAlgorithm::Sha384 => control::FingerprintAlgorithm::Sha384,
        FingerprintAlgorithm::Sha512 => control::FingerprintAlgorithm::Sha512,
    };
    let role = match parameters.role {
        DtlsRole::Auto => control::DtlsRole::Auto,
        DtlsRole::Client => control::DtlsRole::Client,
        DtlsRole::Server => control::DtlsRole::Server,
    };
    let fingerprint =
        |one: Fingerprint| control::DtlsFingerprint { algorithm: algorithm(one.algorithm), value: one.value };
    let fingerprints = parameters.fingerprints.into_iter().map(fingerprint).collect();
    control::DtlsParameters { role, fingerprints }
}
