//! The names, types and promises of the crate that this one stands in for.
use std::ffi::{CStr, OsStr, OsString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use crate::{wake, worker};

/// Says which worker has something to read.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct UvAsyncT(pub *const c_void);

// SAFETY: it is a number in the form of a pointer, which nothing is read through.
unsafe impl Send for UvAsyncT {}

/// What the library wants to have back when it is asked for a message.
#[repr(transparent)]
pub struct ChannelReadCtx(pub *const c_void);

// SAFETY: the library makes it of a closure that is `Send`, and leaves it to one worker.
unsafe impl Send for ChannelReadCtx {}

/// Takes a message back: its address, its length, and what came with it.
pub type ChannelReadFreeFn = Option<unsafe extern "C" fn(*mut u8, u32, usize)>;

/// Hands out the next message, if there is one: where its address, its length and what belongs to it are to be written,
/// whom to wake for the next one, and the library's own. The message is the caller's until it gives it back by the function
/// that is returned; if none is, nothing was written.
pub type ChannelReadFn =
    unsafe extern "C" fn(*mut *mut u8, *mut u32, *mut usize, UvAsyncT, ChannelReadCtx) -> ChannelReadFreeFn;

/// What the library wants to have back when it is told something.
#[repr(transparent)]
pub struct ChannelWriteCtx(pub *const c_void);

// SAFETY: as with [`ChannelReadCtx`].
unsafe impl Send for ChannelWriteCtx {}

/// Takes a message, with its length before it; the bytes are the caller's.
pub type ChannelWriteFn = unsafe extern "C" fn(*const u8, u32, ChannelWriteCtx);

/// What the library says.
pub(crate) struct Reader {
    read: ChannelReadFn,
    context: ChannelReadCtx,
}

impl Reader {
    /// # Safety
    ///
    /// The function may be called with the context by one thread at a time, whichever it is, as long as this is there, and
    /// hands out what [`ChannelReadFn`] says.
    pub(crate) unsafe fn new(read: ChannelReadFn, context: ChannelReadCtx) -> Self {
        Self { read, context }
    }

    /// The next message, if there is one; `handle` is rung for those that come later.
    pub(crate) fn next(&mut self, handle: usize) -> Option<Vec<u8>> {
        let (mut message, mut length, mut own) = (ptr::null_mut(), 0, 0);
        let handle = UvAsyncT(ptr::without_provenance(handle));
        // SAFETY: `new` was promised that this may be called as long as the reader is there, and `&mut self` means that nobody
        // else calls it now; the three places are ours.
        let free = unsafe {
            (self.read)(&mut message, &mut length, &mut own, handle, ChannelReadCtx(self.context.0))
        }?;
        let bytes = match message.is_null() {
            true => Vec::new(),
            // SAFETY: the function said by its result that `length` bytes are there, which are ours until `free`.
            false => unsafe { std::slice::from_raw_parts(message, length as usize) }.to_vec(),
        };
        // SAFETY: exactly what the function handed out, once, and not used again.
        unsafe { free(message, length, own) };
        Some(bytes)
    }
}

/// What the library is told.
pub(crate) struct Writer {
    write: ChannelWriteFn,
    context: ChannelWriteCtx,
}

impl Writer {
    /// # Safety
    ///
    /// The function may be called with the context by one thread at a time, whichever it is, as long as this is there.
    pub(crate) unsafe fn new(write: ChannelWriteFn, context: ChannelWriteCtx) -> Self {
        Self { write, context }
    }

    /// Tells it a message.
    pub(crate) fn put(&mut self, frame: &[u8]) {
        // SAFETY: as with the reader; `frame` is lent for the call alone. It is at most 8 MiB.
        unsafe { (self.write)(frame.as_ptr(), frame.len() as u32, ChannelWriteCtx(self.context.0)) }
    }
}

/// Says that there is something to read; less than 0 if that worker has ended.
///
/// # Safety
///
/// None: any handle may be given. It is `unsafe` because the function that it stands in for is.
pub unsafe fn uv_async_send(handle: UvAsyncT) -> c_int {
    if wake::ring(handle.0.addr()) { 0 } else { -1 }
}

/// Runs a worker on this thread until the library closes it: 0 if it did, 1 if something failed, 42 if arguments are wrong.
///
/// # Safety
///
/// `arguments` are `count` texts that end with 0. Each function may be called with its context until this returns, by one
/// thread at a time, which need not be this one, and what is read is as [`ChannelReadFn`] says.
#[allow(clippy::too_many_arguments, reason = "as it is there")]
pub unsafe fn mediasoup_worker_run(
    count: c_int,
    arguments: *const *const c_char,
    _version: *const c_char,
    _input: c_int,
    _output: c_int,
    read: ChannelReadFn,
    read_context: ChannelReadCtx,
    write: ChannelWriteFn,
    write_context: ChannelWriteCtx,
) -> c_int {
    let arguments: Vec<OsString> = (0..usize::try_from(count).unwrap_or(0))
        .map(|index| {
            // SAFETY: the caller promised `count` texts that end with 0.
            let text = unsafe { CStr::from_ptr(*arguments.add(index)) };
            OsStr::from_bytes(text.to_bytes()).to_owned()
        })
        .collect();
    // SAFETY: what the caller promised; `run` drops both before it returns, on whatever threads they are.
    let (reader, writer) = unsafe { (Reader::new(read, read_context), Writer::new(write, write_context)) };
    worker::run(arguments, reader, writer)
}
