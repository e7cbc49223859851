//! The guide's first chapter, command by command and file by file, from an empty folder.
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The checkout.
fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this package is in bins/")
}

/// A fenced block of a chapter.
struct Block {
    /// What stands behind the fence: `sh`, or `rust,file=src/lib.rs`.
    info: String,
    text: String,
}

/// All fenced blocks of a chapter, in order.
fn blocks(chapter: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = chapter.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(Block { info: info.to_owned(), text: text.join("\n") + "\n" });
    }
    blocks
}

/// A reader of the guide.
struct Reader {
    folder: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Reader {
    /// Sits in an empty folder.
    fn new() -> Reader {
        let around = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide");
        let _ = std::fs::remove_dir_all(&around);
        let folder = around.join("empty");
        for folder in [&folder, &around.join(".cargo")] {
            std::fs::create_dir_all(folder).expect("the folder of tests can be written to");
        }
        // Crates that are built for this alone are not optimised; all others are there already.
        let own = ["sfu-admin", "sfu-core", "sfu-recorder", "sfu-whip"];
        let plain = own.map(|name| format!("[profile.dev.package.{name}]\nopt-level = 0\n"));
        std::fs::write(around.join(".cargo/config.toml"), plain.concat()).expect("the file can be written");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        Reader { folder, port: free.expect("a free port").port(), server: None }
    }

    fn shell(&self, commands: &str) -> Command {
        let target =
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's folder for tests is in target/");
        let path = std::env::var("PATH").unwrap_or_default();
        let tools = [target.join("tools/bin"), checkout().join("target/tools/bin")];
        let tools = tools.map(|folder| folder.display().to_string()).join(":");
        let commands = commands.replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.port));
        let mut shell = Command::new("bash");
        shell.args(["-euc", &format!("{commands}\npwd >\"$WHERE\"")]).current_dir(&self.folder);
        shell.env("SFUKIT", checkout()).env("PATH", format!("{tools}:{path}")).env_remove("RUSTFLAGS");
        shell.env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
        shell.env(
            "WHERE",
            self.folder.ancestors().find(|at| at.ends_with("guide")).expect("it is below").join("where"),
        );
        shell
    }

    /// Types commands; what they printed.
    fn types(&mut self, commands: &str) -> String {
        let output = self.shell(commands).output().expect("there is a shell");
        let said = [&output.stdout, &output.stderr]
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .concat();
        assert!(output.status.success(), "{commands}{said}");
        let place =
            self.folder.ancestors().find(|at| at.ends_with("guide")).expect("it is below").join("where");
        self.folder = std::fs::read_to_string(place).expect("the shell said where it is").trim_end().into();
        // The same versions as here, so that nothing is fetched.
        if self.folder.join("Cargo.toml").exists() && !self.folder.join("Cargo.lock").exists() {
            std::fs::copy(checkout().join("Cargo.lock"), self.folder.join("Cargo.lock"))
                .expect("the lock file is there");
        }
        said
    }

    /// Starts what goes on until the end, and waits until it listens.
    fn starts(&mut self, commands: &str) {
        let mut child =
            self.shell(commands).process_group(0).stdout(Stdio::piped()).spawn().expect("there is a shell");
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        self.server = Some(child);
        let mut lines = output.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("listens on")), "it ended before it listened");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let group = format!("-{}", server.id());
            let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
            let _ = server.wait();
        }
    }
}

#[test]
fn the_guide_builds_a_tested_plugin_in_a_worker_that_runs() {
    let chapter = checkout().join("docs/src/first-plugin.md");
    let chapter = std::fs::read_to_string(chapter).expect("the guide is there");
    let mut reader = Reader::new();
    let mut said = String::new();
    for Block { info, text } in blocks(&chapter) {
        match info.split_once(",file=") {
            Some((_, file)) => {
                let file = reader.folder.join(file);
                assert!(file.exists(), "{}: the template has another place for it", file.display());
                std::fs::write(file, text).expect("the file can be written");
            }
            None if info == "sh" => said.push_str(&reader.types(&text)),
            None if info == "sh,serve" => reader.starts(&text),
            None => panic!("a block of {info}: say what a reader does with it"),
        }
    }
    for expected in [
        "it_tells_when_media_stops_and_when_it_comes_again ... ok",
        "it_bears_what_every_plugin_has_to_bear ... ok",
        "1. stalled ",
        "after_ms",
        r#"{"stalled":[]}"#,
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
