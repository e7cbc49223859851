//! What the process used so far.
use std::io;

/// As getrusage(2) has it, in its order; times in milliseconds, memory in kB.
#[allow(missing_docs)] // Named as there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub utime: u64,
    pub stime: u64,
    pub maxrss: u64,
    pub ixrss: u64,
    pub idrss: u64,
    pub isrss: u64,
    pub minflt: u64,
    pub majflt: u64,
    pub nswap: u64,
    pub inblock: u64,
    pub oublock: u64,
    pub msgsnd: u64,
    pub msgrcv: u64,
    pub nsignals: u64,
    pub nvcsw: u64,
    pub nivcsw: u64,
}

/// What all threads of the process used.
pub fn usage() -> io::Result<Usage> {
    // SAFETY: `getrusage` writes the struct that it is given, and all zeroes are a valid `rusage`.
    let (result, raw) = unsafe {
        let mut raw: libc::rusage = std::mem::zeroed();
        (libc::getrusage(libc::RUSAGE_SELF, &mut raw), raw)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let count = |value: libc::c_long| u64::try_from(value).unwrap_or(0);
    let milliseconds = |time: libc::timeval| count(time.tv_sec) * 1000 + count(time.tv_usec) / 1000;
    Ok(Usage {
        utime: milliseconds(raw.ru_utime),
        stime: milliseconds(raw.ru_stime),
        maxrss: count(raw.ru_maxrss),
        ixrss: count(raw.ru_ixrss),
        idrss: count(raw.ru_idrss),
        isrss: count(raw.ru_isrss),
        minflt: count(raw.ru_minflt),
        majflt: count(raw.ru_majflt),
        nswap: count(raw.ru_nswap),
        inblock: count(raw.ru_inblock),
        oublock: count(raw.ru_oublock),
        msgsnd: count(raw.ru_msgsnd),
        msgrcv: count(raw.ru_msgrcv),
        nsignals: count(raw.ru_nsignals),
        nvcsw: count(raw.ru_nvcsw),
        nivcsw: count(raw.ru_nivcsw),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_that_runs_has_used_memory() {
        assert!(super::usage().unwrap().maxrss > 100);
    }
}
