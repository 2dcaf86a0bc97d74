//! A subject with a known number of allocations, to check that callgrind counts them correctly.

use std::hint::black_box;

/// The number of allocator calls in one round of the toy: for a box, for a vector, and to grow the vector.
pub(crate) const ALLOCATIONS: u32 = 3;

pub(super) fn run(count: usize) {
    for round in 0..count {
        let boxed = black_box(Box::new(round));
        let mut grows: Vec<usize> = black_box(Vec::with_capacity(4));
        grows.extend([*boxed; 4]);
        black_box(&mut grows).reserve_exact(8);
        black_box(grows);
    }
}
