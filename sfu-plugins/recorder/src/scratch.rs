//! Folders for tests.
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::folder::{Medium, Store};
use crate::output::Output;

/// A folder that is removed with the value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one.
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sfu-recorder-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// A file in memory, and what is written to it.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Vec<u8>>>, Arc<AtomicUsize>);

/// A new one, and what writes to it.
pub fn memory() -> (Output, Memory) {
    let memory = Memory::new(Arc::new(AtomicUsize::new(usize::MAX)));
    (Output::new(Box::new(memory.clone())), memory)
}

impl Memory {
    fn new(room: Arc<AtomicUsize>) -> Self {
        Memory(Arc::default(), room)
    }

    /// What is in it.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// A folder in memory, with room for so many bytes.
#[derive(Clone)]
pub struct Shelf {
    files: Arc<Mutex<Vec<(String, Memory)>>>,
    room: Arc<AtomicUsize>,
}

impl Shelf {
    /// An empty one.
    pub fn new(room: usize) -> Self {
        Shelf { files: Arc::default(), room: Arc::new(AtomicUsize::new(room)) }
    }

    /// Its files, in the order in which they were made.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.files.lock().unwrap().iter().map(|(name, file)| (name.clone(), file.bytes())).collect()
    }
}

impl Store for Shelf {
    fn create(&self, stem: &str, ending: &str) -> io::Result<(String, Box<dyn Medium>)> {
        let mut files = self.files.lock().unwrap();
        let name = format!("{stem}-{}{ending}", files.len());
        let file = Memory::new(self.room.clone());
        files.push((name.clone(), file.clone()));
        Ok((name, Box::new(file)))
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // As on a disk that is nearly full: what fits is written.
        let room = self.1.load(Ordering::Relaxed).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.1.load(Ordering::Relaxed) != usize::MAX {
            self.1.fetch_sub(room, Ordering::Relaxed);
        }
        self.0.lock().unwrap().extend_from_slice(&bytes[..room]);
        Ok(room)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for Memory {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let at = at as usize;
        self.0.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().truncate(len as usize);
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
