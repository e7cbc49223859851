use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    fn tick(&self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
}

fn main() {}
