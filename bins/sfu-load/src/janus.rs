//! A Janus server, for comparison: started here or running already, driven over its HTTP API. Its VideoRoom plugin carries the call.
//!
//! Only what its documentation says is relied on: sessions, handles, `message` with a JSEP, events by long poll.
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sfu_core::control::SrtpCryptoSuite;

use crate::http;

/// How long it may take to serve.
const START: Duration = Duration::from_secs(10);

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The room of the call.
const ROOM: u64 = 1000;

/// Where its HTTP API is, one session of it, and its process.
pub struct Janus {
    /// Ends when this is dropped, and its configuration goes.
    child: Option<(Child, PathBuf)>,
    process: Option<u32>,
    url: String,
}

/// A handle of the plugin: a peer of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(u64);

impl Janus {
    /// Starts the program with VideoRoom alone, on a port of its own, and begins a session.
    ///
    /// Janus takes no candidates on loopback: this machine needs another address, on whatever interface.
    pub fn start(program: &Path, core: Option<usize>, arguments: &[String]) -> io::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("sfu-load-janus-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        for (file, text) in configuration(program, port) {
            std::fs::write(folder.join(file), text)?;
        }
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("-F").arg(&folder).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command
            .spawn()
            .map_err(|error| io::Error::other(format!("{}: can't be started: {error}", program.display())))?;
        let process = Some(child.id());
        let mut janus =
            Self { child: Some((child, folder)), process, url: format!("http://127.0.0.1:{port}/janus") };
        let deadline = Instant::now() + START;
        while janus.begin().is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{}: serves no HTTP API", program.display())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        janus.open_room()?;
        Ok(janus)
    }

    /// One that runs already, by the URL of its API; without its process id nothing is told of its CPU time.
    pub fn running(url: &str, process: Option<u32>) -> io::Result<Self> {
        let mut janus = Self { child: None, process, url: url.trim_end_matches('/').to_owned() };
        janus.begin()?;
        janus.open_room()?;
        Ok(janus)
    }

    /// Its process id, if it is known.
    pub fn process(&self) -> Option<u32> {
        self.process
    }

    /// A handle for one more peer.
    pub fn attach(&self) -> io::Result<Handle> {
        let answer = self.ask(None, json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" }))?;
        number(&answer["data"]["id"]).map(Handle)
    }

    /// Publishes what an offer says: the id of the publisher, and the answer.
    pub fn publish(&self, handle: Handle, offer: &str) -> io::Result<(u64, String)> {
        let body = json!({ "request": "joinandconfigure", "ptype": "publisher", "room": ROOM });
        let event =
            self.converse(handle, body, Some(("offer", offer)), |event| event.get("jsep").is_some())?;
        Ok((number(&event["plugindata"]["data"]["id"])?, sdp(&event)?))
    }

    /// Wants to watch publishers: the offer.
    pub fn watch(&self, handle: Handle, publishers: &[u64]) -> io::Result<String> {
        let streams: Vec<Value> = publishers.iter().map(|feed| json!({ "feed": feed })).collect();
        let body = json!({ "request": "join", "ptype": "subscriber", "room": ROOM, "streams": streams });
        sdp(&self.converse(handle, body, None, |event| event.get("jsep").is_some())?)
    }

    /// Answers such an offer.
    pub fn begin_watching(&self, handle: Handle, answer: &str) -> io::Result<()> {
        let started = |event: &Value| event["plugindata"]["data"]["started"] == "ok";
        self.converse(handle, json!({ "request": "start" }), Some(("answer", answer)), started).map(drop)
    }

    /// Has the plugin send a publisher's stream to an address, protected with this key where there is one.
    pub fn forward(
        &self,
        handle: Handle,
        publisher: u64,
        mid: &str,
        to: std::net::SocketAddr,
        key: Option<(SrtpCryptoSuite, &[u8])>,
    ) -> io::Result<()> {
        let mut stream = json!({ "mid": mid, "host": to.ip().to_string(), "port": to.port() });
        if let Some((suite, key)) = key {
            let suite = match suite {
                SrtpCryptoSuite::AesCm128HmacSha1_80 => 80,
                SrtpCryptoSuite::AesCm128HmacSha1_32 => 32,
                _ => {
                    return Err(io::Error::other(
                        "--signaling janus --transport plain: its forwarders know --srtp cm80, cm32 and off",
                    ));
                }
            };
            stream["srtp_suite"] = json!(suite);
            stream["srtp_crypto"] = json!(STANDARD.encode(key));
        }
        let body = json!({
            "request": "rtp_forward", "room": ROOM, "publisher_id": publisher,
            "host": to.ip().to_string(), "streams": [stream],
        });
        let answer = self.ask(Some(handle), json!({ "janus": "message", "body": body }))?;
        refused(&answer["plugindata"]["data"])
    }

    fn begin(&mut self) -> io::Result<()> {
        let answer = self.ask(None, json!({ "janus": "create" }))?;
        self.url = format!("{}/{}", self.url, number(&answer["data"]["id"])?);
        Ok(())
    }

    fn open_room(&self) -> io::Result<()> {
        let body = json!({
            "request": "create", "room": ROOM, "publishers": 1000, "bitrate": 0, "fir_freq": 0,
            "audiocodec": "opus", "videocodec": "vp8", "transport_wide_cc_ext": false,
        });
        let answer = self.ask(Some(self.attach()?), json!({ "janus": "message", "body": body }))?;
        refused(&answer["plugindata"]["data"])
    }

    /// Sends a message to the plugin and waits for the event of this handle that is wanted.
    fn converse(
        &self,
        handle: Handle,
        body: Value,
        jsep: Option<(&str, &str)>,
        wanted: impl Fn(&Value) -> bool,
    ) -> io::Result<Value> {
        let mut message = json!({ "janus": "message", "body": body });
        if let Some((kind, sdp)) = jsep {
            message["jsep"] = json!({ "type": kind, "sdp": sdp, "trickle": false });
        }
        self.ask(Some(handle), message)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = http::request("GET", &format!("{}?maxev=1", self.url), None, http::JSON, "")?;
            let event: Value = serde_json::from_str(&answer.body)
                .map_err(|error| io::Error::other(format!("{}: no JSON: {error}", self.url)))?;
            if event["sender"] == handle.0 {
                refused(&event["plugindata"]["data"])?;
                if wanted(&event) {
                    return Ok(event);
                }
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{}: nothing came of {body}", self.url)));
            }
        }
    }

    fn ask(&self, handle: Option<Handle>, mut message: Value) -> io::Result<Value> {
        message["transaction"] = json!("load");
        let url = handle.map_or(self.url.clone(), |Handle(id)| format!("{}/{id}", self.url));
        let answer = http::request("POST", &url, None, http::JSON, &message.to_string())?;
        let answer: Value = serde_json::from_str(&answer.body)
            .map_err(|error| io::Error::other(format!("{url}: no JSON: {error}")))?;
        match answer["janus"].as_str() {
            Some("success" | "ack") => Ok(answer),
            _ => Err(io::Error::other(format!("{url}: {answer}"))),
        }
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        if let Some((child, folder)) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
            let _ = std::fs::remove_dir_all(folder);
        } else {
            // It goes on without this process.
            let _ = self.ask(None, json!({ "janus": "destroy" }));
        }
    }
}

