#[derive(Default)]
pub struct Mine;

sfu_core::worker! {
    pub plugins = [Mine];
    pub signaling = [];
}

fn main() {}
