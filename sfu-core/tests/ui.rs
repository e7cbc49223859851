//! What an author reads who made a likely mistake: `ui/*.rs` don't compile, and the compiler says `ui/*.stderr`.
//!
//! Run with `SFU_UI=overwrite` after a text was changed on purpose. Cases are compiled against the library that is built already:
//! a tool that builds it for them once more, with all it depends on, takes minutes.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use sfu_core::serde_json::Value;

/// The library as cargo built it for these tests.
fn library() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--offline", "--workspace", "--test", "ui"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo builds what it has just built");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    let messages = messages.lines().filter_map(|line| sfu_core::serde_json::from_str::<Value>(line).ok());
    let files = messages.filter(|message| {
        message["reason"] == "compiler-artifact"
            && message["target"]["name"] == "sfu_core"
            && message["target"]["kind"][0] == "lib"
    });
    let mut files = files.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    let found =
        files.find_map(|file| file.as_str().filter(|file| file.ends_with(".rlib")).map(PathBuf::from));
    found.expect("cargo names the library")
}

/// Compiles a case; what the compiler said if it refused.
fn refusal(case: &Path, library: &Path) -> Option<String> {
    let dependencies = library.parent().expect("it lies in a folder");
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--edition=2024",
            "--crate-type=bin",
            "--emit=metadata",
            "--color=never",
            "--diagnostic-width=140",
        ])
        .args(["--allow=dead_code", "--allow=unused", "-o"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join(case.file_stem().expect("it has a name")))
        .arg("-L")
        .arg(format!("dependency={}", dependencies.display()))
        .arg("--extern")
        .arg(format!("sfu_core={}", library.display()))
        .arg(case)
        .output()
        .expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stderr);
    (!output.status.success()).then(|| normal(&text))
}

/// Without what changes from checkout to checkout, or with any edit of the library: the folder, and the lines there.
fn normal(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    // Which other types implement a trait depends on what else is built.
    let mut others = false;
    for line in text.lines() {
        others = match others {
            false => line.contains("the following other types implement trait"),
            true => line.starts_with("      ") || line.trim_start().starts_with("and "),
        };
        if others {
            continue;
        }
        let summary = ["error: aborting due to", "For more information about", "Some errors have detailed"];
        if summary.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        let line = match line.split_once("--> ") {
            Some((margin, place)) if !place.starts_with("tests/ui/") => {
                let file = place.split(':').next().unwrap_or(place);
                let file = file.rsplit_once("sfu-core/").map_or(file, |(_, inside)| inside);
                format!("{}--> {file}", &margin[margin.len().min(1)..])
            }
            _ => line.to_owned(),
        };
        lines.push(without_line_number(&line));
    }
    format!("{}\n", lines.join("\n").trim_end())
}

/// A line of source as the compiler shows it, without its number; the width of numbers is that of the widest.
fn without_line_number(line: &str) -> String {
    let rest = line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
    match rest.chars().next() {
        Some('|' | '=' | '.') if rest.len() < line.len() => format!("   {rest}"),
        Some('-') if rest.starts_with("--> ") => format!("  {rest}"),
        Some(':') if rest.starts_with("::: ") => format!("  {rest}"),
        _ => line.to_owned(),
    }
}

#[test]
fn likely_mistakes_are_compile_errors_that_say_what_to_do() {
    let overwrite = std::env::var_os("SFU_UI").is_some_and(|value| value == "overwrite");
    let entries = std::fs::read_dir("tests/ui").expect("the cases are there");
    let mut cases: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(cases.len() > 20, "{cases:?}");
    let library = library();
    let (cases, wrong) = (Mutex::new(cases), Mutex::new(Vec::new()));
    let compile_some = || {
        loop {
            let Some(case) = cases.lock().expect("no thread panicked").pop() else { return };
            let expected = case.with_extension("stderr");
            let Some(said) = refusal(&case, &library) else {
                wrong.lock().expect("no thread panicked").push(format!("{} compiles", case.display()));
                continue;
            };
            if overwrite {
                std::fs::write(&expected, &said).expect("the text can be written");
            } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(&said) {
                let what = format!("{} is not what the compiler says:\n{said}", expected.display());
                wrong.lock().expect("no thread panicked").push(what);
            }
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            threads.spawn(compile_some);
        }
    });
    let wrong = wrong.into_inner().expect("no thread panicked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
