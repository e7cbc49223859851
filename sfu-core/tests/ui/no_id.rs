use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(about = "Has no id.")]
impl Plugin for Mine {}

fn main() {}
