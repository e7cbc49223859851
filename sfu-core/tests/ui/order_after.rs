use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine", after("other"))]
impl Plugin for Mine {}

#[derive(Default)]
pub struct Other;

#[plugin(id = "other")]
impl Plugin for Other {}

sfu_core::worker! {
    pub plugins = [Mine, Other];
}

fn main() {}
