use sfu_core::plugin::*;

#[derive(Default)]
pub struct Settings {
    pub every: u64,
}

#[derive(Default)]
pub struct Mine;

#[plugin(id = "mine")]
impl Plugin for Mine {
    type Config = Settings;
}

fn main() {}
