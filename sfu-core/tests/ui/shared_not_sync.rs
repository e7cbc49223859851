use std::cell::RefCell;

use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Shared = RefCell<u64>;
}

fn main() {}
