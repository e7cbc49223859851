use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine", order = 3)]
impl Plugin for Mine {}

fn main() {}
