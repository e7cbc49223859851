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
//! A worker of `sfu_core::testing` runs on the thread of its test. Growing counts, too; giving back doesn't. What is held at a moment is
//! counted in bytes ([`held`]), so that a test can say that what is closed gives its memory back.
#![allow(unsafe_code)]
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

static OF_PROCESS: AtomicU64 = AtomicU64::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OF_THREAD: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting; install it with `#[global_allocator]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

#[inline]
fn count(size: usize) {
    OF_PROCESS.fetch_add(1, Ordering::Relaxed);
    OF_THREAD.set(OF_THREAD.get() + 1);
    HELD.fetch_add(size, Ordering::Relaxed);
}

/// Memory of this size goes back.
#[inline]
fn release(size: usize) {
    HELD.fetch_sub(size, Ordering::Relaxed);
}

// SAFETY: every call goes on to the system's allocator unchanged. Counting touches no memory that it manages: an atomic, and a
// cell of the thread that needs neither a constructor nor a destructor.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        release(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        release(layout.size());
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

/// Bytes that all threads hold now, as they asked for them. Panics where the allocator is not installed.
pub fn held() -> usize {
    so_far();
    HELD.load(Ordering::Relaxed)
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
