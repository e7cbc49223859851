use std::path::PathBuf;
use std::{env, fs, process};

use futures_lite::future::block_on;
use mediasoup::prelude::*;
use serde_json::{Value as Json, json};

use crate::data::{messages_of, say, text};
use crate::media::direct_transport;
use crate::rig::{audio, direct, room, until};
use crate::rtp::Stream;

/// A folder that is gone with this, in which the recorder makes its own.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_worker_records_what_the_program_tells_it_to() {
    let scratch = Scratch(env::temp_dir().join(format!("sfukit-rust-library-{}", process::id())));
    fs::create_dir_all(&scratch.0).unwrap();
    env::set_current_dir(&scratch.0).unwrap();
    block_on(async {
        let (_worker, router) = room().await;
        let transport = direct_transport(&router).await;
        let mut options = DataProducerOptions::new_direct();
        (options.label, options.protocol) = ("recorder".into(), "sfukit.plugin".into());
        let door = transport.produce_data(options).await.unwrap();
        let listener =
            transport.consume_data(DataConsumerOptions::new_direct(door.id(), None)).await.unwrap();
        let messages = messages_of(&listener);
        let ask = |request: Json| -> Json {
            say(&door, &request.to_string(), None, None);
            let answer = messages.find(|message| {
                matches!(message, mediasoup_types::data_structures::OwnedWebRtcMessage::String(text)
                    if serde_json::from_slice::<Json>(text).unwrap()["id"] == request["id"])
            });
            serde_json::from_str(&text(answer)).unwrap()
        };
        let answer = ask(json!({ "id": 1, "method": "no such thing", "target": router.id() }));
        assert!(answer["error"]["text"].is_string(), "{answer}");
        let options = json!({ "file": "{kind}" });
        let answer = ask(json!({ "id": 2, "method": "enable", "target": router.id(), "options": options }));
        assert!(answer.get("ok").is_some(), "{answer}");

        let producer = transport.produce(audio(1)).await.unwrap();
        let mut stream = Stream::audio(1);
        for _ in 0..20 {
            direct(&producer).send(stream.packet(&[7; 100])).unwrap();
        }
        let file = scratch.0.join("recordings/audio.mjr");
        // 20 packets of at least 112 bytes.
        until(|| fs::metadata(&file).is_ok_and(|file| file.len() > 2240).then_some(()));
    });
}
