//! What is counted.
use std::hint::black_box;

use sfu_counting_allocator::{CountingAllocator, in_process, on_thread};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn what_is_made_and_what_grows_counts_and_what_is_given_back_does_not() {
    let (made, mut list) = on_thread(|| black_box(Vec::<u64>::with_capacity(4)));
    assert_eq!(made, 1);
    assert_eq!(on_thread(|| list.reserve_exact(black_box(1000))).0, 1, "growing");
    assert_eq!(on_thread(|| black_box(vec![0_u8; black_box(5000)])).0, 1, "zeroed");
    assert_eq!(on_thread(|| drop(list)).0, 0, "giving back");
}

#[test]
fn another_threads_allocations_count_in_the_process_alone() {
    let elsewhere = || {
        std::thread::scope(|scope| {
            let made = || (0..1000_u64).for_each(|n| drop(black_box(Box::new(n))));
            scope.spawn(made).join().expect("it counts");
        });
    };
    // Starting a thread takes some, too.
    assert!(on_thread(elsewhere).0 < 100);
    assert!(in_process(elsewhere).0 >= 1000);
}
