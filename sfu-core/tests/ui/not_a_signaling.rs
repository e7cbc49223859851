#[derive(Default)]
pub struct Mine;

sfu_core::worker! {
    pub plugins = [];
    pub signaling = [Mine];
}

fn main() {}
