//! The hook behind the C ABI: compiled by `cc` into a dynamic library, and loaded.
use std::ffi::{CStr, CString, c_void};
use std::path::Path;
use std::process::Command;

use crate::native::Hook;
use crate::packet::{Counts, Packet, Verdict};

type RtpIn = unsafe extern "C" fn(*mut Counts, *const Packet<'_>) -> i32;

/// A library that is loaded, and the state of its hook.
pub struct Library {
    handle: *mut c_void,
    rtp_in: RtpIn,
    counts: Counts,
}

impl Library {
    /// Compiles the source that lies beside this file, and loads what comes of it.
    pub fn build(folder: &Path) -> Result<Self, String> {
        let (source, library) = (folder.join("counting.c"), folder.join("libcounting.so"));
        std::fs::write(&source, include_str!("counting.c")).map_err(|error| error.to_string())?;
        let cc =
            Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
        match cc {
            Ok(status) if status.success() => Self::load(&library),
            Ok(status) => Err(format!("cc: {status}")),
            Err(error) => Err(format!("cc: {error}")),
        }
    }

    fn load(path: &Path) -> Result<Self, String> {
        let name = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: the name ends with a zero; the library is ours and has no constructors.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(error());
        }
        // SAFETY: the handle is that of a loaded library, and the name ends with a zero.
        let symbol = unsafe { libc::dlsym(handle, c"rtp_in".as_ptr()) };
        if symbol.is_null() {
            return Err(error());
        }
        // SAFETY: `counting.c` defines the function with this signature, and `Counts` and `Packet` as its structures.
        let rtp_in = unsafe { std::mem::transmute::<*mut c_void, RtpIn>(symbol) };
        Ok(Library { handle, rtp_in, counts: Counts::default() })
    }
}

fn error() -> String {
    // SAFETY: called right after a failure on this thread; the text is copied before anything else is loaded.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() { "dlopen".to_owned() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    }
}

impl Hook for Library {
    #[inline]
    fn rtp_in(&mut self, packet: &Packet<'_>) -> Verdict {
        // SAFETY: the library stays loaded as long as `self`; both pointers are good for the call, which keeps neither.
        match unsafe { (self.rtp_in)(&mut self.counts, packet) } {
            0 => Verdict::Forward,
            _ => Verdict::Drop,
        }
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: loaded in `load`, closed once, and the function is not called after it.
        unsafe { libc::dlclose(self.handle) };
    }
}
