use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine", before("other"))]
impl Plugin for Mine {}

#[derive(Default)]
pub struct Other;

#[plugin(id = "other")]
impl Plugin for Other {}

sfu_core::worker! {
    pub plugins = [Other, Mine];
}

fn main() {}
