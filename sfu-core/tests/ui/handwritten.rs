use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

impl Plugin for Mine {
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
}

fn main() {}
