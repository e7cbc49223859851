//! DTLS 1.2 with SRTP keys (RFC 6347, RFC 5764) in virtual time, behind a safe API.
//!
//! The protocol is libssl of AWS-LC, of the lineage browsers use, compiled from the sources inside aws-lc-sys. This
//! crate does no I/O and reads no clock: datagrams and the time come in, datagrams and deadlines come out.
//!
//! All `unsafe` code of DTLS is here. The library's symbols are renamed, so a program may also link OpenSSL.
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

// Its libcrypto is what libssl calls: without a mention the linker would leave it out.
extern crate aws_lc_sys as _;

mod connection;
mod context;
mod error;
mod ffi;
mod profile;
mod retransmit;

pub use connection::{Connection, ConnectionConfig, Role, State};
pub use context::{Context, ContextConfig};
pub use error::{ContextError, Error};
pub use profile::SrtpProfile;

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// Skipped where binutils are not installed.
    #[cfg(target_os = "linux")]
    #[test]
    fn no_symbol_of_the_library_keeps_a_name_another_ssl_library_could_have() {
        let archive = concat!(env!("OUT_DIR"), "/libsfukit_dtls.a");
        let Ok(output) = Command::new("nm").args(["--defined-only", "--extern-only", archive]).output()
        else {
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let symbols: Vec<(&str, &str)> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().skip(1);
                Some((words.next()?, words.next()?))
            })
            .collect();
        assert!(symbols.len() > 300);
        // Weak ones are inline functions of the headers, the same wherever they are compiled.
        let foreign: Vec<_> =
            symbols.iter().filter(|(kind, name)| *kind != "W" && !name.contains("sfukit")).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
    }
}
