use std::rc::Rc;

use sfu_core::plugin::*;

pub struct Mine {
    handle: PluginHandle<u64>,
}

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Message = u64;
    fn new(_: NoConfig, start: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Mine { handle: start.handle() })
    }
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        let found = Rc::new(7);
        let handle = self.handle.clone();
        self.handle.spawn(async move {
            let _ = handle.send(*found);
        });
    }
}

fn main() {}
