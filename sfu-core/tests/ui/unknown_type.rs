use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Producers = u64;
}

fn main() {}
