use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Note = [u64; 3];
}

sfu_core::worker! {
    pub plugins = [Mine];
}

fn main() {}
