//! Between the library's two functions and the byte stream that the front door reads.
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use crate::surface::{Reader, Writer};
use crate::wake::Wake;

/// Passes on what the library says until the worker ends. A front door that reads no more makes it wait.
pub(crate) fn requests(mut reader: Reader, wake: &Wake, mut stream: &UnixStream) {
    loop {
        while let Some(message) = reader.next(wake.handle()) {
            let length = (message.len() as u32).to_le_bytes();
            // The library goes on without an answer when the worker ends; so does this.
            if stream.write_all(&length).and_then(|()| stream.write_all(&message)).is_err() {
                return;
            }
        }
        if !wake.wait() {
            return;
        }
    }
}

/// Passes on what the worker says, each message with its length before it, until there is no more.
pub(crate) fn answers(mut writer: Writer, mut stream: &UnixStream) -> io::Result<()> {
    let mut frame = Vec::new();
    loop {
        frame.resize(4, 0);
        match stream.read_exact(&mut frame) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            outcome => outcome?,
        }
        let length = frame.iter().rev().fold(0, |length, byte| length << 8 | u64::from(*byte));
        stream.take(length).read_to_end(&mut frame)?;
        if frame.len() as u64 != length + 4 {
            return Ok(());
        }
        writer.put(&frame);
        frame.clear();
    }
}
