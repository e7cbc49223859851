use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

macro_rules! hooks {
    () => {
        fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
    };
}

#[plugin(id = "mine")]
impl Plugin for Mine {
    hooks!();
}

fn main() {}
