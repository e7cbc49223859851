//! Compiles the libssl that the package aws-lc-sys carries in source form, and our shim over it.
//!
//! aws-lc-sys can build libssl itself, but only with cmake and libclang, which a fresh machine lacks.
//! Here a C++ compiler is enough.
mod bundle;
mod locate;
mod prefix;

use std::path::{Path, PathBuf};
use std::process::exit;

fn main() {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/shim.cc");
    if is_clippy() {
        return;
    }
    if let Err(message) = build() {
        eprintln!("\nsfu-dtls-sys: {message}\n");
        exit(1);
    }
}

/// Whether only lints are wanted: what they see needs no library, and cargo would have this one compiled for them once more.
fn is_clippy() -> bool {
    let wrapper = std::env::var_os("RUSTC_WORKSPACE_WRAPPER").map(PathBuf::from);
    wrapper.is_some_and(|program| program.file_stem().is_some_and(|name| name == "clippy-driver"))
}

fn build() -> Result<(), String> {
    let out_dir =
        PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?);
    let crypto = locate::libcrypto()?;
    let source = locate::source(&crypto)?;

    let prefix_header = out_dir.join("sfukit_prefix_symbols.h");
    std::fs::write(&prefix_header, prefix::header(&source)?)
        .map_err(|e| format!("{}: cannot write: {e}", prefix_header.display()))?;

    let mut compiler = cc::Build::new();
    compiler
        .cpp(true)
        // libssl calls nothing of the C++ runtime, so programs need no libstdc++.
        .cpp_link_stdlib(None)
        .std("c++14")
        .warnings(false)
        // Handshake speed matters in the dev profile too: tests do thousands.
        .opt_level(2)
        .pic(true)
        .define("BORINGSSL_IMPLEMENTATION", None)
        // Renames the C++ namespace: another BoringSSL in the same program stays separate.
        .define("bssl", "sfukit_bssl")
        .include(source.join("generated-include"))
        .include(source.join("aws-lc/include"))
        .include(source.join("include"))
        .include(source.join("aws-lc"));
    for flag in [
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        "-fvisibility=hidden",
        "-ffunction-sections",
        "-fdata-sections",
        "-fno-strict-aliasing",
        "-fstack-protector-strong",
    ] {
        compiler.flag_if_supported(flag);
    }
    compiler.flag("-include").flag(&prefix_header);
    // A failed assertion would end the process: what a peer sends must never get that far.
    println!("cargo:rerun-if-env-changed=SFUKIT_DTLS_ASSERT");
    if std::env::var_os("SFUKIT_DTLS_ASSERT").is_none() {
        compiler.define("NDEBUG", None);
    }
    compiler.file("src/shim.cc");
    let sources = libssl_sources(&source.join("aws-lc/ssl"))?;
    let mut bundled = compiler.clone();
    bundled.files(bundle::bundles(&sources, &out_dir)?);
    if bundled.cargo_warnings(false).try_compile("sfukit_dtls").is_ok() {
        return Ok(());
    }
    // Another release may have names that meet in a bundle, but not one by one.
    compiler.files(sources);
    compiler.try_compile("sfukit_dtls").map_err(|e| {
        format!(
            "cannot compile libssl from {}: {e}\n\
             A C++14 compiler is needed: `apt install g++` (Debian, Ubuntu), `dnf install gcc-c++` (Fedora), \
             or name one in CXX.",
            source.display()
        )
    })
}

/// The library's own files: tests and programs lie beside them.
fn libssl_sources(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(dir).map_err(|e| format!("{}: cannot read: {e}", dir.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "cc"))
        .filter(|path| !path.file_stem().is_some_and(|s| s.to_string_lossy().ends_with("_test")))
        .collect();
    // The order of a directory is no order: sorted, two builds give the same archive.
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: holds no C++ files: is this the package aws-lc-sys?", dir.display()));
    }
    Ok(files)
}
