//! The folder of the recordings: new files in it, and what it holds.
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use sfu_core::serde_json::{Value, json};

use crate::name::ENDINGS;
use crate::sniff::{self, Found};

/// Numbers tried to find a name that is free.
const MAX_NUMBER: u32 = 9_999;
/// Entries of the folder looked at for a list.
const MAX_ENTRIES: usize = 20_000;

/// Where recordings go to.
pub trait Store: Send + Sync + 'static {
    /// Makes a new file, never an existing one, and answers its name: with the ending `.mjr`, `stem.mjr`, or `stem-1.mjr` and
    /// so on.
    fn create(&self, stem: &str, ending: &str) -> io::Result<(String, Box<dyn Medium>)>;

    /// Takes away a file that [`create`](Store::create) made and nothing could be written to.
    fn discard(&self, _name: &str) {}
}

/// What a recording is written to.
pub trait Medium: Write {
    /// Waits until everything is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Overwrites bytes that are there; what is written next is at the end again.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts off what is beyond `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

impl Medium for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.write_all(bytes)?;
        self.seek(SeekFrom::End(0)).map(drop)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.seek(SeekFrom::End(0)).map(drop)
    }
}

/// A folder of the file system.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Folder(path.into())
    }

    /// Whether something is known to stand in its way; it need not exist.
    pub fn check(&self) -> io::Result<()> {
        match std::fs::metadata(&self.0) {
            Ok(found) if !found.is_dir() => Err(ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn make(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o750);
        builder.create(&self.0)
    }

    /// The newest `limit` recordings, as JSON; `active` says which of them are being written.
    ///
    /// `{"files": [{"file", "bytes", "modified", "started", "kind", "codec", "state"}], "complete"}`; times are
    /// milliseconds since 1970. A folder that isn't there holds nothing.
    pub fn list(&self, limit: usize, active: &dyn Fn(&str) -> bool) -> io::Result<Value> {
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(json!({ "files": [], "complete": true }));
            }
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        let mut looked = 0;
        for entry in entries.take(MAX_ENTRIES) {
            looked += 1;
            let Ok(entry) = entry else { continue };
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Not of what a link leads to: only files of this folder are recordings.
            let Ok(metadata) = entry.metadata() else { continue };
            if has_ending(&name) && metadata.is_file() {
                let modified = metadata.modified().map_or(0, millis);
                found.push((modified, name, metadata.len()));
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        let complete = looked < MAX_ENTRIES && found.len() <= limit;
        found.truncate(limit);
        let files: Vec<Value> = found
            .into_iter()
            .filter_map(|(modified, name, bytes)| {
                let is_active = active(&name);
                let state = |finished| if is_active { "active" } else { finished };
                let mut file = json!({ "file": name, "bytes": bytes, "modified": modified });
                match self.sniff(&name).ok()?? {
                    Found::Recording(about) => {
                        file["state"] = state("finished").into();
                        file["started"] = about.started.into();
                        file["kind"] = about.kind.into();
                        file["codec"] = about.codec.into();
                    }
                    Found::Empty => file["state"] = state("empty").into(),
                }
                Some(file)
            })
            .collect();
        Ok(json!({ "files": files, "complete": complete }))
    }

    /// Where a recording of that name lies: absolute, and the folder itself behind no link any more. `None`: there is none.
    pub fn locate(&self, name: &str) -> io::Result<Option<PathBuf>> {
        if !is_plain(name) || !has_ending(name) {
            return Ok(None);
        }
        let file = match self.open(name) {
            Ok(file) => file,
            // A link is refused by a name of its own, which differs by system.
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied) => return Err(error),
            Err(_) => return Ok(None),
        };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        match sniff::sniff(&head(file)?) {
            Some(_) => Ok(Some(self.0.canonicalize()?.join(name))),
            None => Ok(None),
        }
    }

    fn sniff(&self, name: &str) -> io::Result<Option<Found>> {
        Ok(sniff::sniff(&head(self.open(name)?)?))
    }

    /// Opens a file of the folder to read it; no link, and nothing that could block.
    fn open(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
        options.open(self.0.join(name))
    }
}

impl Store for Folder {
    fn create(&self, stem: &str, ending: &str) -> io::Result<(String, Box<dyn Medium>)> {
        // Names are made by `Template::stem`; this is the last gate before the file system.
        if !is_plain(stem) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a recording's name is one plain file name"));
        }
        self.make()?;
        for number in 0..=MAX_NUMBER {
            let name = match number {
                0 => format!("{stem}{ending}"),
                number => format!("{stem}-{number}{ending}"),
            };
            let mut options = OpenOptions::new();
            // Together with `create_new` nothing is ever overwritten, and no link followed.
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
            match options.open(self.0.join(&name)) {
                Ok(file) => return Ok((name, Box::new(file))),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "all numbers of this name are taken, move files away"))
    }

    fn discard(&self, name: &str) {
        // What can't be taken away is an empty file, which is no recording.
        let _ = std::fs::remove_file(self.0.join(name));
    }
}

