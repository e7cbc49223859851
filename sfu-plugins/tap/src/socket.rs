//! Sockets of readers. All of them are non-blocking: one thread serves all readers.
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use sfu_core::tracing;

use crate::address::Place;
use crate::settings::Way;

/// How soon a connection is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long the start of the worker waits for a reader that neither takes nor refuses the connection.
const FIRST: Duration = Duration::from_secs(1);

/// A connection to a reader.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// How readers are found.
pub(crate) enum Door {
    /// There are none.
    Closed,
    /// By connecting to one.
    Caller(Caller),
    /// By waiting for them.
    Listener(Listener),
}

impl Door {
    /// The door that a configuration asks for; a socket to listen at is there afterwards, and the connection to a reader that is there
    /// already.
    pub(crate) fn open(way: Way) -> io::Result<Door> {
        Ok(match way {
            Way::Nowhere => Door::Closed,
            Way::Connect(place) => Door::Caller(Caller::new(place)),
            Way::Listen(place) => Door::Listener(Listener::bind(&place)?),
        })
    }

    /// A reader that has come, if one has; `has_reader` says whether one is there.
    pub(crate) fn next(&mut self, has_reader: bool) -> Option<Box<dyn Stream>> {
        match self {
            Door::Closed => None,
            Door::Caller(_) if has_reader => None,
            Door::Caller(caller) => caller.next(),
            Door::Listener(listener) => listener.accept().ok(),
        }
    }
}

/// Connects to a reader, again and again.
pub(crate) struct Caller {
    place: Place,
    /// A thread that connects: that may take long.
    attempt: Option<Receiver<io::Result<Box<dyn Stream>>>>,
    next: Instant,
    has_failed: bool,
}

impl Caller {
    fn new(place: Place) -> Self {
        let mut caller = Caller { place, attempt: None, next: Instant::now(), has_failed: false };
        caller.begin();
        // A reader that is there already misses nothing of the beginning.
        if let Some(Ok(outcome)) = caller.attempt.as_ref().map(|attempt| attempt.recv_timeout(FIRST)) {
            let (known, attempt) = channel();
            // Both ends are here.
            let _ = known.send(outcome);
            caller.attempt = Some(attempt);
        }
        caller
    }

    fn next(&mut self) -> Option<Box<dyn Stream>> {
        let Some(attempt) = &self.attempt else {
            self.begin();
            return None;
        };
        let error = match attempt.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => io::Error::other("no thread to connect with"),
            Ok(Err(error)) => error,
            Ok(Ok(stream)) => {
                self.attempt = None;
                self.has_failed = false;
                return Some(stream);
            }
        };
        self.attempt = None;
        self.next = Instant::now() + AGAIN;
        // Once is enough until it works again.
        if !std::mem::replace(&mut self.has_failed, true) {
            tracing::warn!("tap: can't connect to {:?}: {error}; trying again twice a second", self.place);
        }
        None
    }

    fn begin(&mut self) {
        if Instant::now() < self.next {
            return;
        }
        let (done, attempt) = channel();
        let place = self.place.clone();
        let connect = move || {
            // Nobody waits for it any more where the worker has ended.
            let _ = done.send(connect(&place));
        };
        // Without a thread, `attempt` is disconnected.
        let _ = std::thread::Builder::new().name("tap-connect".into()).spawn(connect);
        self.attempt = Some(attempt);
    }
}

fn connect(place: &Place) -> io::Result<Box<dyn Stream>> {
    match place {
        #[cfg(unix)]
        Place::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(Box::new(stream))
        }
        #[cfg(not(unix))]
        Place::Unix(_) => Err(io::Error::other("there are no Unix sockets here; use `tcp:`")),
        Place::Tcp(address) => tcp(TcpStream::connect(address)?),
    }
}

fn tcp(stream: TcpStream) -> io::Result<Box<dyn Stream>> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

/// Waits for readers.
pub(crate) enum Listener {
    #[cfg(unix)]
    Unix(UnixListener, PathBuf),
    Tcp(TcpListener),
}

impl Listener {
    fn bind(place: &Place) -> io::Result<Listener> {
        match place {
            #[cfg(unix)]
            Place::Unix(path) => Ok(Listener::Unix(bind_unix(path)?, path.clone())),
            #[cfg(not(unix))]
            Place::Unix(_) => Err(io::Error::other("there are no Unix sockets here; use `tcp:`")),
            Place::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Ok(Listener::Tcp(listener))
            }
        }
    }

    fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            #[cfg(unix)]
            Listener::Unix(listener, _) => {
                let stream = listener.accept()?.0;
                stream.set_nonblocking(true)?;
                Ok(Box::new(stream))
            }
            Listener::Tcp(listener) => tcp(listener.accept()?.0),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Listener::Unix(_, path) = self {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Binds a socket that only this user and group may connect to. One that a worker left behind is replaced.
#[cfg(unix)]
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};

    if let Ok(there) = std::fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(io::Error::other("there is a file that is no socket; remove it or name another"));
        }
        if UnixStream::connect(path).is_ok() {
            let text = "another process listens there already; stop it or name another file";
            return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
        }
    }
    // In a folder of its own nobody can connect before the mode is right.
    let folder = path.with_extension(format!("{}~", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let made = || {
        let inside = folder.join("s");
        let listener = UnixListener::bind(&inside)?;
        listener.set_nonblocking(true)?;
        std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o660))?;
        std::fs::rename(&inside, path)?;
        Ok(listener)
    };
    let listener = made();
    // Whatever went wrong, nothing is left behind.
    let _ = std::fs::remove_dir_all(&folder);
    listener
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("sfu-tap-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_socket_is_for_user_and_group_alone_and_is_gone_with_the_listener() {
        let folder = scratch("mode");
        let path = folder.join("tap.sock");
        let listener = Listener::bind(&Place::Unix(path.clone())).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(UnixStream::connect(&path).is_ok());
        assert!(listener.accept().is_ok());
        drop(listener);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        std::fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn what_a_worker_left_behind_is_replaced_and_everything_else_is_not() {
        let folder = scratch("taken");
        let (stale, live, file) = (folder.join("stale"), folder.join("live"), folder.join("file"));
        let bind = |path: &Path| Listener::bind(&Place::Unix(path.into()));
        drop(UnixListener::bind(&stale).unwrap());
        assert!(bind(&stale).is_ok());
        let other = UnixListener::bind(&live).unwrap();
        assert!(bind(&live).err().unwrap().to_string().contains("listens there already"));
        assert!(other.accept().is_ok(), "it is still there");
        std::fs::write(&file, "precious").unwrap();
        assert!(bind(&file).err().unwrap().to_string().contains("no socket"));
        assert_eq!(std::fs::read(&file).unwrap(), b"precious");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
