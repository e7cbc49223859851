use sfu_core::plugin::*;

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<u64> {
        Attach::On(0)
    }
}

fn main() {}
