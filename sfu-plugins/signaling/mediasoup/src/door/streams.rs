use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net;

use sfu_mediasoup_process::ChannelFds;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::channel::{Channel, Outbox};

/// Messages that one call to the system takes.
const SLICES: usize = 64;

/// Read at once; bytes.
const CHUNK: usize = 64 << 10;

/// File descriptors 3 and 4.
pub(crate) struct Streams {
    pub(super) input: Input,
    pub(super) output: Output,
}

impl Streams {
    /// Must be called on tokio.
    pub(crate) fn new(fds: ChannelFds) -> io::Result<Self> {
        let source = match is_pipe(&fds.input)? {
            true => Source::Pipe(pipe::Receiver::from_owned_fd(fds.input)?),
            false => Source::Socket(UnixStream::from_std(net::UnixStream::from(fds.input))?),
        };
        let sink = match is_pipe(&fds.output)? {
            true => Sink::Pipe(pipe::Sender::from_owned_fd(fds.output)?),
            false => Sink::Socket(UnixStream::from_std(net::UnixStream::from(fds.output))?),
        };
        Ok(Self {
            input: Input { source, buffer: vec![0; CHUNK].into() },
            output: Output { sink, is_deaf: false },
        })
    }
}

/// Node hands over sockets; others may take pipes.
fn is_pipe(fd: &OwnedFd) -> io::Result<bool> {
    Ok(File::from(fd.try_clone()?).metadata()?.file_type().is_fifo())
}

enum Source {
    Socket(UnixStream),
    Pipe(pipe::Receiver),
}

enum Sink {
    Socket(UnixStream),
    Pipe(pipe::Sender),
}

/// What the library says.
pub(crate) struct Input {
    source: Source,
    buffer: Box<[u8]>,
}

impl Input {
    /// Waits until there is something to read.
    pub(super) async fn readable(&self) {
        // What fails fails in `read` again.
        let _ = match &self.source {
            Source::Socket(socket) => socket.readable().await,
            Source::Pipe(pipe) => pipe.readable().await,
        };
    }

    /// Reads what is there; `false` if the library is gone.
    pub(super) fn read(&mut self, channel: &mut Channel) -> bool {
        let read = match &self.source {
            Source::Socket(socket) => socket.try_read(&mut self.buffer),
            Source::Pipe(pipe) => pipe.try_read(&mut self.buffer),
        };
        match read {
            Ok(0) => false,
            Ok(length) => {
                channel.receive(self.buffer.get(..length).unwrap_or_default());
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}

/// What the library is told.
pub(crate) struct Output {
    sink: Sink,
    /// Nobody reads it any more; requests may still come.
    is_deaf: bool,
}

impl Output {
    /// Waits until something can be written.
    pub(super) async fn writable(&self) {
        let _ = match &self.sink {
            Sink::Socket(socket) => socket.writable().await,
            Sink::Pipe(pipe) => pipe.writable().await,
        };
    }

    /// Writes as much as is taken.
    pub(super) fn write(&mut self, out: &mut Outbox) {
        while !out.is_empty() {
            if self.is_deaf {
                let waiting = out.chunks().map(<[u8]>::len).sum();
                out.advance(waiting);
                return;
            }
            let slices: Vec<IoSlice<'_>> = out.chunks().take(SLICES).map(IoSlice::new).collect();
            let written = match &self.sink {
                Sink::Socket(socket) => socket.try_write_vectored(&slices),
                Sink::Pipe(pipe) => pipe.try_write_vectored(&slices),
            };
            match written {
                Ok(length) => out.advance(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return out.block(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // The channel is where the log goes.
                    eprintln!("signaling.mediasoup: the library does not take what it is told: {error}");
                    self.is_deaf = true;
                }
            }
        }
    }

    /// Writes everything, as fast as it is read.
    pub(super) async fn drain(&mut self, out: &mut Outbox) {
        self.write(out);
        while !out.is_empty() {
            self.writable().await;
            self.write(out);
        }
    }
}
