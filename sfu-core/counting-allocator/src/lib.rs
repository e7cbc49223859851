//! Counts allocations, so that a test can say that the media path makes none.
//!
//! A test binary installs it, and asks how many allocations a closure makes:
//!
//! ```
//! use sfu_counting_allocator::{CountingAllocator, on_thread};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! let (made, text) = on_thread(|| String::from("one"));
//! assert_eq!((made, text.as_str()), (1, "one"));
//! ```
//!
//! A worker of `sfu_core::testing` runs on the thread of its test. Growing counts, too; giving back doesn't.
#![allow(unsafe_code)]
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

static OF_PROCESS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OF_THREAD: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting; install it with `#[global_allocator]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

#[inline]
fn count() {
    OF_PROCESS.fetch_add(1, Ordering::Relaxed);
    OF_THREAD.set(OF_THREAD.get() + 1);
}

// SAFETY: every call goes on to the system's allocator unchanged. Counting touches no memory that it manages: an atomic, and a
// cell of the thread that needs neither a constructor nor a destructor.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Allocations of all threads since the program began. Panics where the allocator is not installed.
pub fn so_far() -> u64 {
    let count = OF_PROCESS.load(Ordering::Relaxed);
    // No program comes as far as a test without one.
    assert!(
        count > 0,
        "sfu-counting-allocator: not installed; write `#[global_allocator] static ALLOCATOR: CountingAllocator = CountingAllocator;`"
    );
    count
}

/// Allocations that all threads make while `work` runs, and what it answers. Panics where the allocator is not installed.
pub fn in_process<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = so_far();
    let answer = work();
    (so_far() - before, answer)
}

/// Allocations that this thread makes in `work`, and what it answers. Panics where the allocator is not installed.
pub fn on_thread<T>(work: impl FnOnce() -> T) -> (u64, T) {
    so_far();
    let before = OF_THREAD.get();
    let answer = work();
    (OF_THREAD.get() - before, answer)
}
