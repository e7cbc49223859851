//! The template renders this package, and what it renders builds, runs and counts.
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The checkout.
fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this package is in bins/")
}

/// The folder that cargo builds this workspace in.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's folder for tests is in target/")
}

/// cargo-generate: the project's own if it is installed, else that of the machine.
fn cargo_generate() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [target().join("tools/bin"), checkout().join("target/tools/bin")];
    let folders = own.into_iter().chain(std::env::split_paths(&path));
    let found = folders.map(|folder| folder.join("cargo-generate")).find(|program| program.is_file());
    found.expect("cargo-generate is missing: `./test.sh tools` installs it")
}

/// Answers to the template's questions.
struct Answers<'a> {
    plugins: &'a str,
    signaling: &'a str,
    own_plugin: bool,
    sfu_source: &'a str,
    workspace_member: bool,
}

/// Renders the template into a folder of its own, which is gone first.
fn render(generator: &Path, place: &str, name: &str, answers: &Answers<'_>) -> Result<PathBuf, Output> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("template").join(place);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder of tests can be written to");
    let mut defines = vec![
        format!("plugins={}", answers.plugins),
        format!("signaling={}", answers.signaling),
        format!("own_plugin={}", answers.own_plugin),
        format!("sfu_source={}", answers.sfu_source),
    ];
    if answers.workspace_member {
        defines.push("workspace_member=true".to_owned());
    }
    generate(generator, "worker", &folder, name, &defines)
}

/// Runs cargo-generate on one of the templates; the new project.
fn generate(
    generator: &Path,
    template: &str,
    folder: &Path,
    name: &str,
    defines: &[String],
) -> Result<PathBuf, Output> {
    let mut command = Command::new(generator);
    command.args(["generate", "--silent", "--vcs", "none", "--name", name, "--path"]);
    command.arg(checkout().join("templates").join(template)).arg("--destination").arg(folder);
    for define in defines {
        command.args(["--define", define]);
    }
    let output = command.output().expect("cargo-generate runs");
    if output.status.success() { Ok(folder.join(name)) } else { Err(output) }
}

/// Renders, and must succeed.
fn rendered(generator: &Path, place: &str, name: &str, answers: &Answers<'_>) -> PathBuf {
    render(generator, place, name, answers).unwrap_or_else(|output| panic!("{}", said(&output)))
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).join("\n")
}

/// All files below a folder with their contents, by path.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("the file is text");
            let name = path.strip_prefix(folder).expect("it is below the folder");
            found.insert(name.to_string_lossy().into_owned(), text);
        }
    }
    found
}

/// Runs cargo in a rendered project, in this workspace's target folder, so that dependencies are built once.
fn cargo(project: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO"))
        .current_dir(project)
        .env("CARGO_TARGET_DIR", target())
        .env_remove("RUSTFLAGS")
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", said(&output));
    output
}

/// A cargo command that fetches nothing, and does not optimise our crates: they are built for this alone. All others are asked for
/// as this workspace asks for them, so that most are there.
fn quick<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec![command, "--offline"];
    for package in [
        "profile.dev.package.sfu-admin.opt-level=0",
        "profile.dev.package.sfu-audio-selector.opt-level=0",
        "profile.dev.package.sfu-core.opt-level=0",
        "profile.dev.package.sfu-data-router.opt-level=0",
        "profile.dev.package.sfu-mediasoup.opt-level=0",
        "profile.dev.package.sfu-mediasoup-process.opt-level=0",
        "profile.dev.package.sfu-metrics.opt-level=0",
        "profile.dev.package.sfu-policy.opt-level=0",
        "profile.dev.package.sfu-recorder.opt-level=0",
        "profile.dev.package.sfu-red.opt-level=0",
        "profile.dev.package.sfu-tap.opt-level=0",
        "profile.dev.package.sfu-webhook.opt-level=0",
        "profile.dev.package.sfu-whip.opt-level=0",
    ] {
        arguments.extend(["--config", package]);
    }
    arguments.extend(more);
    arguments
}

/// A rendered project is formatted as rustfmt does by itself; this repository's settings stand above its folder.
fn check_format(project: &Path) {
    std::fs::write(project.join("rustfmt.toml"), "").expect("the project can be written to");
    cargo(project, &["fmt", "--check"]);
}

