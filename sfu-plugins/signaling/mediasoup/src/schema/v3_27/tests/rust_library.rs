//! The schema that the Rust library is given (`sys/fbs/`), against ours: it has to say the same, but for what is named here.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::catalog;
use crate::schema::catalog::{FieldFacts, camel_case};

/// What a schema in the language of FlatBuffers declares, as far as this one uses it.
#[derive(Default)]
struct Declared {
    /// The lines of each body, by `Namespace.Name`.
    tables: BTreeMap<String, Vec<String>>,
    enums: BTreeMap<String, Vec<(u64, String)>>,
    unions: BTreeMap<String, Vec<(u64, String, String)>>,
}

impl Declared {
    fn read() -> Self {
        let mut declared = Self::default();
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("sys/fbs")).unwrap() {
            declared.add(&fs::read_to_string(file.unwrap().path()).unwrap());
        }
        declared
    }

    /// A file, which has one namespace.
    fn add(&mut self, text: &str) {
        let mut namespace = "";
        let mut lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
        while let Some(line) = lines.next() {
            let words: Vec<&str> = line.split([' ', ':', '{', ';']).filter(|word| !word.is_empty()).collect();
            let [kind, name, ..] = words[..] else { continue };
            let of = |name: &str| qualified(namespace, name);
            let full = format!("{namespace}.{name}");
            let mut body = || -> Vec<String> {
                let body = lines.by_ref().take_while(|line| *line != "}").filter(|line| !line.is_empty());
                body.map(|line| line.trim_end_matches([',', ';']).to_owned()).collect()
            };
            match kind {
                "namespace" => namespace = name.strip_prefix("FBS.").unwrap(),
                "root_type" => assert_eq!(of(name), "Message.Message"),
                "include" => {}
                "table" => assert!(self.tables.insert(full, body()).is_none()),
                "enum" => {
                    let member = |line: String| {
                        let (name, number) = line.split_once(" = ").unwrap();
                        (number.parse().unwrap(), name.to_owned())
                    };
                    self.enums.insert(full, body().into_iter().map(member).collect());
                }
                "union" => {
                    let member = |(number, line): (u64, String)| {
                        let (name, table) = line.split_once(": ").unwrap();
                        (number, name.to_owned(), of(table))
                    };
                    self.unions.insert(full, (1..).zip(body()).map(member).collect());
                }
                other => panic!("{other}: {line}"),
            }
        }
    }

    fn fields(&self, table: &str) -> Vec<FieldFacts> {
        let mut fields = Vec::new();
        let mut slot = 0;
        let (namespace, _) = table.split_once('.').unwrap();
        for line in &self.tables[table] {
            let (name, rest) = line.split_once(": ").unwrap();
            let (rest, is_required) = match rest.strip_suffix(" (required)") {
                Some(rest) => (rest, true),
                None => (rest, false),
            };
            let (kind, default) = match rest.split_once(" = ") {
                Some((kind, default)) => (kind, Some(default)),
                None => (rest, None),
            };
            let wire = self.wire(namespace, kind);
            if let Some(union) = wire.strip_prefix("union ") {
                FieldFacts::of_union(name, slot, union, is_required, &mut fields);
                slot += 2;
                continue;
            }
            let default = match (wire.as_str(), default) {
                (_, Some("null")) => Json::Null,
                ("bool", default) => json!(default == Some("true")),
                ("Uint64", default) => json!({ "$bigint": default.unwrap_or("0") }),
                (wire, _) if wire.starts_with('[') => json!([]),
                (wire, _) if wire.starts_with("table") || wire == "string" => Json::Null,
                (_, default) => self.number(&qualified(namespace, kind), default.unwrap_or("0")),
            };
            fields.push(FieldFacts { name: camel_case(name), slot, wire, is_required, default });
            slot += 1;
        }
        fields
    }

    fn number(&self, kind: &str, text: &str) -> Json {
        let member = self.enums.get(kind).and_then(|members| {
            members.iter().find(|(_, name)| name == text).map(|(number, _)| json!(number))
        });
        member.unwrap_or_else(|| json!(text.parse::<u64>().unwrap()))
    }

    fn wire(&self, namespace: &str, kind: &str) -> String {
        if let Some(inner) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
            return format!("[{}]", self.wire(namespace, inner));
        }
        if kind.starts_with(char::is_uppercase) {
            let name = qualified(namespace, kind);
            return match () {
                () if self.unions.contains_key(&name) => format!("union {name}"),
                () if name == "Transport.SctpZeroChecksum" => "Uint32".into(),
                () if self.enums.contains_key(&name) => "Uint8".into(),
                () if self.tables.contains_key(&name) => format!("table {name}"),
                () => panic!("{name} is not declared"),
            };
        }
        match kind {
            "float" => "Float32".into(),
            "double" => "Float64".into(),
            "bool" | "string" => kind.into(),
            integer => format!("{}{}", integer[..1].to_uppercase(), &integer[1..]),
        }
    }
}

