//! Answers to the offers of real stacks.
use crate::signaling::negotiation::ProducerDescription;
use proptest::prelude::*;

use super::*;

mod publisher;
mod red;
mod viewer;

use crate::control::*;
use crate::signaling::ortc::{ProduceFilter, RtpCapabilities, SsrcSource, uri};
use crate::signaling::sdp::tests::{SAMPLES, mutated, sample, sample_text};
use crate::signaling::sdp::{Direction, IceFragment, SessionDescription, Setup};

/// Our side of a transport.
struct Local {
    ice: IceParameters,
    candidates: Vec<IceCandidate>,
    fingerprints: Vec<DtlsFingerprint>,
}

impl Local {
    fn new() -> Self {
        let candidate = |protocol, port| IceCandidate {
            foundation: "f".into(),
            priority: 1_078_862_079,
            address: "192.0.2.9".into(),
            protocol,
            port,
        };
        let fingerprint =
            |algorithm, bytes: usize| DtlsFingerprint { algorithm, value: vec!["0A"; bytes].join(":") };
        Local {
            ice: IceParameters {
                username_fragment: "ourfragment".into(),
                password: "p".repeat(32),
                ice_lite: true,
            },
            candidates: vec![candidate(Protocol::Udp, 40_000), candidate(Protocol::Tcp, 40_001)],
            fingerprints: vec![
                fingerprint(FingerprintAlgorithm::Sha1, 20),
                fingerprint(FingerprintAlgorithm::Sha256, 32),
            ],
        }
    }
    fn transport(&self) -> LocalTransport<'_> {
        LocalTransport { ice: &self.ice, candidates: &self.candidates, fingerprints: &self.fingerprints }
    }
}

fn counter() -> impl FnMut() -> u32 {
    let mut next = 0xabc0_0000;
    move || {
        next += 1;
        next
    }
}

fn publish_with(
    offer: &SessionDescription,
    policy: &PublisherPolicy,
) -> Result<PublisherAnswer, NegotiationError> {
    let (local, mut random) = (Local::new(), counter());
    let mut ssrcs = SsrcSource::new(&mut random);
    answer_publisher(offer, &RtpCapabilities::router(), policy, &local.transport(), &mut ssrcs)
}

fn publish(name: &str) -> PublisherAnswer {
    publish_with(&sample(name), &PublisherPolicy::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn view_with(
    offer: &SessionDescription,
    available: &[ProducerDescription],
) -> Result<ViewerAnswer, NegotiationError> {
    let (local, mut random) = (Local::new(), counter());
    let mut ssrcs = SsrcSource::new(&mut random);
    let (router, policy) = (RtpCapabilities::router(), ViewerPolicy::default());
    answer_viewer(offer, available, &router, &policy, &local.transport(), &mut ssrcs)
}

fn producers(name: &str) -> Vec<ProducerDescription> {
    let produce = publish(name).produce;
    produce.into_iter().map(|m| ProducerDescription { kind: m.kind, consumable: m.consumable }).collect()
}

fn view(publisher: &str, viewer: &str) -> ViewerAnswer {
    view_with(&sample(viewer), &producers(publisher))
        .unwrap_or_else(|e| panic!("{publisher} → {viewer}: {e}"))
}

/// The lines of a section of a text, without their ends.
fn section_lines(text: &str, index: usize) -> Vec<&str> {
    let section = text.split("m=").nth(index + 1).expect("that many sections");
    section.lines().collect()
}

fn has(lines: &[&str], line: &str) -> bool {
    lines.contains(&line)
}

fn offer(text: &str) -> SessionDescription {
    SessionDescription::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
}

#[test]
fn every_answer_can_be_read_again() {
    for (name, text) in SAMPLES {
        let offer = SessionDescription::parse(text.as_bytes()).unwrap();
        if let Ok(PublisherAnswer { answer, .. }) = publish_with(&offer, &PublisherPolicy::default()) {
            assert_eq!(
                SessionDescription::parse(answer.to_string().as_bytes()).as_ref(),
                Ok(&answer),
                "{name}"
            );
        }
        if let Ok(ViewerAnswer { answer, .. }) = view_with(&offer, &producers("chromium-publish")) {
            assert_eq!(
                SessionDescription::parse(answer.to_string().as_bytes()).as_ref(),
                Ok(&answer),
                "{name}"
            );
        }
    }
}

#[test]
fn a_restart_is_seen_and_answered_with_new_credentials() {
    let PublisherAnswer { answer, peer, .. } = publish("chromium-data");
    let trickle =
        format!("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", peer.ice.username_fragment, peer.ice.password);
    let trickle = IceFragment::parse(trickle.as_bytes()).unwrap();
    assert!(!is_restart(&peer.ice, trickle.credentials().unwrap()));
    let restart = IceFragment::parse(b"a=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n").unwrap();
    assert!(is_restart(&peer.ice, restart.credentials().unwrap()));
    let mut local = Local::new();
    local.ice.username_fragment = "newfragment".into();
    let text = restart_fragment(&answer, &local.transport()).to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "a=ice-lite",
            "a=group:BUNDLE 0 1",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "a=mid:0",
            "a=ice-ufrag:newfragment",
            "a=ice-pwd:pppppppppppppppppppppppppppppppp",
            "a=candidate:f 1 udp 1078862079 192.0.2.9 40000 typ host",
            "a=candidate:f 1 tcp 1078862079 192.0.2.9 40001 typ host tcptype passive",
            "a=end-of-candidates",
        ]
    );
}

proptest! {
    #[test]
    fn mutated_offers_never_panic_and_their_answers_are_readable(
        index in 0..SAMPLES.len(),
        changes in proptest::collection::vec(any::<(u16, u8, u8)>(), 1..6),
        random in any::<u32>(),
    ) {
        let text = mutated(SAMPLES[index].1, &changes);
        let Ok(offer) = SessionDescription::parse(&text) else { return Ok(()) };
        let (local, router, mut same) = (Local::new(), RtpCapabilities::router(), || random);
        let policy = PublisherPolicy { filter: ProduceFilter { all_codecs: random % 2 == 0, ..Default::default() }, partial: random % 3 == 0, ..Default::default() };
        let mut ssrcs = SsrcSource::new(&mut same);
        let mut available = producers("chromium-simulcast");
        if let Ok(made) = answer_publisher(&offer, &router, &policy, &local.transport(), &mut ssrcs) {
            let read = SessionDescription::parse(made.answer.to_string().as_bytes());
            prop_assert_eq!(read, Ok(made.answer));
            for media in made.produce {
                prop_assert!(!media.rtp_parameters.encodings.is_empty());
                prop_assert_eq!(media.rtp_parameters.encodings.len(), media.rtp_mapping.encodings.len());
                available.push(ProducerDescription { kind: media.kind, consumable: media.consumable });
            }
        }
        let policy = ViewerPolicy::default();
        if let Ok(made) = answer_viewer(&offer, &available, &router, &policy, &local.transport(), &mut ssrcs) {
            let read = SessionDescription::parse(made.answer.to_string().as_bytes());
            prop_assert_eq!(read, Ok(made.answer));
        }
        let chromium = sample("chromium-watch");
        if let Ok(made) = answer_viewer(&chromium, &available, &router, &policy, &local.transport(), &mut ssrcs) {
            let read = SessionDescription::parse(made.answer.to_string().as_bytes());
            prop_assert_eq!(read, Ok(made.answer));
        }
    }
}
