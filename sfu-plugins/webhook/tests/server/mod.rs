//! A small HTTP server that does what a test tells it to.
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sfu_core::serde_json::{self, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// How long a post may take that has to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a post is answered with.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, and lines of the head.
    Status(u16, &'static str),
    /// A status, and the connection is closed without a word of it.
    StatusAndClose(u16),
    /// 503, once the test says so.
    Hold,
    /// Nothing, for ever.
    Hang,
    /// The connection is closed.
    Close,
}

/// A post that came.
#[derive(Debug, Clone)]
pub struct Post {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Post {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or_else(|| panic!("no header {name}"), String::as_str)
    }

    /// Names of the events.
    pub fn events(&self) -> Vec<String> {
        let json = self.json();
        let events = json["events"].as_array().expect("events");
        events.iter().map(|event| event["event"].as_str().expect("a name").to_owned()).collect()
    }

    /// Numbers of the events.
    pub fn sequence(&self) -> Vec<u64> {
        let json = self.json();
        let events = json["events"].as_array().expect("events");
        events.iter().map(|event| event["sequence"].as_u64().expect("a number")).collect()
    }
}

/// The server, and the runtime that it and the posts run on.
pub struct Server {
    pub runtime: Runtime,
    pub address: SocketAddr,
    script: Arc<Mutex<VecDeque<Reply>>>,
    posts: Receiver<Post>,
    gate: Arc<Notify>,
    connections: Arc<std::sync::atomic::AtomicUsize>,
}

impl Server {
    /// One that takes everything.
    pub fn start() -> Server {
        Server::with_tls(None)
    }

    pub fn with_tls(tls: Option<TlsAcceptor>) -> Server {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (script, connections) = (Arc::<Mutex<VecDeque<Reply>>>::default(), Arc::default());
        let (send, posts) = channel();
        let (replies, counter): (_, Arc<std::sync::atomic::AtomicUsize>) =
            (script.clone(), Arc::clone(&connections));
        let gate = Arc::new(Notify::new());
        let held = gate.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let (replies, send, tls, held) = (replies.clone(), send.clone(), tls.clone(), held.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, replies, send, held).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, replies, send, held).await;
                            }
                        }
                    }
                });
            }
        });
        Server { runtime, address, script, posts, gate, connections }
    }

    /// Answers the next posts so, and those after them with 200.
    pub fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().extend(replies);
    }

    /// Answers a post that is held.
    pub fn release(&self) {
        self.gate.notify_one();
    }

    /// The next post.
    pub fn post(&self) -> Post {
        self.posts.recv_timeout(PATIENCE).expect("a post")
    }

    /// Posts that have come.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.try_iter().collect()
    }

    /// Connections that were made.
    pub fn connections(&self) -> usize {
        self.connections.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Waits until something is so.
    pub fn until(&self, mut done: impl FnMut() -> bool) {
        let end = std::time::Instant::now() + PATIENCE;
        while !done() {
            assert!(std::time::Instant::now() < end, "it never came");
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(2)).await });
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: Arc<Mutex<VecDeque<Reply>>>,
    posts: Sender<Post>,
    gate: Arc<Notify>,
) {
    let mut buffer = Vec::new();
    loop {
        let Some(post) = read(&mut stream, &mut buffer).await else { return };
        let reply = script.lock().unwrap().pop_front().unwrap_or(Reply::Status(200, ""));
        let _ = posts.send(post);
        match reply {
            Reply::Status(status, lines) => {
                let answer = format!("HTTP/1.1 {status} Whatever\r\n{lines}Content-Length: 2\r\n\r\nok");
                if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Reply::StatusAndClose(status) => {
                let answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n\r\nok");
                let _ = stream.write_all(answer.as_bytes()).await;
                return;
            }
            Reply::Hold => {
                gate.notified().await;
                let _ = stream.write_all(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n").await;
            }
            Reply::Hang => std::future::pending().await,
            Reply::Close => return,
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Post> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).expect("a head in ASCII");
            let mut lines = head.split("\r\n");
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: HashMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length")?.parse().ok()?;
            let whole = end + 4 + length;
            while buffer.len() < whole {
                more(stream, buffer).await?;
            }
            let body = buffer[end + 4..whole].to_vec();
            buffer.drain(..whole);
            return Some(Post { path, headers, body });
        }
        more(stream, buffer).await?;
    }
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk).await {
        Ok(n) if n > 0 => buffer.extend_from_slice(&chunk[..n]),
        _ => return None,
    }
    Some(())
}
