//! Exists for `links`: two copies of sfu-core in one binary would have two plugin registries.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
