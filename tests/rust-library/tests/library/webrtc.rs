use futures_lite::future::block_on;
use hmac::{Hmac, Mac};
use mediasoup::prelude::*;
use mediasoup_types::data_structures::*;
use serde_json::json;
use sha1::Sha1;

use crate::journal;
use crate::peer::Peer;
use crate::rig::{heard, local, read, room, until};

/// A check of ICE that nominates its way (RFC 8445), as a browser sends it.
fn check(local: &IceParameters) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    message.extend(*b"transaction!");
    let attribute = |kind: u16, value: &[u8], message: &mut Vec<u8>| {
        message.extend(kind.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(value);
        message.resize(message.len().next_multiple_of(4), 0);
    };
    attribute(0x0006, format!("{}:peer", local.username_fragment).as_bytes(), &mut message);
    attribute(0x0024, &1_853_824_767u32.to_be_bytes(), &mut message);
    attribute(0x802a, &7u64.to_be_bytes(), &mut message);
    attribute(0x0025, &[], &mut message);
    // The length counts what is signed with its signature.
    let length = |message: &mut Vec<u8>, more: usize| {
        let length = (message.len() - 20 + more) as u16;
        message[2..4].copy_from_slice(&length.to_be_bytes());
    };
    length(&mut message, 24);
    let mut signature = Hmac::<Sha1>::new_from_slice(local.password.as_bytes()).unwrap();
    signature.update(&message);
    attribute(0x0008, &signature.finalize().into_bytes(), &mut message);
    length(&mut message, 8);
    let fingerprint = crc32(&message) ^ 0x5354_554e;
    attribute(0x8028, &fingerprint.to_be_bytes(), &mut message);
    message
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// DTLS to its end is tried with browsers (`tests/system`); here it is the library that hears of each step.
#[test]
fn a_webrtc_transport_tells_its_way_and_its_states() {
    block_on(async {
        journal::keep();
        let (worker, router) = room().await;
        let options = WebRtcTransportOptions::new(WebRtcTransportListenInfos::new(local(Protocol::Udp)));
        let transport = router.create_webrtc_transport(options).await.unwrap();
        let (told, states) = heard();
        transport.on_ice_state_change(move |state| told.tell(state)).detach();
        let (told, tuples) = heard();
        transport.on_ice_selected_tuple_change(move |tuple| told.tell(tuple.clone())).detach();
        let (told, dtls) = heard();
        transport.on_dtls_state_change(move |state| told.tell(state)).detach();

        let before = transport.ice_parameters().clone();
        let fresh = transport.restart_ice().await.unwrap();
        assert_ne!(
            (&fresh.username_fragment, &fresh.password),
            (&before.username_fragment, &before.password)
        );
        let parameters = json!({
            "role": "server",
            "fingerprints": [{
                "algorithm": "sha-256",
                "value": "82:5A:68:3D:36:C3:0A:DE:AF:E7:32:43:D2:88:83:57:AC:2D:65:E5:80:C4:B6:FB:AF:1A:A0:21:9F:6D:0C:AD",
            }],
        });
        let peer = WebRtcTransportRemoteParameters { dtls_parameters: read(parameters) };
        transport.connect(peer).await.unwrap();
        assert_eq!(transport.dtls_parameters().role, DtlsRole::Client);

        let peer = Peer::of(transport.ice_candidates()[0].port);
        peer.send(&check(&fresh));
        peer.find(|| (), |bytes| (bytes[..2] == [1, 1]).then_some(()));
        states.find(|state| matches!(state, IceState::Connected | IceState::Completed));
        let tuple = tuples.next();
        assert_eq!(tuple.remote_port(), Some(peer.port()));
        // We begin, because the peer does not.
        peer.find(|| (), |bytes| (bytes[0] == 22).then_some(()));
        assert_eq!(dtls.next(), DtlsState::Connecting);
        let [stat] = &transport.get_stats().await.unwrap()[..] else { panic!("one") };
        assert_eq!(
            (stat.dtls_state, stat.ice_selected_tuple.as_ref()),
            (DtlsState::Connecting, Some(&tuple))
        );
        assert!(stat.bytes_received > 0 && stat.bytes_sent > 0, "{stat:?}");
        assert_eq!(transport.dump().await.unwrap().ice_parameters.username_fragment, fresh.username_fragment);

        // The peer says no: an alert, fatal, of a handshake that fails. The media thread tells why.
        peer.send(&[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40]);
        assert_eq!(dtls.next(), DtlsState::Failed);
        until(|| (journal::count(&worker, log::Level::Debug, "engine.dtls") > 0).then_some(()));
    });
}
