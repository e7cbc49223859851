use sfu_core::plugin::*;

#[derive(Default)]
pub struct Options {
    pub limit: u64,
}

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Options = Options;
}

fn main() {}
