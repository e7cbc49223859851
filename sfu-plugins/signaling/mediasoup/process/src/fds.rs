//! The two file descriptors that the library hands to a worker: 3 brings its messages, 4 takes ours.
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

const INPUT: RawFd = 3;
const OUTPUT: RawFd = 4;

/// Both directions of the channel, not blocking, and closed in programs that this one starts.
#[derive(Debug)]
pub struct ChannelFds {
    /// From the library.
    pub input: OwnedFd,
    /// To the library.
    pub output: OwnedFd,
}

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelFdsError {
    /// Nothing, or something else, is there.
    #[error(
        "signaling.mediasoup: file descriptor {fd} is {found}; the mediasoup library hands a worker two pipes or sockets, \
         3 and 4: let it start this program, without a wrapper that closes them"
    )]
    NoChannel {
        /// Which one.
        fd: RawFd,
        /// What is there.
        found: &'static str,
    },
    /// The system refused.
    #[error("signaling.mediasoup: file descriptor {fd} can't be used: {error}")]
    System {
        /// Which one.
        fd: RawFd,
        /// What it said.
        error: io::Error,
    },
    /// They have an owner.
    #[error("signaling.mediasoup: file descriptors 3 and 4 were taken before")]
    Taken,
}

/// Takes both descriptors, once in the life of a process.
///
/// To be called first in `main`, before anything else is opened: then what is there came from whoever started the process.
pub fn take_channel() -> Result<ChannelFds, ChannelFdsError> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    for fd in [INPUT, OUTPUT] {
        check(fd)?;
    }
    if TAKEN.swap(true, Ordering::AcqRel) {
        return Err(ChannelFdsError::Taken);
    }
    for fd in [INPUT, OUTPUT] {
        prepare(fd).map_err(|error| ChannelFdsError::System { fd, error })?;
    }
    // SAFETY: both are open (`check`), were handed to this process for this purpose, and nothing else in it owns them: it
    // is called before anything is opened, and `TAKEN` lets nobody come here twice.
    let [input, output] = [INPUT, OUTPUT].map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(ChannelFds { input, output })
}

/// Whether it is a pipe or a socket that is open.
fn check(fd: RawFd) -> Result<(), ChannelFdsError> {
    // SAFETY: `fstat` writes the struct that it is given, for any descriptor or number that is none, and all zeroes are a
    // valid `stat`.
    let (result, stat) = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &mut stat), stat)
    };
    if result != 0 {
        return Err(ChannelFdsError::NoChannel { fd, found: "not open" });
    }
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK | libc::S_IFIFO => Ok(()),
        libc::S_IFREG => Err(ChannelFdsError::NoChannel { fd, found: "a file" }),
        _ => Err(ChannelFdsError::NoChannel { fd, found: "something else" }),
    }
}

/// Makes it not block, and close on `exec`.
fn prepare(fd: RawFd) -> io::Result<()> {
    let done = |result: libc::c_int| match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    };
    // SAFETY: these take and return integers alone; `check` has seen the descriptor open.
    unsafe {
        let flags = done(libc::fcntl(fd, libc::F_GETFL))?;
        done(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
        done(libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC))?;
    }
    Ok(())
}
