//! Our schema against the code that mediasoup's own package has for it, which Node runs.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value as Json, json};

use super::catalog;
use crate::flat::{Table, UnionSlot, decode, encode};
use crate::schema::catalog::{Catalog, Members, Seed};
use crate::schema::v3_27::call::Call;
use crate::schema::v3_27::message::{Body, Message};
use crate::schema::v3_27::notice::Notice;
use crate::schema::v3_27::notification::{Event, Notification};
use crate::schema::v3_27::report::Report;
use crate::schema::v3_27::request::{Method, Request};
use crate::schema::v3_27::{Incoming, IncomingNotification, IncomingRequest, notification, read, request};

/// Node, with the library beside the script; or what is missing.
static NODE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = std::env::var_os("SFU_TEST_TOOLS")
        .map_or_else(|| crate_folder.join("../../../target/tools"), PathBuf::from);
    let programs = tools.join("node/node_modules/.bin");
    let node = programs.join("node");
    if !node.is_file() {
        return Err(format!("{} is missing: `./test.sh tools` installs it", node.display()));
    }
    if !is_library_installed() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)));
        let status = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-fund", "--no-audit"])
            .current_dir(folder())
            .env("PATH", path.expect("folders in PATH have no colon"))
            .status()
            .map_err(|error| format!("npm does not start ({error}): `./test.sh tools` installs it"))?;
        if !status.success() {
            return Err(format!("npm ci failed in {}; `./test.sh tools` runs it too", folder().display()));
        }
    }
    Ok(node)
});

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node")
}

/// Whether the version that the lock file names is installed.
fn is_library_installed() -> bool {
    let version = |file: &str| {
        let json: Json = serde_json::from_str(&std::fs::read_to_string(folder().join(file)).ok()?).ok()?;
        Some(json["packages"]["node_modules/mediasoup"]["version"].as_str()?.to_owned())
    };
    let installed = version("node_modules/.package-lock.json");
    installed.is_some() && installed == version("package-lock.json")
}

/// Runs the script and returns what it prints.
fn node(what: &str, input: &Json) -> Json {
    let mut script = Command::new(NODE.as_ref().unwrap_or_else(|missing| panic!("{missing}")))
        .arg(folder().join("schema.mjs"))
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts");
    // It reads everything before it prints anything.
    let mut stdin = script.stdin.take().expect("it is piped");
    stdin.write_all(input.to_string().as_bytes()).expect("the script reads");
    drop(stdin);
    let output = script.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "the script failed; its words are above");
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

struct Sample {
    table: &'static str,
    bytes: Vec<u8>,
    json: Json,
}

