//! What a plugin can do with entities.
use sfu_core::control::{Command, SessionId};
use sfu_core::plugin::{
    ConsumerId, Cx, DataConsumerId, DataProducerId, Full, NewRtp, ProducerId, Rows, SessionPush, Target,
    TransportId,
};
use sfu_core::serde_json::json;

use crate::plugin::Witness;

/// Tags by which outcomes are known.
pub(crate) const STATS: u64 = 1;
pub(crate) const ASKED: u64 = 2;

/// Does all of it, with everything that there is.
pub(crate) fn steer(at: Target, rows: &mut Rows<'_, Witness>, cx: &mut Cx<'_>) {
    let view = cx.view();
    assert!(view.exists(at) && view.labels(at).get("no such label").is_none());
    let consumers: Vec<ConsumerId> = view.below(Target::Worker);
    let mut producers = Vec::new();
    view.each_below(Target::Worker, |id: ProducerId| producers.push(id));
    for id in &producers {
        let _ = (cx.view().sender_clock(*id, 0), cx.view().lineage((*id).into()));
    }
    for id in consumers {
        cx.pause(id);
        cx.resume(id);
        cx.request_key_frame(id);
        cx.set_layers(id, 0, Some(0));
        cx.set_priority(id, 1);
        told(cx.consumer(id).send_rtp(NewRtp::new(960_000, b"from a plugin").marker(true)));
    }
    for id in producers {
        cx.request_key_frame(id);
        told(cx.producer(id).inject_rtp(NewRtp::new(970_000, b"injected").encoding(0)));
    }
    let transports: Vec<TransportId> = rows.iter::<TransportId>().map(|(id, _)| id).collect();
    for id in transports {
        cx.set_max_incoming_bitrate(id, 1_000_000);
        cx.set_max_outgoing_bitrate(id, 2_000_000);
        told(cx.transport(id).send_rtcp(&[0x80, 204, 0, 2, 0, 0, 0, 1, b't', b'e', b's', b't']));
    }
    let data_consumers: Vec<DataConsumerId> = rows.iter::<DataConsumerId>().map(|(id, _)| id).collect();
    for id in data_consumers {
        told(cx.data_consumer(id).send_text("a text"));
        told(cx.data_consumer(id).send_binary(b"bytes"));
        told(cx.data_consumer(id).send(51, b"either"));
    }
    let data_producers: Vec<DataProducerId> = rows.iter::<DataProducerId>().map(|(id, _)| id).collect();
    for id in data_producers {
        told(cx.data_producer(id).inject(51, b"injected"));
    }
    let sessions: Vec<SessionId> = rows.iter::<SessionId>().map(|(id, _)| id).collect();
    for id in sessions {
        let push = SessionPush { body: json!({ "hello": true }), ..SessionPush::default() };
        cx.push(id, push);
    }
    cx.notify(at, json!({ "event": "witness.steered" }));
    cx.control(Command::Stats(at), STATS);
    cx.ask("nobody", at, json!({}), ASKED);
}

/// A queue that is full says so; here there is room.
fn told(outcome: Result<(), Full>) {
    assert!(outcome.is_ok(), "the queue of commands is full");
}
