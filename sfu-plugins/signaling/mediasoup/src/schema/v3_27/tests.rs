mod hostile;
mod library;
mod pairs;
mod rust_library;

use super::*;
use crate::schema::catalog::{Catalog, Seed};

/// Everything that the version declares.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let namespaces = [
        active_speaker_observer::catalog,
        audio_level_observer::catalog,
        common::catalog,
        consumer::catalog,
        data_consumer::catalog,
        data_producer::catalog,
        direct_transport::catalog,
        log::catalog,
        message::catalog,
        notification::catalog,
        pipe_transport::catalog,
        plain_transport::catalog,
        producer::catalog,
        request::catalog,
        response::catalog,
        router::catalog,
        rtp_observer::catalog,
        rtp_packet::catalog,
        rtp_parameters::catalog,
        rtp_stream::catalog,
        rtx_stream::catalog,
        sctp_association::catalog,
        sctp_parameters::catalog,
        srtp_parameters::catalog,
        transport::catalog,
        webrtc_server::catalog,
        webrtc_transport::catalog,
        worker::catalog,
    ];
    for namespace in namespaces {
        namespace(&mut catalog);
    }
    catalog
}

#[test]
fn every_table_is_the_same_after_it_was_written_and_read() {
    for table in catalog().tables {
        for number in 0..200 {
            assert!((table.survives)(&mut Seed::new(number)), "{} of seed {number}", table.name);
        }
    }
}
