//! A real browser, driven over its own automation protocol by `node/browser.mjs`.
use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

use crate::tools;

/// Longest time a browser command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Debian's Chromium.
    Chromium,
    /// Debian's Firefox ESR.
    Firefox,
}

impl Kind {
    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Kind::Chromium => "chromium",
            Kind::Firefox => "firefox-esr",
        }
    }
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Value, String>>>>>;

/// A running browser. Ends when dropped.
pub struct Browser {
    input: Arc<tokio::sync::Mutex<Option<ChildStdin>>>,
    waiting: Waiting,
    next: Arc<AtomicU64>,
    log: Arc<Mutex<Vec<String>>>,
    kind: Kind,
    child: Child,
}

impl Browser {
    /// Starts a browser with fake camera and microphone; panics with what it said if it does not start.
    pub async fn launch(kind: Kind) -> Browser {
        Self::launch_with(kind, &[]).await
    }

    /// Likewise, with more arguments.
    pub async fn launch_with(kind: Kind, arguments: &[&str]) -> Browser {
        let node = tools::find("node").unwrap();
        let program = tools::find(kind.program()).unwrap();
        let mut child = Command::new(node)
            .arg(tools::package().join("node/browser.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node starts");
        let waiting = Waiting::default();
        let log = Arc::new(Mutex::new(Vec::new()));
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        tokio::spawn(read_answers(answers, waiting.clone()));
        let said = BufReader::new(child.stderr.take().expect("piped"));
        let lines = log.clone();
        tokio::spawn(async move {
            let mut said = said.lines();
            while let Ok(Some(line)) = said.next_line().await {
                lines.lock().unwrap().push(line);
            }
        });
        let input = Arc::new(tokio::sync::Mutex::new(child.stdin.take()));
        let browser = Browser { input, waiting, next: Arc::default(), log, kind, child };
        let launch = json!({ "kind": if kind == Kind::Firefox { "firefox" } else { "chromium" }, "path": program,
                             "args": arguments });
        if let Err(error) = browser.command("launch", launch).await {
            panic!("{} does not start: {error}\n{}", kind.program(), browser.said());
        }
        browser
    }

    /// Opens a page in a window of its own.
    pub async fn open(&self, url: &str) -> Page<'_> {
        let page = Page { browser: self, id: self.next.fetch_add(1, Ordering::Relaxed) };
        page.command("open", json!({ "url": url })).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        page
    }

    /// What its pages wrote to the console.
    pub fn said(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    async fn command(&self, command: &str, mut parameters: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        parameters["id"] = id.into();
        parameters["command"] = command.into();
        let line = format!("{parameters}\n");
        if let Some(input) = self.input.lock().await.as_mut() {
            input.write_all(line.as_bytes()).await.map_err(|error| format!("the driver is gone: {error}"))?;
        }
        match tokio::time::timeout(LIMIT, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("the browser's driver ended".into()),
            Err(_) => Err(format!("{command}: no answer within {LIMIT:?}")),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- console of {} ---\n{}\n---", self.kind.program(), self.said());
        }
        // SIGTERM makes the driver end the browser, then itself; a kill would leave the browser behind.
        if let Some(id) = self.child.id() {
            // SAFETY: plain system call; `id()` is there only while the child is not yet waited for.
            unsafe { libc::kill(id as libc::pid_t, libc::SIGTERM) };
        }
        let end = std::time::Instant::now() + Duration::from_secs(6);
        while matches!(self.child.try_wait(), Ok(None)) && std::time::Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.start_kill();
    }
}

async fn read_answers(answers: BufReader<tokio::process::ChildStdout>, waiting: Waiting) {
    let mut lines = answers.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(sender) = answer["id"].as_u64().and_then(|id| waiting.lock().unwrap().remove(&id)) else {
            continue;
        };
        let result = match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].clone()),
        };
        let _ = sender.send(result);
    }
    waiting.lock().unwrap().clear();
}

/// A page of a browser.
pub struct Page<'b> {
    browser: &'b Browser,
    id: u64,
}

impl Page<'_> {
    async fn command(&self, command: &str, mut parameters: Value) -> Result<Value, String> {
        parameters["page"] = self.id.into();
        self.browser.command(command, parameters).await
    }

    /// Runs the body of an async function in the page; `argument` is in its reach.
    pub async fn try_evaluate(&self, script: &str, argument: Value) -> Result<Value, String> {
        self.command("evaluate", json!({ "script": script, "argument": argument })).await
    }

    /// Likewise; panics with the page's error.
    pub async fn evaluate(&self, script: &str, argument: Value) -> Value {
        self.try_evaluate(script, argument).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Goes to another URL; gives the status.
    pub async fn goto(&self, url: &str) -> Result<Value, String> {
        self.command("goto", json!({ "url": url })).await
    }

    /// Waits until an element is there and visible.
    pub async fn wait_for(&self, selector: &str, limit: Duration) {
        let parameters = json!({ "selector": selector, "timeout": limit.as_millis() as u64 });
        self.command("wait", parameters).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Clicks an element.
    pub async fn click(&self, selector: &str) {
        let parameters = json!({ "selector": selector });
        self.command("click", parameters).await.unwrap_or_else(|error| panic!("click {selector}: {error}"));
    }

    /// Types into an empty field.
    pub async fn fill(&self, selector: &str, text: &str) {
        let parameters = json!({ "selector": selector, "text": text });
        self.command("fill", parameters).await.unwrap_or_else(|error| panic!("fill {selector}: {error}"));
    }

    /// Chooses an option by value.
    pub async fn select(&self, selector: &str, value: &str) {
        let parameters = json!({ "selector": selector, "value": value });
        self.command("select", parameters).await.unwrap_or_else(|error| panic!("select {selector}: {error}"));
    }

    /// Presses a key, e.g. `Tab`, `Enter`.
    pub async fn key(&self, key: &str) {
        self.command("key", json!({ "key": key })).await.unwrap_or_else(|error| panic!("key {key}: {error}"));
    }

    /// Makes its window so large, in CSS pixels.
    pub async fn viewport(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height });
        self.command("viewport", size).await.unwrap_or_else(|error| panic!("viewport: {error}"));
    }

    /// Panics if the page's scripts threw anything that nobody caught.
    pub async fn has_no_errors(&self) {
        let errors =
            self.command("errors", json!({})).await.unwrap_or_else(|error| panic!("errors: {error}"));
        assert_eq!(errors, json!([]), "errors of the page");
    }

    /// Closes it, as a user closes a tab: no goodbye.
    pub async fn close(self) {
        let _ = self.command("close", json!({})).await;
    }
}
