sfu_core::worker! {
    pub plugins = [sfu_recorder::Recorder];
}

fn main() {}