/// The beginning of a file, which says what it is.
fn head(file: File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.take(sniff::ENOUGH).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether a name leads to nowhere but this folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

/// Whether a name ends as recordings do.
fn has_ending(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::MJR;
    use crate::scratch::Scratch;
    use sfu_core::media::mjr::{MjrHeader, MjrMedia, MjrWriter};
    use std::time::Instant;

    #[test]
    fn nothing_is_overwritten() {
        let scratch = Scratch::new("overwrite");
        let folder = Folder::new(scratch.path().join("a/b"));
        let names: Vec<String> = (0..3).map(|_| folder.create("x", MJR).unwrap().0).collect();
        assert_eq!(names, ["x.mjr", "x-1.mjr", "x-2.mjr"]);
        std::fs::write(folder.0.join("y.mjr"), "keep").unwrap();
        assert_eq!(folder.create("y", MJR).unwrap().0, "y-1.mjr");
        assert_eq!(std::fs::read(folder.0.join("y.mjr")).unwrap(), b"keep");
    }

    #[test]
    fn a_name_with_a_path_in_it_is_refused() {
        let scratch = Scratch::new("path");
        let folder = Folder::new(scratch.path().join("in"));
        for stem in ["../out", "a/b", "/tmp/x", "", ".hidden", "a\0b", "a\\b"] {
            assert!(folder.create(stem, MJR).is_err(), "{stem:?}");
        }
        assert!(!scratch.path().join("out.mjr").exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        use std::path::Path;
        let scratch = Scratch::new("links");
        let folder = Folder::new(scratch.path().join("in"));
        folder.create("first", MJR).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.0) & !0o750, 0);
        assert_eq!(mode(&folder.0.join("first.mjr")) & !0o640, 0);
        // A link to a file that isn't there would be created through it.
        symlink(scratch.path().join("outside.mjr"), folder.0.join("x.mjr")).unwrap();
        assert_eq!(folder.create("x", MJR).unwrap().0, "x-1.mjr");
        assert!(!scratch.path().join("outside.mjr").exists());
        // Nor is one listed.
        std::fs::write(scratch.path().join("secret.mjr"), "MJR00002").unwrap();
        symlink(scratch.path().join("secret.mjr"), folder.0.join("y.mjr")).unwrap();
        let list = folder.list(10, &|_| false).unwrap().to_string();
        assert!(!list.contains("y.mjr") && !list.contains("\"x.mjr"), "{list}");
    }

    #[test]
    fn only_recordings_of_this_folder_are_located() {
        let scratch = Scratch::new("locate");
        let folder = Folder::new(scratch.path().join("in"));
        let (name, mut file) = folder.create("x", MJR).unwrap();
        file.write_all(b"MJR00002").unwrap();
        let found = folder.locate(&name).unwrap().unwrap();
        assert!(found.is_absolute() && found.ends_with("in/x.mjr"), "{found:?}");
        std::fs::write(scratch.path().join("out.mjr"), "MJR00002").unwrap();
        std::fs::write(scratch.path().join("in/notes.txt"), "MJR00002").unwrap();
        std::fs::write(scratch.path().join("in/other.mjr"), "something else").unwrap();
        std::fs::write(scratch.path().join("in/.hidden.mjr"), "MJR00002").unwrap();
        std::fs::create_dir(scratch.path().join("in/folder.mjr")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(scratch.path().join("out.mjr"), scratch.path().join("in/link.mjr"))
            .unwrap();
        let outside = scratch.path().join("out.mjr");
        for name in [
            "../out.mjr",
            "..",
            "",
            "a/x.mjr",
            "./x.mjr",
            outside.to_str().unwrap(),
            "notes.txt",
            "other.mjr",
            ".hidden.mjr",
            "folder.mjr",
            "link.mjr",
            "none.mjr",
            "x.mjr\0",
            "..\\out.mjr",
        ] {
            assert_eq!(folder.locate(name).unwrap(), None, "{name:?}");
        }
    }

    #[test]
    fn the_list_is_bounded_and_says_what_is_there() {
        let scratch = Scratch::new("list");
        let folder = Folder::new(scratch.path());
        let (_, mut empty) = folder.create("empty", MJR).unwrap();
        empty.write_all(b"MJR00002").unwrap();
        std::fs::write(scratch.path().join("notes.txt"), "no").unwrap();
        std::fs::write(scratch.path().join("other.mjr"), "no").unwrap();
        let wall = UNIX_EPOCH + std::time::Duration::from_millis(1_769_903_999_123);
        let mut file = folder.create("full", MJR).unwrap().1;
        let header = MjrHeader::new(MjrMedia::Audio, "opus");
        let mut mjr = MjrWriter::create(&mut file, header, Instant::now(), wall).unwrap();
        let packet = [0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xF8];
        mjr.write_rtp(&packet, Instant::now()).unwrap();
        let list = folder.list(10, &|name| name == "full.mjr").unwrap();
        assert_eq!(list["files"].as_array().unwrap().len(), 2, "{list}");
        let by_name = |name: &str| {
            let files = list["files"].as_array().unwrap().iter();
            files.into_iter().find(|file| file["file"] == name).cloned().unwrap()
        };
        let full = by_name("full.mjr");
        assert_eq!(
            (&full["state"], &full["codec"], &full["kind"]),
            (&"active".into(), &"opus".into(), &"audio".into())
        );
        assert_eq!(full["started"], 1_769_903_999_123u64);
        assert!(full["bytes"].as_u64().unwrap() > 30 && full["modified"].as_u64().unwrap() > 0);
        assert_eq!(by_name("empty.mjr")["state"], "empty");
        let one = folder.list(1, &|_| false).unwrap();
        assert!(one["files"].as_array().unwrap().len() <= 1 && one["complete"] == false);
        assert_eq!(Folder::new(scratch.path().join("none")).list(1, &|_| false).unwrap()["files"], json!([]));
    }
}
