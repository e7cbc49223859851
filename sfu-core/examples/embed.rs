//! A worker inside one's own program: no command line, no HTTP server; the program itself does the signaling.
//!
//! ```sh
//! cargo run -p sfu-core --example embed
//! ```
use sfu_core::control::{Command, ControlError, ControlHandle, Labels, Target};
use sfu_core::plugin::*;
use sfu_core::{Builder, WorkerConfig, WorkerError, serde_json};

sfu_core::worker! {
    /// The worker of this program.
    pub plugins = [Rooms];
    pub signaling = [];
}

/// Counts rooms: whatever the program wants to have on the media threads.
#[derive(Default)]
pub struct Rooms {
    opened: u64,
}

/// What `Rooms` can be asked.
#[request]
pub enum Ask {
    /// Rooms that this media thread has had so far.
    Opened,
}

/// Counts rooms.
#[plugin(id = "rooms")]
impl Plugin for Rooms {
    type Request = Ask;
    type Router = ();

    fn router_opened(&mut self, _: &RouterInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<()> {
        self.opened += 1;
        Attach::On(())
    }

    fn request(&mut self, _: Ask, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        re.ok(self.opened);
    }
}

/// The settings that a file would have.
pub fn builder() -> Builder<Worker> {
    let mut config = WorkerConfig { workers: 2, ..WorkerConfig::default() };
    config.rtc.listen_ip = std::net::Ipv4Addr::LOCALHOST.into();
    Worker::builder().config(config).without_http()
}

/// Opens a room on each media thread, asks the plugin on each, and closes the rooms again.
pub async fn session(control: &ControlHandle) -> Result<serde_json::Value, ControlError> {
    let mut rooms = Vec::new();
    for name in ["kitchen", "garden"] {
        let labels = Labels::new().with("room", name);
        rooms.push(control.create_router(control.pick_worker(), labels).await?);
    }
    let ask = serde_json::json!({ "method": "opened" });
    let answers = control.plugin_request("rooms", Target::Worker, ask).await?;
    for room in rooms {
        control.run(Command::CloseRouter(room)).await?;
    }
    Ok(answers)
}

#[allow(dead_code, reason = "the test of this example calls what it is made of")]
#[tokio::main]
async fn main() -> Result<(), WorkerError> {
    let running = builder().start().await?;
    let mut events = running.control().events();
    match session(running.control()).await {
        Ok(answers) => println!("rooms per media thread: {answers}"),
        Err(error) => eprintln!("{error}"),
    }
    while let Ok(event) = events.try_recv() {
        println!("event: {}", serde_json::json!(event));
    }
    running.stop().await;
    Ok(())
}
