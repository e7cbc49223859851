//! Writes valid inputs to `fuzz/corpus`, as beginnings for the fuzzer.
use std::path::Path;

use sfu_core::fuzz_support::{OFFERS, seeds};
use sfu_data_router::fuzz_support::SEEDS as DATA_MESSAGES;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let offers = OFFERS.iter().map(|offer| offer.as_bytes().to_vec()).collect();
    let sets: [(&str, Vec<Vec<u8>>); 9] = [
        ("rtp", seeds("rtp", 300)),
        ("rtcp", seeds("rtcp", 300)),
        ("stun", seeds("stun", 50)),
        ("mjr", seeds("mjr", 5)),
        ("sdp", offers),
        ("payload_descriptor", seeds("payload_descriptor", 100)),
        ("dependency_descriptor", seeds("dependency_descriptor", 10)),
        ("data_message", DATA_MESSAGES.iter().map(|message| message.to_vec()).collect()),
        ("datagram", [seeds("rtp", 50), seeds("rtcp", 50), seeds("stun", 50)].concat()),
    ];
    for (target, inputs) in sets {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (index, input) in inputs.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index:03}")), input)?;
        }
        println!("{}: {} inputs", folder.display(), inputs.len());
    }
    Ok(())
}
