//! What a consumer that has a choice among layers gets of a packet.

use std::time::Instant;

use super::edit::Edit;
use super::gate::{Arriving, Gate};
use super::layer::Layer;
use super::layering::Layering;
use super::picture_ids::PictureIds;
use crate::control::{ConsumerId, EventBody};
use crate::engine::{Egress, Engine, Packet, Published};
use crate::rtp::Codec;
use crate::rtp::codec::{NumberEdit, Vp8Descriptor, Vp9Descriptor};

impl Engine {
    /// Prepares what a consumer with layers gets of a packet; false if it gets nothing.
    pub(in crate::engine) fn prepare_layered(
        &mut self,
        now: Instant,
        published: &Published,
        id: ConsumerId,
        egress: &mut Egress,
    ) -> bool {
        let Some((mut target, transport)) = self.layered_target(id) else { return false };
        if target.is_none() {
            self.choose_layers(now, transport);
            target = self.layered_target(id).and_then(|(target, _)| target);
        }
        let Some(consumer) = self.consumers.get_mut(id) else { return false };
        let (Some(layers), Some(target)) = (&mut consumer.layers, target) else { return false };
        let encoding = published.encoding;
        let target_encoding = layers.encoding_of(target);
        egress.began =
            consumer.main.needs_sync || consumer.main.encoding != Some(encoding) || layers.gate.is_none();
        if egress.began
            && (target_encoding != encoding || !self.synchronize(now, published, id, Some(target_encoding)))
        {
            self.pass_over(now, published, id);
            return false;
        }
        match self.judge(now, published, id, target, egress.began) {
            Some(edit) => self.write_egress(now, published, id, egress, edit),
            None => {
                self.skip(now, id, encoding, published.extended, published.packet.header.timestamp);
                false
            }
        }
    }

    fn layered_target(&self, id: ConsumerId) -> Option<(Option<Layer>, crate::control::TransportId)> {
        let consumer = self.consumers.get(id)?;
        Some((consumer.layers.as_ref()?.target, consumer.transport))
    }

    /// What is different in a packet of the encoding that is sent; `None` if it is left out.
    fn judge(
        &mut self,
        now: Instant,
        published: &Published,
        id: ConsumerId,
        target: Layer,
        began: bool,
    ) -> Option<Edit> {
        let consumer = self.consumers.get_mut(id)?;
        let layers = consumer.layers.as_mut()?;
        let producer = self.producers.get(published.producer)?;
        let (packet, encoding) = (&*published.packet, published.encoding);
        let mark = &packet.info.frame;
        let arriving = Arriving { extended: published.extended, timestamp: packet.header.timestamp, mark };
        let nested = !producer.mode(encoding).key_pictures_only;
        let mut aim = layers.within(target, producer, encoding);
        if began {
            layers.restart(Gate::new(arriving, aim));
        }
        if target.spatial != encoding && layers.is_simulcast() {
            // On the way to another encoding, which begins with a key frame of its own.
            aim = layers.gate?.current();
        }
        let gate = layers.gate.as_mut()?;
        let admitted = gate.admit(arriving, aim, nested);
        let needs_entry = gate.needs_entry(aim, nested);
        let wants_key_frame = needs_entry && layers.may_ask(now);
        let apart = layers_apart(packet.info.codec, producer.mode(encoding).spatial_layers, layers);
        let edit = admitted.and_then(|layer| {
            let numbers = numbers(&mut layers.ids, packet)?;
            let ends = mark.end && (apart || mark.spatial == layer.spatial);
            let descriptor = layers.descriptor_ids().and_then(|(from, _)| {
                let value = packet.header.extension(packet.data(), from)?;
                let number = u16::from_be_bytes(*value.get(1..3)?.first_chunk()?);
                let known = producer.encodings.get(usize::from(encoding))?.layers.as_ref();
                let structure = known.and_then(|known| known.structure.as_ref());
                Some(layers.describe(number, layer, structure.filter(|_| !layers.is_simulcast())))
            });
            Some(Edit {
                numbers: numbers.with_marker(ends),
                descriptor: descriptor.unwrap_or_default(),
                later: if apart { mark.spatial } else { 0 },
            })
        });
        if admitted.is_none() {
            leave_out(&mut layers.ids, packet);
        }
        let current = layers.current(encoding);
        if current != layers.told {
            self.tell_layers(id);
        }
        if wants_key_frame {
            self.request_key_frame(now, published.producer, encoding);
        }
        edit
    }

