//! What `worker!` checks at compile time.
use super::compose::{MetaNode, PluginSet};
use super::slot::PluginSlot;

/// Bytes that a note may have.
const NOTE: usize = 16;

/// Checks a list of plugins; what is wrong is a compile error that names the entry.
#[track_caller]
pub const fn check<S: PluginSet>() {
    if S::LEN > PluginSlot::MAX {
        panic!("a worker can't have more than 63 plugins");
    }
    let mut at = S::METAS;
    while let Some(node) = at {
        check_one(node, S::METAS);
        at = node.next;
    }
}

#[track_caller]
const fn check_one(node: &MetaNode, all: Option<&MetaNode>) {
    let meta = &node.meta;
    if node.note_size > NOTE {
        fail(["plugin `", meta.id, "` has a `Note` of more than 16 bytes; keep an index in it", "", ""]);
    }
    if find(node.next, meta.id) {
        fail(["plugin `", meta.id, "` is composed twice", "", ""]);
    }
    let mut i = 0;
    while i < meta.after.len() {
        if find(node.next, meta.after[i]) {
            fail(["plugin `", meta.id, "` must be listed after `", meta.after[i], "`"]);
        }
        i += 1;
    }
    i = 0;
    while i < meta.before.len() {
        if find(all, meta.before[i]) && !find(node.next, meta.before[i]) {
            fail(["plugin `", meta.id, "` must be listed before `", meta.before[i], "`"]);
        }
        i += 1;
    }
    i = 0;
    while i < meta.requires.len() {
        if !find(all, meta.requires[i]) {
            fail(["plugin `", meta.id, "` requires `", meta.requires[i], "`: add it to `worker!`"]);
        }
        i += 1;
    }
    i = 0;
    while i < meta.conflicts.len() {
        if find(all, meta.conflicts[i]) {
            fail(["plugin `", meta.id, "` can't be composed with `", meta.conflicts[i], "`"]);
        }
        i += 1;
    }
}

const fn find(mut list: Option<&MetaNode>, id: &str) -> bool {
    while let Some(node) = list {
        if same(node.meta.id, id) {
            return true;
        }
        list = node.next;
    }
    false
}

/// Whether two ids are the same.
pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Panics with the parts put together, which `panic!` can't do at compile time.
#[track_caller]
pub(crate) const fn fail(parts: [&str; 5]) -> ! {
    let mut text = [b' '; 256];
    let (mut length, mut part) = (0, 0);
    while part < parts.len() {
        let bytes = parts[part].as_bytes();
        let mut i = 0;
        while i < bytes.len() && length < text.len() {
            text[length] = bytes[i];
            length += 1;
            i += 1;
        }
        part += 1;
    }
    match std::str::from_utf8(text.split_at(length).0) {
        Ok(text) => panic!("{}", text),
        Err(_) => panic!("the list of plugins is wrong"),
    }
}