fn number(value: &Value) -> io::Result<u64> {
    value.as_u64().ok_or_else(|| io::Error::other(format!("Janus: {value} where a number should be")))
}

fn sdp(event: &Value) -> io::Result<String> {
    let sdp = event["jsep"]["sdp"].as_str();
    sdp.map(str::to_owned).ok_or_else(|| io::Error::other(format!("Janus: no description in {event}")))
}

fn refused(data: &Value) -> io::Result<()> {
    match data.get("error") {
        Some(error) => Err(io::Error::other(format!("Janus: VideoRoom refused: {error}"))),
        None => Ok(()),
    }
}

/// Where the plugins of a Janus are, by where its program is: `lib/janus` or `lib/<machine>/janus` beside `bin`.
fn modules(program: &Path) -> Option<PathBuf> {
    let lib = program.canonicalize().ok()?.parent()?.parent()?.join("lib");
    let below = std::fs::read_dir(&lib).ok()?.filter_map(|entry| Some(entry.ok()?.path().join("janus")));
    below.chain([lib.join("janus")]).find(|folder| folder.join("plugins").is_dir())
}

/// Configuration files: nothing but the HTTP API and VideoRoom without rooms.
fn configuration(program: &Path, port: u16) -> [(&'static str, String); 3] {
    const OFF: [&str; 9] =
        ["audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming", "textroom"];
    let off: Vec<String> = OFF.iter().map(|name| format!("libjanus_{name}.so")).collect();
    let modules = modules(program).map(|folder| {
        let line = |of: &str| format!(" {of}_folder = \"{}\"\n", folder.join(of).display());
        ["plugins", "transports", "events", "loggers"].map(line).concat()
    });
    let general = format!(
        "general: {{\n debug_level = 1\n session_timeout = 0\n{}}}\n\
         media: {{\n ipv6 = false\n}}\n\
         plugins: {{\n disable = \"{},libjanus_videocall.so,libjanus_voicemail.so\"\n}}\n\
         transports: {{\n disable = \"libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so,\
         libjanus_websockets.so\"\n}}\n",
        modules.unwrap_or_default(),
        off.join(",")
    );
    let http = format!(
        "general: {{\n base_path = \"/janus\"\n http = true\n port = {port}\n ip = \"127.0.0.1\"\n https = false\n}}\n\
         admin: {{\n admin_http = false\n}}\n"
    );
    [
        ("janus.jcfg", general),
        ("janus.transport.http.jcfg", http),
        ("janus.plugin.videoroom.jcfg", "general: {\n}\n".to_owned()),
    ]
}
