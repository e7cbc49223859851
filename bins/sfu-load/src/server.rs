//! A worker that serves WHIP and WHEP: started here, or running already.
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http;
use crate::sdp::{Offer, Remote};

/// How long a worker may take from listening to serving.
const START: Duration = Duration::from_secs(10);

/// Where a worker's HTTP server is, and its process.
pub struct Server {
    /// Ends when this is dropped.
    child: Option<Child>,
    process: Option<u32>,
    url: String,
    token: Option<String>,
}

/// What a peer wants of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// To publish it.
    Whip,
    /// To watch it.
    Whep,
}

impl Server {
    /// Starts a worker (`sfu-worker` or one like it) with an HTTP server on a port of its own, and waits for its URL.
    pub fn start(program: &Path, core: Option<usize>, arguments: &[String]) -> io::Result<Self> {
        let core = core.map(|core| core.to_string());
        let mut command = match &core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", core]).arg(program);
                command
            }
            None => Command::new(program),
        };
        // Peers are on loopback.
        command.args(["--listen", "127.0.0.1:0", "--announce", "127.0.0.1", "--log", "warn"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).env_remove("MEDIASOUP_VERSION");
        let failed = |what: String| io::Error::other(format!("{}: {what}", program.display()));
        let mut child = command.spawn().map_err(|error| failed(format!("can't be started: {error}")))?;
        let process = child.id();
        let lines = child.stdout.take().map(BufReader::new).map(BufRead::lines);
        let mut server = Self { child: Some(child), process: Some(process), url: String::new(), token: None };
        let mut lines = lines.into_iter().flatten().map_while(Result::ok);
        server.url = lines
            .find_map(|line| {
                line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
            })
            .ok_or_else(|| failed("it ended without saying where it listens".into()))?;
        // What else it says is read, so that it never waits for a reader.
        std::thread::Builder::new().name("worker-says".into()).spawn(move || lines.for_each(drop))?;
        Ok(server)
    }

    /// One that runs already; without its process id nothing is told of its CPU time.
    pub fn running(url: &str, process: Option<u32>, token: Option<String>) -> Self {
        Self { child: None, process, url: url.trim_end_matches('/').to_owned(), token }
    }

    /// Its process id, if it is known.
    pub fn process(&self) -> Option<u32> {
        self.process
    }

    /// Begins a session of a stream: where its other side is, and the URL that ends it.
    pub fn ask(&self, role: Role, stream: &str, offer: &Offer<'_>) -> io::Result<(Remote, String)> {
        let door = if role == Role::Whip { "whip" } else { "whep" };
        let url = format!("{}/{door}/{stream}", self.url);
        let answer = http::request("POST", &url, self.token.as_deref(), http::SDP, &offer.text())?;
        if answer.status != 201 {
            return Err(io::Error::other(format!("{url}: {} {}", answer.status, answer.body.trim())));
        }
        let location = answer.header("location").unwrap_or_default();
        let location = match location.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.url),
            None => location.to_owned(),
        };
        Ok((Remote::parse(&answer.body)?, location))
    }

    /// Waits until streams can be published; a worker listens a little earlier.
    pub fn wait(&self) -> io::Result<()> {
        let url = format!("{}/whip/load", self.url);
        let deadline = Instant::now() + START;
        loop {
            let status = http::request("GET", &url, self.token.as_deref(), http::SDP, "")?.status;
            if status != 404 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{url}: 404; the worker serves no WHIP")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends sessions, where the worker goes on without this process.
    pub fn end(&self, locations: &[String]) {
        for location in locations.iter().filter(|_| self.child.is_none()) {
            // It may be gone.
            let _ = http::request("DELETE", location, self.token.as_deref(), http::SDP, "");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
