use sfu_core::plugin::*;

#[derive(Default)]
pub struct Generic<T>(T);

#[plugin(id = "generic")]
impl<T: Default + 'static> Plugin for Generic<T> {
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
}

fn main() {}
