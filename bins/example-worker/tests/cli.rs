//! What the command line says about plugins and configuration.
use std::path::{Path, PathBuf};
use std::process::Command;

use sfu_core::serde_json::{Value, from_str};

/// Exit code, standard output and standard error.
fn worker(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_example-worker")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What `plugins check` says of a configuration.
fn check(name: &str, text: &str) -> (i32, String, String) {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).unwrap();
    worker(&["plugins", "check", file.to_str().unwrap()])
}

#[test]
fn the_list_shows_the_order_and_the_hooks() {
    let (code, list, _) = worker(&["plugins", "list"]);
    assert_eq!(code, 0);
    let place = |text: &str| list.find(text).unwrap_or_else(|| panic!("{text} is missing:\n{list}"));
    assert!(place("1. recorder ") < place("2. my_plugin "), "{list}");
    assert!(list.contains("2. my_plugin 0.1.0  Counts the packets of every producer."), "{list}");
    assert!(list.contains("hooks: producer_opened, rtp_in, request, stats\n"), "{list}");
    assert!(place("2. my_plugin ") < place("signaling:") && place("  whip  ") < place("  admin  "), "{list}");
    assert!(!list.contains("not composed"), "{list}");
}

#[test]
fn a_schema_describes_settings_and_requests() {
    let schema = |id| {
        let (code, text, errors) = worker(&["plugins", "schema", id]);
        assert_eq!(code, 0, "{errors}");
        from_str::<Value>(&text).unwrap()
    };
    let mine = schema("my_plugin");
    assert_eq!(mine["config"]["additionalProperties"], false);
    assert_eq!(mine["request"]["oneOf"][0]["properties"]["method"]["const"], "total");
    let recorder = schema("recorder");
    assert_eq!(recorder["config"]["properties"]["folder"]["default"], "recordings");
    assert!(schema("whip")["config"]["properties"]["tokens"].is_object());
}

#[test]
fn the_schema_of_an_unknown_id_is_an_error_that_names_the_known_ones() {
    let (code, output, error) = worker(&["plugins", "schema", "ghost"]);
    assert_eq!((code, output.as_str()), (1, ""));
    assert_eq!(
        error,
        "plugins: no plugin and no signaling `ghost`; this worker has: recorder, my_plugin, mediasoup, whip, admin\n"
    );
}

#[test]
fn a_good_configuration_is_all_right_and_says_what_is_on() {
    let text = "[plugins.recorder]\nfolder = \"/tmp/x\"\n[plugins.my_plugin]\nenabled = false\n";
    let (code, output, error) = check("good.toml", text);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(output.starts_with("recorder: on request\nmy_plugin: on request\n"), "{output}");
    assert!(output.ends_with("good.toml: all right\n"), "{output}");
    let (_, output, _) = check("on.toml", "[plugins.recorder]\nenabled = true\n");
    assert!(output.starts_with("recorder: on\nmy_plugin: on\n"), "{output}");
}

#[test]
fn a_mistake_in_a_configuration_is_named() {
    for (text, named) in [
        (
            "[plugins.recorder]\nfoldr = \"x\"",
            "plugins.recorder: unknown field `foldr`, expected one of `folder`",
        ),
        ("[plugins.recorder]\nfolder = 3", "plugins.recorder: invalid type: integer `3`"),
        ("[plugins.recorder]\nenabled = 1", "plugins.recorder.enabled: expected true or false"),
        ("[plugins.recorder.options]\nfilee = 1", "plugins.recorder.options: unknown field `filee`"),
        ("[plugins.my_plugin]\nx = 1", "plugins.my_plugin: unknown field `x`"),
        ("[plugins.ghost]", "plugins.ghost: not composed into this worker: no plugin `ghost`"),
        (
            "[signaling.ghost]",
            "signaling.ghost: not composed into this worker, which has: mediasoup, whip, admin",
        ),
        ("[signaling.whip]\nopne = true", "signaling.whip: unknown field `opne`, expected one of `open`"),
        ("[http]\nlisen = \"\"", "unknown field `lisen`, expected one of `listen`"),
        ("wokers = 1", "unknown field `wokers`, expected one of `workers`"),
        ("plugins = 3", "plugins: expected a table with one table per plugin"),
        ("workers =", "bad.toml: TOML parse error at line 1"),
    ] {
        let (code, output, error) = check("bad.toml", text);
        assert_eq!((code, output.as_str()), (1, ""), "{text}");
        assert!(error.contains(named), "{text}: {error}");
    }
    let (code, _, error) = worker(&["plugins", "check", "/there/is/no/such.toml"]);
    assert!(code == 1 && error.starts_with("config: /there/is/no/such.toml: "), "{error}");
}

