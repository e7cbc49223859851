//! Downloads of recordings, on a real worker: a stand-in for the recorder says where files lie.
mod plugin {
    //! Answers as the recorder does, and once as it never should.
    use std::path::PathBuf;
    use std::sync::Arc;

    use serde_json::json;
    use sfu_core::plugin::*;

    pub struct Recorder;

    #[config]
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct Config {
        /// Where the files lie.
        pub folder: PathBuf,
    }

    #[request]
    pub enum Request {
        /// What there is.
        List {
            /// At the most.
            #[serde(default)]
            limit: Option<usize>,
        },
        /// Where a file lies.
        Locate {
            /// Its name.
            file: String,
        },
    }

    #[plugin(id = "recorder", about = "Stands for the recorder.")]
    impl Plugin for Recorder {
        type Config = Config;
        type Request = Request;
        type Shared = Config;

        fn shared(config: &Config) -> Result<Config, Error> {
            Ok(config.clone())
        }

        fn new(_: Config, _: Start<'_, Self>) -> Result<Self, Error> {
            Ok(Recorder)
        }

        async fn serve(shared: &Arc<Config>, request: Request, re: Responder) {
            match request {
                Request::List { limit } => re.ok(json!({ "files": [], "limit": limit })),
                Request::Locate { file } if file == "lie.mjr" => {
                    re.ok(json!({ "path": shared.folder.join("secret.txt") }));
                }
                Request::Locate { file } => re.ok(json!({ "path": shared.folder.join(file) })),
            }
        }
    }
}

mod bare {
    sfu_core::worker! {
        /// A worker without a recorder.
        pub struct Bare;
        pub plugins = [];
        pub signaling = [sfu_admin::Admin];
    }
}

sfu_core::worker! {
    /// A worker with something that answers as the recorder does.
    pub struct Tested;
    pub plugins = [plugin::Recorder];
    pub signaling = [sfu_admin::Admin];
}

use std::path::PathBuf;

use serde_json::{Value, json};
use sfu_core::plugin::PluginSettings;
use sfu_core::{Running, WorkerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Bench {
    running: Running,
    folder: PathBuf,
}

fn config(admin: Value) -> WorkerConfig {
    let mut config = WorkerConfig { workers: 1, ..WorkerConfig::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    config.signaling.insert("admin".into(), admin);
    config
}

async fn start(name: &str, admin: Value) -> Bench {
    let folder = std::env::temp_dir().join(format!("sfu-admin-recordings-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut config = config(admin);
    config.plugins = PluginSettings::from_json(json!({ "recorder": { "folder": folder } })).unwrap();
    Bench { running: Tested::builder().config(config).start().await.unwrap(), folder }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value).unwrap_or_default()
    }
}

async fn send(running: &Running, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let url = running.url().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let mut request = format!("{method} /api{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[end + 4..].to_vec() }
}

impl Bench {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(&self.running, "GET", path, headers).await
    }

    async fn end(self) {
        self.running.stop().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[tokio::test]
async fn a_recording_is_downloaded_whole_and_in_parts() {
    let bench = start("parts", json!({})).await;
    // Larger than what is read at a time.
    let content: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(bench.folder.join("cam-1.mjr"), &content).unwrap();
    let whole = bench.get("/recordings/cam-1.mjr", &[]).await;
    assert_eq!(whole.status, 200, "{}", whole.head);
    assert!(whole.body == content);
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert_eq!(whole.header("content-length"), "200000");
    assert!(whole.header("content-disposition").starts_with("attachment; filename=\"cam-1.mjr\""));
    assert_eq!((whole.header("accept-ranges"), whole.header("x-content-type-options")), ("bytes", "nosniff"));

    let head = send(&bench.running, "HEAD", "/recordings/cam-1.mjr", &[]).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "200000", 0));

    let tag = whole.header("etag").to_owned();
    let part = bench.get("/recordings/cam-1.mjr", &[("Range", "bytes=70000-"), ("If-Range", &tag)]).await;
    assert_eq!((part.status, part.header("content-range")), (206, "bytes 70000-199999/200000"));
    assert!(part.body == content[70_000..]);
    let end = bench.get("/recordings/cam-1.mjr", &[("Range", "bytes=-1")]).await;
    assert_eq!((end.status, end.body.as_slice()), (206, &content[199_999..]));
    let beyond = bench.get("/recordings/cam-1.mjr", &[("Range", "bytes=200000-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */200000"));

    std::fs::write(bench.folder.join("cam-1.mjr"), &content[..1000]).unwrap();
    let other = bench.get("/recordings/cam-1.mjr", &[("Range", "bytes=10-20"), ("If-Range", &tag)]).await;
    assert_eq!((other.status, other.body.len()), (200, 1000), "another content: from the beginning");
    bench.end().await;
}

#[tokio::test]
async fn nothing_but_recordings_of_the_folder_is_given_away() {
    let bench = start("escape", json!({})).await;
    std::fs::write(bench.folder.join("secret.txt"), "secret").unwrap();
    std::os::unix::fs::symlink(bench.folder.join("secret.txt"), bench.folder.join("link.mjr")).unwrap();
    std::fs::create_dir(bench.folder.join("folder.mjr")).unwrap();
    for name in [
        "none.mjr",
        "link.mjr",
        "folder.mjr",
        "lie.mjr",
        "secret.txt",
        "..%2Fsecret.txt",
        "..%2F..%2Fx.mjr",
        "%2Fetc%2Fpasswd",
        "..",
        "../recordings/none.mjr",
        "a%2Fb.mjr",
        "a%5Cb.mjr",
        "a%00.mjr",
        "%2E%2E%2Fx.mjr",
        ".mjr",
    ] {
        let answer = bench.get(&format!("/recordings/{name}"), &[]).await;
        assert!([400, 404].contains(&answer.status), "{name}: {}", answer.head);
        assert!(!answer.body.windows(6).any(|bytes| bytes == b"secret"), "{name}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let json = [("Content-Type", "application/json"), ("Content-Length", "0")];
        assert_eq!(send(&bench.running, method, "/recordings/none.mjr", &json).await.status, 405, "{method}");
    }
    let foreign = bench.get("/recordings/none.mjr", &[("Origin", "http://evil.example")]).await;
    assert_eq!(foreign.status, 403);
    bench.end().await;
}

#[tokio::test]
async fn the_token_guards_recordings_like_everything_else() {
    let bench = start("token", json!({ "token": "a-token-of-a-good-length" })).await;
    std::fs::write(bench.folder.join("a.mjr"), "MJR00002").unwrap();
    for path in ["/recordings", "/recordings/a.mjr"] {
        assert_eq!(bench.get(path, &[]).await.status, 401);
        let good = [("Authorization", "Bearer a-token-of-a-good-length")];
        assert_eq!(bench.get(path, &good).await.status, 200, "{path}");
    }
    bench.end().await;
}

#[tokio::test]
async fn the_recorder_lists_them_and_without_it_there_are_none() {
    let bench = start("list", json!({})).await;
    let listed = bench.get("/recordings?limit=7", &[]).await;
    assert_eq!(serde_json::from_slice::<Value>(&listed.body).unwrap(), json!({ "files": [], "limit": 7 }));
    assert_eq!(bench.get("/recordings?lmit=7", &[]).await.status, 400);
    bench.end().await;
    let bare = bare::Bare::builder().config(config(json!({}))).start().await.unwrap();
    for path in ["/recordings", "/recordings/a.mjr"] {
        assert_eq!(send(&bare, "GET", path, &[]).await.status, 501, "{path}");
    }
    bare.stop().await;
}
