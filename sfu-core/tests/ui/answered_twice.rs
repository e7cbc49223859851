use sfu_core::plugin::*;

#[request]
pub enum Ask {
    Total,
}

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Request = Ask;
    fn request(&mut self, _: Ask, at: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        if at == Target::Worker {
            re.error(400, "mine: ask about a producer");
        }
        re.ok(());
    }
}

fn main() {}
