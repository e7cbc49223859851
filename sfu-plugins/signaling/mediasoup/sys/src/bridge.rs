//! Between the library's two functions and the byte stream that the front door reads.
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use crate::surface::{Reader, Writer};
use crate::wake::Wake;

/// Passes on what the library asks until the worker ends. A front door that reads no more makes it wait.
pub(crate) fn requests(mut reader: Reader, wake: &Wake, mut stream: &UnixStream) {
    loop {
        while let Some(message) = reader.next(wake.handle()) {
            // Longer ones than 32 bits tell are not handed out.
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
        let mut prefix = [0; 4];
        match stream.read_exact(&mut prefix) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            outcome => outcome?,
        }
        let length = u32::from_le_bytes(prefix);
        frame.clear();
        frame.extend(prefix);
        stream.take(length.into()).read_to_end(&mut frame)?;
        if frame.len() != prefix.len() + length as usize {
            return Ok(());
        }
        writer.put(&frame);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;
    use std::{ptr, thread};

    use super::*;
    use crate::surface::{ChannelReadCtx, ChannelReadFreeFn, ChannelWriteCtx, UvAsyncT};
    use crate::wake;

    /// What a library would have: messages to hand out, those that it got back, and what it was told.
    #[derive(Default)]
    struct Library {
        messages: Vec<&'static [u8]>,
        handle: usize,
        told: Vec<Vec<u8>>,
    }

    unsafe extern "C" fn free(message: *mut u8, length: u32, own: usize) {
        // SAFETY: what `read` has handed out, which came out of a box.
        drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(message, length as usize)) });
        assert_eq!(own, 7);
    }

    unsafe extern "C" fn read(
        message: *mut *mut u8,
        length: *mut u32,
        own: *mut usize,
        UvAsyncT(handle): UvAsyncT,
        ChannelReadCtx(library): ChannelReadCtx,
    ) -> ChannelReadFreeFn {
        // SAFETY: tests give a `Library` that nobody else uses meanwhile.
        let library = unsafe { &mut *library.cast::<Library>().cast_mut() };
        library.handle = handle.addr();
        let next = library.messages.pop()?;
        // SAFETY: three places that are the caller's.
        unsafe {
            (*length, *own) = (next.len() as u32, 7);
            *message = Box::into_raw(Box::<[u8]>::from(next)).cast();
        }
        Some(free)
    }

    unsafe extern "C" fn write(frame: *const u8, length: u32, ChannelWriteCtx(library): ChannelWriteCtx) {
        // SAFETY: as above; the caller lends `length` bytes.
        let (library, frame) = unsafe {
            let library = &mut *library.cast::<Library>().cast_mut();
            (library, std::slice::from_raw_parts(frame, length as usize))
        };
        library.told.push(frame.to_vec());
    }

    fn context(library: &mut Library) -> *const c_void {
        ptr::from_mut(library).cast_const().cast()
    }

    #[test]
    fn requests_get_their_length_until_the_worker_ends() {
        let mut library = Library { messages: vec![b"two", b"", b"one"], ..Library::default() };
        // SAFETY: function and context belong together, and the library lives longer.
        let reader = unsafe { Reader::new(read, ChannelReadCtx(context(&mut library))) };
        let (near, mut far) = UnixStream::pair().unwrap();
        let wake = wake::Wake::new();
        thread::scope(|scope| {
            scope.spawn(|| requests(reader, &wake, &near));
            let mut seen = [0; 18];
            far.read_exact(&mut seen).unwrap();
            assert_eq!(&seen, b"\x03\0\0\0one\0\0\0\0\x03\0\0\0two");
            wake.end();
        });
        assert!(wake::ring(library.handle));
    }

    #[test]
    fn requests_end_where_nobody_reads_them() {
        let mut library = Library { messages: vec![b"x"], ..Library::default() };
        // SAFETY: as above.
        let reader = unsafe { Reader::new(read, ChannelReadCtx(context(&mut library))) };
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        requests(reader, &wake::Wake::new(), &near);
        assert!(library.messages.is_empty());
    }

    #[test]
    fn the_library_is_told_whole_frames_alone() {
        let mut library = Library::default();
        // SAFETY: as above.
        let writer = unsafe { Writer::new(write, ChannelWriteCtx(context(&mut library))) };
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"\x03\0\0\0one\0\0\0\0\x09\0\0\0broken").unwrap();
        drop(far);
        answers(writer, &near).unwrap();
        assert_eq!(library.told, [&b"\x03\0\0\0one"[..], b"\0\0\0\0"]);
    }
}