/// This package is the template's rendering to the letter; only `tests/` is its own.
#[test]
fn the_example_worker_is_what_the_template_renders() {
    let generator = cargo_generate();
    let answers = Answers {
        plugins: "recorder",
        signaling: "mediasoup,whip,admin",
        own_plugin: true,
        sfu_source: "../..",
        workspace_member: true,
    };
    let project = rendered(&generator, "same", "example-worker", &answers);
    let (template, mut example) = (files(&project), files(Path::new(env!("CARGO_MANIFEST_DIR"))));
    example.retain(|name, _| !name.starts_with("tests/"));
    let advice = "change templates/worker, then run `templates/render.sh`";
    assert!(template.keys().eq(example.keys()), "{:?} {:?}: {advice}", template.keys(), example.keys());
    for (name, text) in &template {
        assert!(text == &example[name], "{name} differs from what the template renders: {advice}");
    }
}

#[test]
fn a_generated_worker_builds_runs_and_its_own_plugin_counts() {
    let generator = cargo_generate();
    let source = checkout().to_str().expect("the checkout has a path in UTF-8");
    let answers = Answers {
        plugins: "policy,audio-selector,red,recorder,tap,data-router,metrics,webhook",
        signaling: "mediasoup,whip,admin",
        own_plugin: true,
        sfu_source: source,
        workspace_member: false,
    };
    let project = rendered(&generator, "run", "generated-worker", &answers);
    // The same versions as here, so that nothing is fetched.
    std::fs::copy(checkout().join("Cargo.lock"), project.join("Cargo.lock")).expect("the lock file is there");
    check_format(&project);
    cargo(&project, &quick("build", &[]));
    let program = target().join("debug/generated-worker");
    let worker = |arguments: &[&str]| {
        let output = Command::new(&program).args(arguments).output().expect("the worker runs");
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    };
    let config = project.join("config/worker.toml");
    worker(&["plugins", "check", config.to_str().expect("a path in UTF-8")]);
    let list = worker(&["plugins", "list"]);
    let order = [
        "1. policy ",
        "2. audio-selector ",
        "3. red ",
        "4. recorder ",
        "5. tap ",
        "6. data-router ",
        "7. metrics ",
        "8. webhook ",
        "9. my_plugin ",
        "whip",
    ];
    assert!(order.iter().all(|plugin| list.contains(plugin)), "{list}");
    for workers in [1, 2] {
        support::counts_and_records(&program, workers);
    }
    support::reads_its_configuration_again(&program);
    cargo(&project, &quick("test", &[]));
    // Features leave out what is not asked for.
    cargo(&project, &quick("build", &["--no-default-features", "--features", "admin"]));
    let list = worker(&["plugins", "list"]);
    assert!(list.contains("1. my_plugin ") && list.contains("admin"), "{list}");
    assert!(!list.contains("recorder") && !list.contains("whip"), "{list}");
}