/// Without the prefix that all have, and with the namespace of the file where none is given.
fn qualified(namespace: &str, name: &str) -> String {
    name.strip_prefix("FBS.").map_or_else(|| format!("{namespace}.{name}"), str::to_owned)
}

/// Packets have sizes of 64 bits here: of a number with its lowest byte first, the lower half is where that of 32 bits would be.
const NARROWER: [&str; 2] = ["size", "payloadSize"];

#[test]
fn every_table_of_the_rust_library_is_as_ours_with_our_own_fields_at_its_end() {
    let declared = Declared::read();
    let catalog = catalog();
    let mut own = Vec::new();
    for table in &catalog.tables {
        let theirs = declared.fields(table.name);
        let mut ours = table.fields.clone();
        if table.name == "RtpPacket.Dump" {
            for field in ours.iter_mut().filter(|field| NARROWER.contains(&field.name.as_str())) {
                (field.wire, field.default) = ("Uint32".into(), json!(0));
            }
        }
        if table.name == "RtpStream.BaseStats" {
            // 0 is what is not known, and not written: nothing there.
            let mut unknown = ours.iter_mut().filter(|field| field.name == "roundTripTime");
            unknown.next().unwrap().default = Json::Null;
        }
        ours.extend(table.own_fields.iter().cloned());
        own.extend(table.own_fields.iter().map(|field| format!("{}.{}", table.name, field.name)));
        let (same, more) = theirs.split_at(ours.len().min(theirs.len()));
        assert_eq!(same, ours, "{}", table.name);
        // It is never read: checksums are always there.
        let unread = more.iter().map(|field| field.name.as_str()).collect::<Vec<_>>();
        assert_eq!(unread, if table.name == "Transport.Options" { vec!["sctpZeroChecksum"] } else { vec![] });
    }
    assert_eq!(
        own,
        [
            "Transport.Options.enableBwe",
            "Transport.Options.maxIncomingBitrate",
            "Transport.Options.maxOutgoingBitrate",
            "Transport.Options.minOutgoingBitrate",
            "Transport.Stats.roundTripTime",
        ]
    );
    let is_ours = |name: &&String| catalog.tables.iter().any(|table| table.name == name.as_str());
    let others: Vec<&String> = declared.tables.keys().filter(|name| !is_ours(name)).collect();
    assert_eq!(others, ["Transport.ProbationTraceInfo"]);
}

#[test]
fn every_enum_and_union_of_the_rust_library_has_our_members_and_numbers() {
    let declared = Declared::read();
    let catalog = catalog();
    for (name, members) in &catalog.enums {
        let mut ours: Vec<_> =
            members.iter().map(|(number, name)| (u64::from(*number), name.to_string())).collect();
        if *name == "RtpParameters.RtpHeaderExtensionUri" {
            // It does not know it, and never says it.
            ours.retain(|(_, name)| name != "TimeOffset");
        }
        let theirs: Vec<_> =
            declared.enums[*name].iter().map(|(number, name)| (*number, plain(name))).collect();
        let ours: Vec<_> = ours.into_iter().map(|(number, name)| (number, plain(&name))).collect();
        assert_eq!(theirs, ours, "{name}");
    }
    assert_eq!(declared.enums.len(), catalog.enums.len() + 1, "SctpZeroChecksum alone is new");
    for union in &catalog.unions {
        let numbers = union.members.iter().zip(&union.tables);
        let mut ours: Vec<_> = numbers
            .map(|((number, name), table)| {
                (u64::from(*number), plain(name), table.strip_prefix("table ").unwrap().to_owned())
            })
            .collect();
        if union.name == "Transport.TraceInfo" {
            // We never say it.
            ours.push((2, plain("ProbationTraceInfo"), "Transport.ProbationTraceInfo".into()));
        }
        let theirs = declared.unions[union.name].iter();
        let theirs: Vec<_> =
            theirs.map(|(number, name, table)| (*number, plain(name), table.clone())).collect();
        assert_eq!(theirs, ours, "{}", union.name);
    }
    assert_eq!(declared.unions.len(), catalog.unions.len());
}

/// Names may be written differently: AesCm128HmacSha1_80.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}
