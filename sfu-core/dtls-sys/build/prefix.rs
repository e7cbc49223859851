//! Renames libssl's public symbols, so that a program may also link OpenSSL or another BoringSSL.
//!
//! Hidden visibility does not suffice: static archives of the same name would still be mixed by the linker.
use std::collections::BTreeSet;
use std::path::Path;

/// Put before every public name of libssl.
const PREFIX: &str = "sfukit_";

/// Public names that no plain declaration shows: made by macros, or C++ outside of the library's namespace.
const NOT_DECLARED: [&str; 11] = [
    "ssl_ctx_st",
    "ssl_session_st",
    "ssl_st",
    "ssl_x509_persist_peer_ca_names",
    "tls_print_all_supported_cipher_suites",
    "PEM_read_SSL_SESSION",
    "PEM_write_SSL_SESSION",
    "PEM_read_bio_SSL_SESSION",
    "PEM_write_bio_SSL_SESSION",
    "i2d_SSL_SESSION_bio",
    "d2i_SSL_SESSION_bio",
];

/// A header of `#define SSL_new sfukit_SSL_new` lines, included before everything else.
pub fn header(source: &Path) -> Result<String, String> {
    let read = |path: &str| {
        let path = source.join(path);
        std::fs::read_to_string(&path).map_err(|e| format!("{}: cannot read: {e}", path.display()))
    };
    let crypto = read("generated-include/openssl/boringssl_prefix_symbols.h")?;
    let crypto: BTreeSet<&str> =
        crypto.lines().filter_map(|line| line.strip_prefix("#define ")?.split(' ').next()).collect();
    let ssl = read("aws-lc/include/openssl/ssl.h")?;
    let mut names: BTreeSet<&str> = NOT_DECLARED.into();
    // The text before the first mark is no declaration.
    names.extend(ssl.split("OPENSSL_EXPORT").skip(1).filter_map(declared_name));
    if names.len() < 300 {
        return Err(format!("ssl.h declares only {} functions: its layout has changed", names.len()));
    }
    let mut text = String::from("#pragma once\n");
    for name in names.into_iter().filter(|name| !crypto.contains(name)) {
        text.push_str(&format!("#define {name} {PREFIX}{name}\n"));
    }
    Ok(text)
}

/// The name in ` int SSL_get_fd(const SSL *ssl);` or ` void (*SSL_get_callback(const SSL *ssl))(int);` or
/// ` STACK_OF(SSL_CIPHER) *SSL_get_ciphers(const SSL *ssl);`.
fn declared_name(declaration: &str) -> Option<&str> {
    let (mut head, mut rest) = declaration.split_once('(')?;
    if head.trim_end().ends_with("_OF") {
        (head, rest) = rest.split_once(')')?.1.split_once('(')?;
    }
    let head = match rest.strip_prefix('*') {
        Some(pointer) => pointer.split_once('(')?.0,
        None => head,
    };
    let name = head.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').find(|word| !word.is_empty())?;
    name.contains('_').then_some(name)
}
