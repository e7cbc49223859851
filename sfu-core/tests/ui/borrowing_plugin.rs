use sfu_core::plugin::*;

pub struct Mine<'a> {
    labels: Option<&'a str>,
}

#[plugin(id = "mine")]
impl<'a> Plugin for Mine<'a> {
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
}

fn main() {}
