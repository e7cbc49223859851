//! Offers, damaged, as far as producers and consumers of what they lead to.
use std::time::Duration;

use super::{Outcome, Storm};
use crate::control::*;
use crate::fuzz_support::entry::negotiate;
use crate::fuzz_support::{OFFERS, mutate_text, peers};
use crate::plugin::PluginSet;
use crate::signaling::sdp::{IceFragment, SessionDescription};

impl<S: PluginSet> Storm<S> {
    /// `count` damaged offers; what can be answered is produced and consumed, then closed again.
    pub fn sdp(&mut self, count: u64) -> Outcome {
        let mut outcome = Outcome::default();
        while outcome.sent < count {
            let text = *self.chance.pick(OFFERS);
            let other = *self.chance.pick(OFFERS);
            let mut text = text.as_bytes().to_vec();
            mutate_text(&mut self.chance, &mut text, other.as_bytes(), 64 * 1024);
            outcome.sent += 1;
            let _ = IceFragment::parse(&text);
            let Ok(offer) = SessionDescription::parse(&text) else { continue };
            outcome.reached += 1;
            let negotiated = negotiate(&offer, self.chance.one_in(2));
            if let Some(published) = negotiated.published {
                *outcome.details.entry("publisher answered").or_default() += 1;
                self.publish(published.produce, published.peer.dtls, &mut outcome);
            }
            if let Some(watched) = negotiated.watched {
                *outcome.details.entry("viewer answered").or_default() += 1;
                let kinds: Vec<MediaKind> = negotiated.available.iter().map(|media| media.kind).collect();
                self.watch(watched.consume, &kinds, &mut outcome);
            }
            if outcome.sent.is_multiple_of(64) {
                self.turn(Duration::from_millis(5));
            }
        }
        self.turn(Duration::from_millis(1));
        outcome
    }

    fn publish(
        &mut self,
        media: Vec<crate::signaling::negotiation::PublishedMedia>,
        dtls_parameters: DtlsParameters,
        outcome: &mut Outcome,
    ) {
        let options = WebRtcTransportOptions { session: Some(self.session), ..Default::default() };
        let router = self.router;
        let Ok(Reply::WebRtcTransport(created)) =
            self.command(Command::CreateWebRtcTransport { router, options })
        else {
            return;
        };
        let transport = created.id;
        let _ = self.command(Command::ConnectWebRtcTransport { transport, dtls_parameters });
        for media in media {
            let options = ProducerOptions {
                rtp_mapping: media.rtp_mapping,
                ..ProducerOptions::new(media.kind, media.rtp_parameters)
            };
            let made = self.command(Command::Produce { transport, options }).is_ok();
            *outcome.details.entry(if made { "produced" } else { "not produced" }).or_default() += 1;
        }
        let _ = self.command(Command::CloseTransport(transport));
    }

    /// Consumes what a damaged offer asked for, of a producer of this worker that has every codec.
    fn watch(
        &mut self,
        media: Vec<crate::signaling::negotiation::ConsumedMedia>,
        kinds: &[MediaKind],
        outcome: &mut Outcome,
    ) {
        let options = WebRtcTransportOptions { session: Some(self.session), ..Default::default() };
        let router = self.router;
        let Ok(Reply::WebRtcTransport(created)) =
            self.command(Command::CreateWebRtcTransport { router, options })
        else {
            return;
        };
        let transport = created.id;
        for (index, media) in media.into_iter().enumerate() {
            // A producer as the publisher would have made it, under the consumer's own numbers.
            let kind = kinds.get(media.producer).copied().unwrap_or(media.kind);
            let mut parameters = media.rtp_parameters.clone();
            parameters.mid = Some(index.to_string());
            for (n, encoding) in parameters.encodings.iter_mut().enumerate() {
                *encoding = peers::encoding(900_000 + 100 * index as u32 + 2 * n as u32, false);
            }
            let options = peers::producer(kind, parameters, 910_000 + index as u32);
            let Ok(Reply::Producer(made)) = self.command(Command::Produce { transport, options }) else {
                *outcome.details.entry("not produced").or_default() += 1;
                continue;
            };
            let options = ConsumerOptions::new(made.id, media.rtp_parameters);
            let made = self.command(Command::Consume { transport, options }).is_ok();
            *outcome.details.entry(if made { "consumed" } else { "not consumed" }).or_default() += 1;
        }
        let _ = self.command(Command::CloseTransport(transport));
    }
}