/// What the template offers: plugins, and signaling crates.
fn choices(placeholder: &str) -> Vec<String> {
    let questions = checkout().join("templates/worker/cargo-generate.toml");
    let questions = std::fs::read_to_string(questions).expect("the template asks");
    let (_, part) = questions.split_once(&format!("[placeholders.{placeholder}]")).expect("it asks for that");
    let line = part.lines().find_map(|line| line.strip_prefix("choices = [")).expect("it has choices");
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn a_worker_of_each_plugin_and_signaling_alone_builds_and_takes_its_configuration() {
    let generator = cargo_generate();
    let source = checkout().to_str().expect("the checkout has a path in UTF-8");
    let (plugins, signaling) = (choices("plugins"), choices("signaling"));
    let alone =
        plugins.iter().map(|id| (id.as_str(), "")).chain(signaling.iter().map(|id| ("", id.as_str())));
    for (plugins, signaling) in alone {
        let id = if plugins.is_empty() { signaling } else { plugins };
        let answers =
            Answers { plugins, signaling, own_plugin: false, sfu_source: source, workspace_member: false };
        let project = rendered(&generator, "single", "single-worker", &answers);
        std::fs::copy(checkout().join("Cargo.lock"), project.join("Cargo.lock"))
            .expect("the lock file is there");
        check_format(&project);
        cargo(&project, &quick("build", &[]));
        let worker = |arguments: &[&str]| {
            let program = target().join("debug/single-worker");
            let output = Command::new(program).args(arguments).output().expect("the worker runs");
            assert!(output.status.success(), "{id}: {arguments:?}: {}", said(&output));
            said(&output)
        };
        let list = worker(&["plugins", "list"]);
        let entries = [format!("  1. {id} "), format!("  {id}  ")];
        let entries: usize = entries.iter().map(|entry| list.matches(entry.as_str()).count()).sum();
        assert!(entries == 1 && list.contains("  none\n"), "{id}: {list}");
        let config = project.join("config/worker.toml");
        worker(&["plugins", "check", config.to_str().expect("a path in UTF-8")]);
    }
}

#[test]
fn a_worker_of_nothing_builds_too() {
    let generator = cargo_generate();
    let source = checkout().to_str().expect("the checkout has a path in UTF-8");
    let answers = Answers {
        plugins: "",
        signaling: "",
        own_plugin: false,
        sfu_source: source,
        workspace_member: false,
    };
    let project = rendered(&generator, "nothing", "bare-worker", &answers);
    assert!(!project.join("src/my_plugin.rs").exists(), "no own plugin was asked for");
    std::fs::copy(checkout().join("Cargo.lock"), project.join("Cargo.lock")).expect("the lock file is there");
    check_format(&project);
    cargo(&project, &quick("build", &[]));
    let check = Command::new(target().join("debug/bare-worker"))
        .args(["plugins", "check"])
        .arg(project.join("config/worker.toml"))
        .output()
        .expect("the worker runs");
    assert!(check.status.success(), "{}", said(&check));
}

#[test]
fn a_generated_plugin_builds_too_and_its_own_tests_pass() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("template/plugin");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder of tests can be written to");
    let source = checkout().to_str().expect("the checkout has a path in UTF-8");
    let defines = [format!("sfu_source={source}")];
    let project = generate(&cargo_generate(), "plugin", &folder, "sfu-hand-count", &defines)
        .unwrap_or_else(|output| panic!("{}", said(&output)));
    std::fs::copy(checkout().join("Cargo.lock"), project.join("Cargo.lock")).expect("the lock file is there");
    check_format(&project);
    let told = said(&cargo(&project, &quick("test", &[])));
    // Its behaviour, its conformance and its README, and the example in its documentation.
    assert!(told.contains("4 passed") && told.contains("1 passed"), "{told}");
    assert!(project.join(".github/workflows/ci.yml").is_file(), "what a forge does with it");
    let readme = std::fs::read_to_string(project.join("README.md")).expect("it has a README");
    assert!(
        readme.contains("`hand-count` (crate `sfu-hand-count`, type `sfu_hand_count::HandCount`)"),
        "{readme}"
    );
}

#[test]
fn a_version_renders_published_crates_and_a_path_renders_a_checkout() {
    let generator = cargo_generate();
    let manifest = |sfu_source| {
        let answers = Answers {
            plugins: "recorder",
            signaling: "whip",
            own_plugin: true,
            sfu_source,
            workspace_member: false,
        };
        let project = rendered(&generator, "source", "some-worker", &answers);
        std::fs::read_to_string(project.join("Cargo.toml")).expect("it has a manifest")
    };
    let published = manifest("0.1");
    assert!(published.contains("\nsfu-core = \"0.1\"\n"), "{published}");
    assert!(published.contains("\nsfu-recorder = { version = \"0.1\", optional = true }\n"), "{published}");
    let local = manifest("/src/kit");
    assert!(local.contains("\nsfu-core = { path = \"/src/kit/sfu-core\" }\n"), "{local}");
    let whip = "\nsfu-whip = { path = \"/src/kit/sfu-plugins/signaling/whip\", optional = true }\n";
    assert!(local.contains(whip), "{local}");
}

#[test]
fn answers_that_cannot_be_meant_are_refused() {
    let generator = cargo_generate();
    let good = || Answers {
        plugins: "recorder",
        signaling: "whip",
        own_plugin: true,
        sfu_source: "0.1",
        workspace_member: false,
    };
    for answers in [
        Answers { plugins: "recoder", ..good() },
        Answers { signaling: "smoke", ..good() },
        Answers { sfu_source: "latest", ..good() },
        Answers { sfu_source: "a/\"b", ..good() },
    ] {
        let (plugins, signaling, source) = (answers.plugins, answers.signaling, answers.sfu_source);
        let refused = render(&generator, "refused", "some-worker", &answers).is_err();
        assert!(refused, "{plugins}, {signaling}, {source}");
    }
}