/// What the library reads from our bytes, and what it writes for the values.
fn exchange(samples: &[Sample]) -> Vec<(Json, Vec<u8>)> {
    let input: Json =
        samples.iter().map(|sample| json!([sample.table, hex(&sample.bytes), sample.json])).collect();
    let output = node("exchange", &input);
    let output = output.as_array().expect("a list");
    assert_eq!(output.len(), samples.len());
    output.iter().map(|pair| (pair[0].clone(), unhex(pair[1].as_str().expect("text")))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect()
}

/// Names are written differently: AEAD_AES_256_GCM is AeadAes256Gcm.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

#[test]
fn every_field_of_every_table_is_where_the_library_has_it() {
    let theirs = node("describe", &Json::Null);
    let ours: BTreeMap<&str, Json> = catalog()
        .tables
        .iter()
        .map(|table| {
            let fields = table.fields.iter().map(|field| {
                json!({
                    "name": field.name,
                    "slot": field.slot,
                    "wire": field.wire,
                    "required": field.is_required,
                    "default": field.default,
                })
            });
            (table.name, fields.collect())
        })
        .collect();
    let theirs: BTreeMap<&str, Json> = theirs["tables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, fields)| (name.as_str(), fields.clone()))
        .collect();
    for (name, fields) in &theirs {
        assert_eq!(ours.get(name), Some(fields), "{name}");
    }
    assert_eq!(ours.len(), theirs.len(), "we have tables that the library does not have");
    assert_eq!(theirs.len(), 176);
}

#[test]
fn every_enum_and_union_has_the_members_and_numbers_of_the_library() {
    let theirs = node("describe", &Json::Null);
    let catalog = catalog();
    let members = |json: &Json| -> BTreeSet<(u64, String)> {
        let members = json.as_array().unwrap().iter();
        members.map(|member| (member[0].as_u64().unwrap(), plain(member[1].as_str().unwrap()))).collect()
    };
    let own = |members: &[(u8, &str)]| -> BTreeSet<(u64, String)> {
        members.iter().map(|(number, name)| (u64::from(*number), plain(name))).collect()
    };
    let enums = theirs["enums"].as_object().unwrap();
    for (name, ours) in &catalog.enums {
        assert_eq!(own(ours), members(&enums[*name]), "{name}");
    }
    assert_eq!((catalog.enums.len(), enums.len()), (22, 22));
    let unions = theirs["unions"].as_object().unwrap();
    for union in &catalog.unions {
        assert_eq!(own(&union.members), members(&unions[union.name]), "{}", union.name);
        let tables: Vec<String> = unions[union.name]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| format!("table {}", member[2].as_str().unwrap()))
            .collect();
        assert_eq!(union.tables, tables, "{}", union.name);
    }
    assert_eq!((catalog.unions.len(), unions.len()), (10, 10));
}

#[test]
fn the_library_reads_what_we_write_and_we_read_what_it_writes() {
    let catalog = catalog();
    let mut samples = Vec::new();
    let mut readers = Vec::new();
    for table in &catalog.tables {
        for number in 0..catalog.samples(table) {
            let (bytes, json) = (table.sample)(&mut Seed::new(number));
            samples.push(Sample { table: table.name, bytes, json });
            readers.push(table.decode);
        }
    }
    println!("{} values of {} tables", samples.len(), catalog.tables.len());
    assert_every_member_is_there(&catalog, &samples);
    for ((sample, decode), (read, written)) in samples.iter().zip(readers).zip(exchange(&samples)) {
        let name = sample.table;
        assert_eq!(read, sample.json, "what the library reads of {name}: {}", hex(&sample.bytes));
        assert_eq!(decode(&written[4..]), Ok(read), "what we read of {name}: {}", hex(&written));
    }
}

#[test]
fn every_request_of_the_library_arrives_as_the_call_that_it_is() {
    let mut samples = Vec::new();
    let mut expected = Vec::new();
    for (id, number) in (1..).zip(0..6) {
        for method in Call::kinds() {
            let call = Call::sample(method, &mut Seed::new(number)).unwrap();
            let handler_id = format!("handler {id}");
            let body = call.clone().into_body();
            let request = Request { id, method, handler_id: handler_id.clone(), body };
            samples.push(message(Message { data: Body::Request(request) }));
            expected.push(Incoming::Request(IncomingRequest { id, handler_id, call }));
        }
    }
    for notice in Notice::kinds() {
        let notice = Notice::sample(notice, &mut Seed::new(1)).unwrap();
        let (event, body) = (notice.kind(), notice.clone().into_body());
        let notification = Notification { handler_id: "x".into(), event, body };
        samples.push(message(Message { data: Body::Notification(notification) }));
        expected.push(Incoming::Notification(IncomingNotification { handler_id: "x".into(), notice }));
    }
    for ((sample, expected), (seen, written)) in samples.iter().zip(expected).zip(exchange(&samples)) {
        assert_eq!(seen, sample.json);
        // An absent vector is an empty one to the library, so values are compared as it sees them.
        let ours = match read(&written[4..]) {
            Ok(Incoming::Request(IncomingRequest { id, handler_id, call })) => {
                let method = call.kind();
                assert!(matches!(&expected, Incoming::Request(request) if request.call.kind() == method));
                message(Message {
                    data: Body::Request(Request { id, method, handler_id, body: call.into_body() }),
                })
            }
            Ok(Incoming::Notification(IncomingNotification { handler_id, notice })) => {
                let event = notice.kind();
                assert!(matches!(&expected, Incoming::Notification(told) if told.notice.kind() == event));
                let body = notice.into_body();
                message(Message { data: Body::Notification(Notification { handler_id, event, body }) })
            }
            Err(refused) => panic!("{refused}: {}", sample.json),
        };
        assert_eq!(ours.json, sample.json);
    }
}

#[test]
fn every_notification_of_ours_arrives_with_its_event_and_body() {
    let mut samples = Vec::new();
    let mut events = Vec::new();
    for number in 0..6 {
        for event in Report::kinds() {
            let report = Report::sample(event, &mut Seed::new(number)).unwrap();
            samples.push(message(report.about("entity").into()));
            events.push(event);
        }
    }
    for ((sample, event), (seen, _)) in samples.iter().zip(events).zip(exchange(&samples)) {
        assert_eq!(seen, sample.json);
        let told = &seen["data"];
        assert_eq!(told["event"], json!(event as u8));
        assert_eq!(told["handlerId"], json!("entity"));
        // The union's members are named after their events.
        let body = told["bodyType"].as_u64().unwrap();
        if body != 0 {
            let members = notification::Body::members();
            let name = members.iter().find(|member| u64::from(member.0) == body).unwrap().1;
            assert_eq!(name, format!("{event:?}Notification"));
        }
    }
}

/// Every member of every union in every table that has it.
fn assert_every_member_is_there(catalog: &Catalog, samples: &[Sample]) {
    let mut seen = 0;
    for table in &catalog.tables {
        for field in &table.fields {
            let Some(union) =
                catalog.unions.iter().find(|union| format!("union {}", union.name) == field.wire)
            else {
                continue;
            };
            for (number, name) in &union.members {
                let is_it = |sample: &&Sample| {
                    sample.table == table.name && sample.json[format!("{}Type", field.name)] == json!(number)
                };
                assert!(samples.iter().any(|sample| is_it(&sample)), "{} without {name}", table.name);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 4 + 39 + 33 + 23 + 5 + 3 + 2 + 4 + 5 + 1);
}

/// As the library's own classes use them, which their source shows.
#[test]
fn methods_and_events_have_the_bodies_that_the_library_gives_them() {
    let theirs = &node("describe", &Json::Null)["use"];
    let compare = |theirs: &Json, ours: BTreeMap<String, Option<&'static str>>| {
        let theirs = theirs.as_object().unwrap();
        for (name, body) in theirs {
            let ours = ours.get(&plain(name)).unwrap_or_else(|| panic!("{name}"));
            // Of notifications that it hears, the library shows the table alone, without its namespace.
            match (body.as_str(), ours) {
                (Some(theirs), Some(ours)) => {
                    assert!(plain(ours).ends_with(&plain(theirs)), "{name}: {ours}")
                }
                (theirs, ours) => assert_eq!(theirs, *ours, "{name}"),
            }
        }
        theirs.len()
    };
    let name = |number: u8, members: Vec<(u8, &'static str)>| {
        members.into_iter().find(|member| member.0 == number).map(|member| member.1)
    };
    let mut seed = Seed::new(1);

    let calls = Call::kinds().into_iter().map(|method| {
        let body = Call::sample(method, &mut seed).unwrap().into_body();
        (plain(&format!("{method:?}")), body.and_then(|body| name(body.number(), request::Body::members())))
    });
    // All but TRANSPORT_CONNECT.
    assert_eq!(compare(&theirs["requests"], calls.collect()), 67);

    let body = |body: Option<notification::Body>| {
        body.and_then(|body| name(body.number(), notification::Body::members()))
    };
    let mut told: BTreeMap<_, _> = Notice::kinds()
        .into_iter()
        .map(|event| {
            (plain(&format!("{event:?}")), body(Notice::sample(event, &mut seed).unwrap().into_body()))
        })
        .collect();
    // It waits for this one where it tells the others.
    told.insert("workerrunning".into(), None);
    assert_eq!(compare(&theirs["told"], told), 5);

    let heard = Report::kinds().into_iter().map(|event| {
        (plain(&format!("{event:?}")), body(Report::sample(event, &mut seed).unwrap().into_body()))
    });
    assert_eq!(compare(&theirs["heard"], heard.collect()), 28);
}

#[test]
fn requests_and_notifications_are_all_there() {
    assert_eq!(Call::kinds(), Method::ALL);
    assert_eq!(Call::kinds().len(), 68);
    assert_eq!([Notice::kinds(), Report::kinds()].concat(), Event::ALL);
    assert_eq!((Notice::kinds().len(), Report::kinds().len()), (4, 29));
}

fn message(message: Message) -> Sample {
    let mut bytes = Vec::new();
    encode(&message, &mut bytes);
    assert_eq!(decode::<Message>(&bytes[4..]).as_ref(), Ok(&message));
    Sample { table: Message::NAME, bytes, json: crate::schema::catalog::Value::json(&message) }
}
