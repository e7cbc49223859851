//! What `fuzz/` lets a fuzzer loose on, with damaged seeds, on every toolchain.
use std::path::Path;

use sfu_core::fuzz_support::{FuzzTarget, TARGETS, seeds};

/// Inputs for each target; many times that with `SFU_TEST_LONG` set.
fn inputs() -> usize {
    if std::env::var_os("SFU_TEST_LONG").is_some() { 200_000 } else { 3_000 }
}

#[test]
fn each_target_takes_damaged_seeds() {
    for target in TARGETS {
        target.storm(17, inputs());
    }
}

#[test]
fn a_target_that_panics_is_found() {
    // A length of two bytes in front that says more than there is.
    fn trusting(data: &[u8]) {
        let Some((head, body)) = data.split_first_chunk::<2>() else { return };
        let _ = &body[..usize::from(u16::from_be_bytes(*head))];
    }
    let target = FuzzTarget { name: "trusting", run: trusting, max_len: 100, is_text: false };
    let storm = || target.storm_from(&[[&[0, 40][..], &[7; 40]].concat()], 1, 1000);
    assert!(std::panic::catch_unwind(storm).is_err());
}

#[test]
fn targets_are_those_of_the_fuzzer_and_have_seeds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let read =
        |name: &str| std::fs::read_to_string(fuzz.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let manifest: toml::Table = read("Cargo.toml").parse().expect("the manifest is TOML");
    let bins = manifest["bin"].as_array().expect("it has programs");
    let mut built: Vec<&str> = bins.iter().filter_map(|bin| bin["name"].as_str()).collect();
    // One reads a plugin's bytes, the other is none.
    let others = ["data_message", "seeds"];
    let mut known: Vec<&str> = TARGETS.iter().map(|target| target.name).chain(others).collect();
    built.sort_unstable();
    known.sort_unstable();
    assert_eq!(built, known);
    for FuzzTarget { name, .. } in TARGETS {
        let call = format!("fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::{name}(data));");
        assert!(read(&format!("fuzz_targets/{name}.rs")).contains(&call), "{name}: it does not say `{call}`");
        assert_eq!(seeds(name, 20).len(), 20, "{name}");
    }
}
