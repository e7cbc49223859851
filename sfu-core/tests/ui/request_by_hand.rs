use sfu_core::plugin::*;

pub enum Ask {
    Total,
}

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Request = Ask;
    fn request(&mut self, _: Ask, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        re.ok(())
    }
}

fn main() {}
