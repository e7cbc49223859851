//! What all observers of RTP have in common.
use crate::flat::schema;

schema! {
    namespace "RtpObserver";

    table AddProducerRequest {
        producer_id: String,
    }

    table RemoveProducerRequest {
        producer_id: String,
    }
}
