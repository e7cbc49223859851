use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    async fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
}

fn main() {}
