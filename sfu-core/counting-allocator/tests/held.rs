//! What is held at a moment. A program of its own, so that no other test allocates meanwhile.
use std::hint::black_box;

use sfu_counting_allocator::{CountingAllocator, held};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What the harness of the test may allocate beside it.
const NOISE: usize = 64 * 1024;

fn is_about(size: usize, expected: usize) -> bool {
    size.abs_diff(expected) < NOISE
}

#[test]
fn what_is_made_grows_shrinks_and_goes_back_is_counted_in_bytes() {
    const MIB: usize = 1024 * 1024;
    let before = held();
    let mut list = black_box(Vec::<u8>::with_capacity(2 * MIB));
    assert!(is_about(held() - before, 2 * MIB), "made");
    list.resize(black_box(5 * MIB), 0);
    assert!(is_about(held() - before, list.capacity()), "grown");
    list.truncate(MIB);
    list.shrink_to_fit();
    assert!(is_about(held() - before, MIB), "shrunk");
    let zeroed = black_box(vec![0_u8; black_box(3 * MIB)]);
    assert!(is_about(held() - before, 4 * MIB), "zeroed");
    drop((list, zeroed));
    assert!(is_about(held(), before), "given back");
}
