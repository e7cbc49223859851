use sfu_core::plugin::*;

pub struct Mine {
    total: u64,
}

#[plugin(id = "mine")]
impl Plugin for Mine {
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("total", self.total);
    }
}

fn main() {}
