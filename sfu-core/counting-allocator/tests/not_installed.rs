//! A count that would always be 0 is none.
use sfu_counting_allocator::{in_process, on_thread};

#[test]
#[should_panic(expected = "not installed")]
fn a_process_without_it_is_not_counted() {
    in_process(|| ());
}

#[test]
#[should_panic(expected = "not installed")]
fn a_thread_without_it_is_not_counted() {
    on_thread(|| ());
}
