//! The system calls that neither the standard library nor `socket2` offers: the only unsafe code of the crate.
//!
//! Everything that can be done in safe code (addresses, control messages) is done by the callers; here pointers are
//! made from slices, and each call returns before its slices end.
#![allow(unsafe_code)]
use std::ffi::{c_int, c_void};
use std::io::{self, IoSlice};
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// Messages that one `recvmmsg` may return.
pub(super) const MESSAGES: usize = 32;
/// Room for a peer's address: `sockaddr_in6` is the larger of the two.
pub(super) const NAME_SIZE: usize = 28;
/// Room for control messages: packet info of both families, a segment size and a time take 128 bytes.
pub(super) const CONTROL_SIZE: usize = 128;

/// What the kernel said of one received message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meta {
    /// Bytes of payload.
    pub len: usize,
    /// Bytes of the sender's address.
    pub name_len: usize,
    /// Bytes of control messages.
    pub control_len: usize,
    /// Whether payload was cut off.
    pub truncated: bool,
}

/// The buffers around one received message.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Envelope {
    /// Control messages.
    pub control: [u8; CONTROL_SIZE],
    /// The sender's `sockaddr`.
    pub name: [u8; NAME_SIZE],
}

impl Default for Envelope {
    fn default() -> Self {
        Self { control: [0; CONTROL_SIZE], name: [0; NAME_SIZE] }
    }
}

/// Reads up to [`MESSAGES`] datagrams without blocking, each into one of `buffers`; returns how many came.
pub(super) fn receive<'a>(
    fd: BorrowedFd<'_>,
    buffers: impl Iterator<Item = &'a mut [u8]>,
    envelopes: &mut [Envelope],
    metas: &mut [Meta],
) -> io::Result<usize> {
    // Not set beyond `count`: most reads find a message or two.
    let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; MESSAGES];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MESSAGES];
    let mut count = 0;
    for (((buffer, envelope), part), header) in
        buffers.zip(envelopes.iter_mut()).zip(parts.iter_mut()).zip(headers.iter_mut())
    {
        let part = part.write(libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() });
        // SAFETY: mmsghdr is a plain C struct for which all zeroes is a valid value.
        let header = header.write(unsafe { mem::zeroed() });
        header.msg_hdr.msg_name = envelope.name.as_mut_ptr().cast();
        header.msg_hdr.msg_namelen = NAME_SIZE as _;
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_control = envelope.control.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = CONTROL_SIZE as _;
        count += 1;
    }
    // SAFETY: the first `count` headers are set, and point at buffers that are borrowed mutably for this call, each with its
    // true length; a null timeout is allowed.
    let received = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr().cast(),
            count as _,
            libc::MSG_DONTWAIT as _,
            ptr::null_mut(),
        )
    };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for (header, meta) in headers.iter().zip(metas.iter_mut()).take(received.min(count)) {
        // SAFETY: the first `count` headers are set.
        let header = unsafe { header.assume_init_ref() };
        *meta = Meta {
            len: header.msg_len as usize,
            name_len: header.msg_hdr.msg_namelen as usize,
            control_len: control_len(header.msg_hdr.msg_controllen),
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        };
    }
    Ok(received)
}

/// Sends the concatenation of `parts` to the `sockaddr` in `name`, without blocking.
pub(super) fn send(fd: BorrowedFd<'_>, name: &[u8], parts: &[IoSlice<'_>], control: &[u8]) -> io::Result<()> {
    // SAFETY: msghdr is a plain C struct for which all zeroes is a valid value.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = name.as_ptr().cast_mut().cast();
    header.msg_namelen = name.len() as _;
    // IoSlice is documented to have the layout of iovec.
    header.msg_iov = parts.as_ptr().cast_mut().cast();
    header.msg_iovlen = parts.len() as _;
    if !control.is_empty() {
        header.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_controllen = control.len() as _;
    }
    // SAFETY: sendmsg only reads what the header points at, and all of it is borrowed for this call.
    let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets a socket option that is an int.
pub(super) fn set_option(fd: BorrowedFd<'_>, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the pointer is to `value`, with its size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&value).cast::<c_void>(),
            size_of::<c_int>() as _,
        )
    };
    check(result).map(drop)
}

