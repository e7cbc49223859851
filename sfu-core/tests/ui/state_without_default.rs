use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

pub struct State(&'static str);

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Producer = State;
}

fn main() {}
