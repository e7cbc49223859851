//! Writes valid inputs to `fuzz/corpus`, as beginnings for the fuzzer.
use std::path::Path;

use sfu_core::fuzz_support::{TARGETS, seeds};
use sfu_data_router::fuzz_support::SEEDS as DATA_MESSAGES;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let messages = DATA_MESSAGES.iter().map(|message| message.to_vec()).collect();
    let sets = TARGETS.iter().map(|target| (target.name, seeds(target.name, 200)));
    for (target, inputs) in sets.chain([("data_message", messages)]) {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (index, input) in inputs.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index:03}")), input)?;
        }
        println!("{}: {} inputs", folder.display(), inputs.len());
    }
    Ok(())
}
