//! The entry point of the fuzz target, and valid messages to begin with. No part of the API.
use crate::message::{Destination, Said};
use crate::{envelope, header};

/// A message of each kind in each form.
pub const SEEDS: [&[u8]; 20] = [
    br#"{"v":1,"to":{"peer":"ann"},"body":{"x":[1,-2.5e3,"\ud83d\ude00\n",null,true]}}"#,
    br#"{"v":1,"body":[],"to":{"peers":["ann","b\u006fb"]}}"#,
    br#"{"v":1,"to":{"group":"band"},"body":0}"#,
    br#"{"v":1,"to":{"topic":"news"},"body":"text"}"#,
    br#"{"v":1,"to":"others","body":{}}"#,
    br#"{"v":1,"join":"band"}"#,
    br#"{"v":1,"leave":"band"}"#,
    br#"{"v":1,"subscribe":"news"}"#,
    br#"{"v":1,"unsubscribe":"news"}"#,
    br#"{"v":1,"presence":true}"#,
    b"\xd1\x01\x03annpayload",
    b"\xd1\x02\x02\x03ann\x03bobpayload",
    b"\xd1\x03\x04bandpayload",
    b"\xd1\x04payload",
    b"\xd1\x05\x04newspayload",
    b"\xd1\x10\x04band",
    b"\xd1\x11\x04band",
    b"\xd1\x12\x04news",
    b"\xd1\x13\x04news",
    b"\xd1\x14\x01",
];

/// Reads bytes as a message in each form, and all that it names.
pub fn message(data: &[u8]) {
    for said in [envelope::read(data), header::read(data)].into_iter().flatten().flatten() {
        let mut scratch = String::new();
        match said {
            Said::Send { to, body } => {
                assert!(data.get(body).is_some(), "the body lies in the message");
                match to {
                    Destination::Peers(names) => {
                        for name in names {
                            name.read(&mut scratch);
                        }
                    }
                    Destination::Peer(name) | Destination::Group(name) | Destination::Topic(name) => {
                        name.read(&mut scratch);
                    }
                    Destination::Others => {}
                }
            }
            Said::Join(name) | Said::Leave(name) | Said::Subscribe(name) | Said::Unsubscribe(name) => {
                name.read(&mut scratch);
            }
            Said::Presence(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfu_core::fuzz_support::FuzzTarget;

    use super::*;

    #[test]
    fn seeds_are_messages() {
        for seed in SEEDS {
            let said = [envelope::read(seed), header::read(seed)];
            assert!(said.iter().any(|said| matches!(said, Ok(Some(_)))), "{}", String::from_utf8_lossy(seed));
        }
    }

    #[test]
    fn the_fuzz_target_takes_damaged_seeds() {
        let inputs = if std::env::var_os("SFU_TEST_LONG").is_some() { 1_000_000 } else { 20_000 };
        for is_text in [true, false] {
            let target = FuzzTarget { name: "data_message", run: message, max_len: 1500, is_text };
            target.storm_from(&SEEDS.map(<[u8]>::to_vec), 17, inputs);
        }
    }

    proptest! {
        #[test]
        fn damaged_messages_are_read_without_harm(
            seed in prop::sample::select(SEEDS.to_vec()),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = seed.to_vec();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            message(&bytes);
            bytes.truncate(length.index(bytes.len()));
            message(&bytes);
        }
    }
}
