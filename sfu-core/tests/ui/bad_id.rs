use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "My Plugin")]
impl Plugin for Mine {}

fn main() {}