/// What only shows when plugins make what they share: the check does it too, and leaves nothing behind.
#[test]
fn a_folder_that_cannot_be_one_is_found_by_the_check() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("not-a-folder");
    std::fs::write(&file, "").unwrap();
    for folder in [file.clone(), file.join("below")] {
        let text = format!("[plugins.recorder]\nfolder = \"{}\"\n", folder.display());
        let (code, output, error) = check("folder.toml", &text);
        assert_eq!((code, output.as_str()), (1, ""), "{error}");
        assert!(error.starts_with(&format!("plugins.recorder.folder: {}: ", folder.display())), "{error}");
    }
    let (code, _, error) = check("folder.toml", "[plugins.recorder]\nqueue_bytes = 1\n");
    assert!(code == 1 && error.starts_with("plugins.recorder.queue_bytes: 1 is not from"), "{error}");
    let free = file.with_file_name("not-yet-a-folder");
    let (code, _, error) =
        check("folder.toml", &format!("[plugins.recorder]\nfolder = \"{}\"\n", free.display()));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(!free.exists(), "the check made a folder");
}

#[test]
fn a_worker_with_a_mistake_in_its_settings_does_not_start() {
    for (arguments, named) in [
        (&["--set", "recorder.foldr=x"][..], "plugins.recorder: unknown field `foldr`"),
        (&["--off", "ghost"], "plugins.ghost: not composed into this worker"),
        (&["--set", "recorder"], "--set recorder: expected `<plugin>.<key>=<value>`"),
        (&["run", "--listen", "192.0.2.1:1"], "http.listen: 192.0.2.1:1: "),
    ] {
        let (code, output, error) = worker(arguments);
        assert_eq!((code, output.as_str()), (1, ""), "{arguments:?}");
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_code_2() {
    for arguments in [&["--bogus"][..], &["plugins"], &["plugins", "schema"], &["--workers", "300"]] {
        assert_eq!(worker(arguments).0, 2, "{arguments:?}");
    }
}

#[test]
fn the_program_says_its_own_name_and_version() {
    let (code, version, _) = worker(&["--version"]);
    assert_eq!(code, 0);
    assert!(version.starts_with("example-worker 0.1.0 (sfukit "), "{version}");
}

/// Takes the comment marks off examples, and leaves prose alone.
fn uncommented(text: &str) -> String {
    let mut open = 0_usize;
    let lines = text.lines().map(|line| {
        let example = line.strip_prefix("# ").unwrap_or(line);
        let key = example.split(" = ").next().unwrap_or_default();
        let begins = example.contains(" = ") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let taken = begins || open > 0;
        if taken {
            open = (open + example.matches('[').count()).saturating_sub(example.matches(']').count());
        }
        if taken { example } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_configuration_is_good_as_it_is_and_with_its_examples() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/worker.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (code, _, error) = check("example.toml", &text);
    assert_eq!(code, 0, "{error}");
    let full = uncommented(&text);
    assert!(full.contains("\nlisten = ") && full.contains("\ntokens = [\n") && full.contains("\nfolder = "));
    let (code, _, error) = check("example-full.toml", &full);
    assert_eq!(code, 0, "{error}\n{full}");
}