/// Makes an epoll instance.
pub(super) fn epoll_create() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; a non-negative result is a new descriptor that nobody else owns.
    unsafe { check(libc::epoll_create1(libc::EPOLL_CLOEXEC)).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Makes a non-blocking eventfd.
pub(super) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; a non-negative result is a new descriptor that nobody else owns.
    unsafe {
        check(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Adds, changes or removes (`operation`) the events that are watched on `fd`.
pub(super) fn epoll_control(
    epoll: BorrowedFd<'_>,
    operation: c_int,
    fd: BorrowedFd<'_>,
    events: u32,
    token: u64,
) -> io::Result<()> {
    let mut event = libc::epoll_event { events, u64: token };
    // SAFETY: the pointer is to a live epoll_event, which the kernel only reads.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd.as_raw_fd(), &mut event) }).map(drop)
}

/// Waits for events with a timeout in nanoseconds; `None` waits for ever.
///
/// Fails with ENOSYS before Linux 5.11, and with EPERM under some container filters.
pub(super) fn epoll_wait_nanos(
    epoll: BorrowedFd<'_>,
    events: &mut [libc::epoll_event],
    nanos: Option<u64>,
) -> io::Result<usize> {
    /// The kernel's timespec, which is of this size on 32-bit systems too.
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanos: i64,
    }
    let timeout = nanos.map(|nanos| Timespec {
        seconds: (nanos / 1_000_000_000) as i64,
        nanos: (nanos % 1_000_000_000) as i64,
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the kernel writes at most `events.len()` entries; the timeout is null or lives until the call returns;
    // a null signal mask is allowed.
    let count = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            events.as_mut_ptr(),
            events.len() as c_int,
            timeout,
            ptr::null::<c_void>(),
            0_usize,
        )
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Waits for events with a timeout in milliseconds; -1 waits for ever.
pub(super) fn epoll_wait_millis(
    epoll: BorrowedFd<'_>,
    events: &mut [libc::epoll_event],
    millis: c_int,
) -> io::Result<usize> {
    // SAFETY: the kernel writes at most `events.len()` entries.
    let count =
        unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), events.len() as c_int, millis) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Calls `each` with every address of every interface that is up and is not the loopback.
pub(super) fn interface_addresses(mut each: impl FnMut(IpAddr)) -> io::Result<()> {
    let mut head: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: the kernel's list is stored into `head`; it is freed below.
    check(unsafe { libc::getifaddrs(&mut head) })?;
    let mut next = head.cast_const();
    // SAFETY: `next` is null or an entry of the list, which is not freed yet.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        let up = entry.ifa_flags & libc::IFF_UP as u32 != 0;
        let loopback = entry.ifa_flags & libc::IFF_LOOPBACK as u32 != 0;
        if !up || loopback || entry.ifa_addr.is_null() {
            continue;
        }
        // SAFETY: `ifa_addr` is not null; its family says which struct it is. Unaligned reads ask nothing of the
        // allocator behind the list.
        match c_int::from(unsafe { (*entry.ifa_addr).sa_family }) {
            libc::AF_INET => {
                // SAFETY: the family is AF_INET.
                let name = unsafe { ptr::read_unaligned(entry.ifa_addr.cast::<libc::sockaddr_in>()) };
                each(Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr)).into());
            }
            libc::AF_INET6 => {
                // SAFETY: the family is AF_INET6.
                let name = unsafe { ptr::read_unaligned(entry.ifa_addr.cast::<libc::sockaddr_in6>()) };
                each(Ipv6Addr::from(name.sin6_addr.s6_addr).into());
            }
            _ => {}
        }
    }
    // SAFETY: `head` came from getifaddrs and is freed once.
    unsafe { libc::freeifaddrs(head) };
    Ok(())
}

/// A length whose type differs between C libraries.
fn control_len(len: impl TryInto<usize>) -> usize {
    len.try_into().unwrap_or_default()
}

/// CPU time of this thread.
#[cfg(any(test, feature = "bench"))]
pub(crate) fn thread_time() -> std::time::Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec.
    let _ = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
