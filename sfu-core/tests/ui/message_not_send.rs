use std::rc::Rc;

use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Message = Rc<str>;
    fn message(&mut self, _: Rc<str>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {}
}

fn main() {}