    /// Tells which layers are sent now, if others were told before.
    #[cold]
    pub(in crate::engine) fn tell_layers(&mut self, id: ConsumerId) {
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        let encoding = consumer.main.encoding.filter(|_| !consumer.main.needs_sync);
        let Some(layers) = &mut consumer.layers else { return };
        let current = encoding.and_then(|encoding| layers.current(encoding));
        if current == layers.told {
            return;
        }
        let shown = |layer: Option<Layer>| layer.map(|layer| (layer.spatial, layer.temporal));
        let before = shown(layers.told);
        layers.told = current;
        if before == shown(current) {
            return;
        }
        let body = EventBody::Layers(self.current_layers(id).map(Layer::told));
        self.change(id, body);
    }
}

/// Whether the spatial layers of one picture look like pictures of their own, each a tick after the one below.
///
/// Without a Dependency Descriptor browsers (libwebrtc) take each frame of AV1 for a whole picture, and drop what comes with the time
/// of one that was decoded: layers above the lowest would be lost, and what refers to them shown in pieces.
fn layers_apart(codec: Codec, spatial_layers: u8, layers: &Layering) -> bool {
    codec == Codec::Av1 && spatial_layers > 1 && !layers.is_simulcast() && layers.descriptor_ids().is_none()
}

/// Picture id with its bits, and TL0PICIDX, as far as a descriptor has them.
type Numbers = (Option<(u16, u32)>, Option<u8>);

/// The numbers of a packet whose codec has some.
fn numbers_of(packet: &Packet) -> Option<Numbers> {
    let bits = |is_long| if is_long { 15 } else { 7 };
    let payload = packet.payload();
    match packet.info.codec {
        Codec::Vp8 => {
            let descriptor = Vp8Descriptor::parse(payload)?;
            let id = descriptor.picture_id.map(|id| (id, bits(descriptor.picture_id_is_long)));
            Some((id, descriptor.tl0_pic_idx))
        }
        Codec::Vp9 => {
            let descriptor = Vp9Descriptor::parse(payload)?;
            let id = descriptor.picture_id.map(|id| (id, bits(descriptor.picture_id_is_long)));
            Some((id, descriptor.tl0_pic_idx))
        }
        _ => None,
    }
}

/// The numbers that a packet is sent with; `None` if it is too old to have one.
fn numbers(ids: &mut PictureIds, packet: &Packet) -> Option<NumberEdit> {
    let Some((id, tl0)) = numbers_of(packet) else { return Some(NumberEdit::NONE) };
    let picture_id = match id {
        Some((id, bits)) => Some(ids.forward(id, bits)?),
        None => None,
    };
    let tl0_pic_idx = tl0.map(|index| ids.tl0(index));
    let same = picture_id.zip(id).is_none_or(|(out, (id, bits))| (out ^ id).trailing_zeros() >= bits);
    if same && tl0_pic_idx == tl0 {
        return Some(NumberEdit::NONE);
    }
    Some(NumberEdit::numbers(picture_id.unwrap_or(0), tl0_pic_idx.unwrap_or(0)))
}

/// A picture of VP8 is left out: ids close up, since its receivers take a gap for a loss. Those of VP9 refer to each other by their
/// distance, and its layers of one picture share one id: they stay.
fn leave_out(ids: &mut PictureIds, packet: &Packet) {
    if packet.info.codec == Codec::Vp8
        && let Some((Some((id, bits)), _)) = numbers_of(packet)
    {
        ids.skip(id, bits);
    }
}
