//! The guide: command by command and file by file, from an empty folder; and its links.
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
    /// What stands behind the fence: `sh`, `rust,file:src/lib.rs`, `toml,new:check.toml`.
    info: String,
    text: String,
}

/// All fenced blocks of a chapter, in order. A fence of more backquotes may have others within.
fn blocks(chapter: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = chapter.lines();
    while let Some(line) = lines.next() {
        let info = line.trim_start_matches('`');
        let fence = &line[..line.len() - info.len()];
        if fence.len() < 3 {
            continue;
        }
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != fence).collect();
        blocks.push(Block { info: info.to_owned(), text: text.join("\n") + "\n" });
    }
    blocks
}

/// The chapters, in the order of the summary: name and text.
fn chapters() -> Vec<(String, String)> {
    let folder = checkout().join("docs/src");
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let summary = read("SUMMARY.md");
    let names = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    names.map(|name| (name.trim_end_matches(".md").to_owned(), read(name))).collect()
}

/// An example as it is compiled: without the marks of lines that readers don't see.
fn whole(example: &str) -> String {
    let lines =
        example.lines().map(|line| line.strip_prefix("# ").unwrap_or(if line == "#" { "" } else { line }));
    lines.map(|line| format!("    {line}\n")).collect()
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
    let mut reader = Reader::new();
    let (mut said, mut last) = (String::new(), String::new());
    let mut examples = String::from("//! All examples of the guide.\n");
    for (chapter, text) in chapters() {
        for (number, Block { info, text }) in blocks(&text).into_iter().enumerate() {
            let (kind, place) = info.split_once(',').unwrap_or((&info, ""));
            match (kind, place.split_once(':')) {
                // A file that is there already, and one that isn't.
                (_, Some((how @ ("file" | "new"), file))) => {
                    let file = reader.folder.join(file);
                    assert_eq!(file.exists(), how == "file", "{chapter}: {}", file.display());
                    std::fs::write(file, text).expect("the file can be written");
                }
                ("sh", None) if place.is_empty() => {
                    last = reader.types(&text);
                    said.push_str(&last);
                }
                ("sh", None) if place == "serve" => reader.starts(&text),
                ("text", None) => {
                    for line in text.lines() {
                        assert!(
                            last.contains(line),
                            "{chapter}: no `{line}` in what the command says: {last}"
                        );
                    }
                }
                ("rust", None) => {
                    let name = format!("{}_{number}", chapter.replace('-', "_"));
                    examples.push_str(&format!("mod {name} {{\n{}", whole(&text)));
                    examples.push_str(
                        "    #[test]\n    fn it_does_what_the_guide_says() {\n        main();\n    }\n}\n",
                    );
                }
                _ => panic!("{chapter}: a block of {info}: say what a reader does with it"),
            }
        }
    }
    for expected in [
        "it_tells_when_media_stops_and_when_it_comes_again ... ok",
        "it_bears_what_every_plugin_has_to_bear ... ok",
        "a_tenth_of_loss_is_no_stall ... ok",
        "its_readme_has_its_configuration ... ok",
        "1. stalled ",
        "after_ms",
        r#"{"stalled":[]}"#,
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // The examples that stand for themselves, in a crate as the template makes it.
    reader.types(
        "cd ..\ncargo generate --silent --vcs none --path \"$SFUKIT/templates/plugin\" --name sfu-examples \\\n\
         --define about=Examples --define sfu_source=\"$SFUKIT\"\ncd sfu-examples",
    );
    std::fs::write(reader.folder.join("tests/examples.rs"), &examples).expect("the file can be written");
    let told = reader.types("cargo test --test examples");
    let many = examples.matches("#[test]").count();
    assert!(many > 12 && told.contains(&format!("{many} passed")), "{many}: {told}");
}

/// Files with links: the guide, and what else is written for people.
fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What is rendered first, fetched or built.
        let foreign =
            ["target", "node_modules", "templates"].contains(&name.as_str()) || name.starts_with('.');
        if path.is_dir() && !foreign {
            pages(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The lines of a page outside of code.
fn prose(text: &str) -> Vec<String> {
    let mut fence: Option<String> = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        let mark: String = line.trim_start().chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if mark == *open => fence = None,
            Some(_) => {}
            None if mark.len() >= 3 => fence = Some(mark),
            None => lines.push(line.split('`').step_by(2).collect::<Vec<_>>().join("`")),
        }
    }
    lines
}

/// The anchors of a page, as GitHub and mdBook make them of headings.
fn anchors(text: &str) -> Vec<String> {
    let mut fenced = false;
    let outside = text.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced
    });
    let headings =
        outside.filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let slug = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(slug).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut all = Vec::new();
    pages(checkout(), &mut all);
    let (mut links, mut broken) = (0, Vec::new());
    for page in &all {
        let text = std::fs::read_to_string(page).expect("the page is text");
        let prose = prose(&text).join("\n");
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let to = if file.is_empty() { page.clone() } else { page.with_file_name("").join(file) };
            let leads = to.exists()
                && (anchor.is_empty()
                    || std::fs::read_to_string(&to)
                        .is_ok_and(|text| anchors(&text).iter().any(|a| a == anchor)));
            if !leads {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(links > 30, "{links} links in {} pages", all.len());
}

#[test]
fn every_chapter_stands_in_the_summary() {
    let mut named: Vec<String> = chapters().into_iter().map(|(name, _)| format!("{name}.md")).collect();
    named.push("SUMMARY.md".to_owned());
    let entries = std::fs::read_dir(checkout().join("docs/src")).expect("the guide is there");
    for entry in entries {
        let name = entry.expect("the entry can be read").file_name().to_string_lossy().into_owned();
        assert!(named.contains(&name), "{name} stands in no summary");
    }
}
