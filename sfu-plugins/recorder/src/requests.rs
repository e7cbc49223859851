//! Requests, and the messages that carry them to all media threads.
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sfu_core::plugin::{Cx, Plugin, ProducerId, Responder, Rows, Target};
use sfu_core::serde_json::{Value, json};

use crate::gather::Gather;
use crate::name::Template;
use crate::plugin::{Recorder, Shared, options_with};
use crate::settings::{Choice, Request, wrong_together};
use crate::status::lock;
use crate::wishes::Wish;
use crate::writer::Notice;
use crate::{CODE_FAILED, CODE_INVALID, CODE_MISSING};

/// Files listed where the request gives no limit, and at the most.
const LIST: (usize, usize) = (100, 1000);
/// Threads that may read the folder at once: on a disk that stalls they would pile up.
const MAX_READERS: usize = 4;

/// What instances tell each other, and their writers tell them.
#[derive(Clone)]
pub enum Message {
    /// A stream is to be recorded, or not.
    Stream {
        /// Label `stream`.
        stream: Arc<str>,
        /// What is wanted.
        wish: Wish,
        /// Takes what was found.
        answer: Arc<Gather>,
    },
    /// A stream that a request named has producers, on some media thread.
    Alive(Arc<str>),
    /// The writer has something to tell.
    Notice(Arc<Notice>),
}

/// A request without a target, off the media threads.
pub fn serve(shared: &Arc<Shared>, request: Request, re: Responder) {
    match request {
        Request::Start { stream, file, format, per } => {
            let choice = Choice { file, format, per };
            if let Some(error) = wrong_choice(&choice) {
                return re.error(CODE_INVALID, error);
            }
            broadcast(shared, stream, Wish::Record(Arc::new(choice)), re);
        }
        Request::Stop { stream } => broadcast(shared, stream, Wish::Leave, re),
        Request::Status {} => {
            let active: Vec<Value> = shared.registry.all().iter().map(|track| track.to_json()).collect();
            re.ok(json!({ "active": active }));
        }
        Request::List { limit } => {
            let limit = limit.unwrap_or(LIST.0).min(LIST.1);
            read(shared, re, move |shared| {
                let all = shared.registry.all();
                let active = all.iter().filter(|track| !track.has_failed());
                let active: Vec<String> = active.map(|track| track.file()).collect();
                shared.folder.list(limit, &|name| active.iter().any(|file| file == name))
            });
        }
        Request::Locate { file } => read(shared, re, move |shared| {
            let path = shared.folder.locate(&file)?;
            let text = |path: PathBuf| {
                let odd = |_| std::io::Error::other("the folder's name is no UTF-8");
                path.into_os_string().into_string().map_err(odd)
            };
            Ok(json!({ "path": path.map(text).transpose()? }))
        }),
    }
}

fn wrong_choice(choice: &Choice) -> Option<String> {
    if let Some(Err(error)) = choice.file.as_deref().map(Template::parse) {
        return Some(format!("plugins.recorder.file: {error}"));
    }
    // Without a format it is the configured one, about which each producer is told.
    let error = wrong_together(choice.format?, choice.per?)?;
    Some(format!("plugins.recorder.per: {error}"))
}

fn broadcast(shared: &Shared, stream: Option<String>, wish: Wish, re: Responder) {
    let Some(stream) = stream else {
        return re.error(
            CODE_MISSING,
            "plugins.recorder: which one? give a `stream`, or send the request to a target",
        );
    };
    let Some(handle) = lock(&shared.handle).clone() else {
        return re.error(CODE_FAILED, "plugins.recorder: not started yet");
    };
    let answer = Arc::new(Gather::new(&stream, re));
    let message = Message::Stream { stream: stream.into(), wish, answer: answer.clone() };
    if handle.broadcast(message).is_err() {
        answer.miss();
    }
}

/// Looks into the folder in a thread of its own: a disk may take its time.
fn read(
    shared: &Arc<Shared>,
    re: Responder,
    look: impl FnOnce(&Shared) -> std::io::Result<Value> + Send + 'static,
) {
    if shared.readers.fetch_add(1, Ordering::Relaxed) >= MAX_READERS {
        shared.readers.fetch_sub(1, Ordering::Relaxed);
        return re.error(CODE_FAILED, "plugins.recorder: the folder is being read already, try again");
    }
    let (readers, shared) = (shared.readers.clone(), shared.clone());
    let read = move || {
        let outcome = look(&shared);
        shared.readers.fetch_sub(1, Ordering::Relaxed);
        match outcome {
            Ok(found) => re.ok(found),
            Err(error) => {
                re.error(CODE_FAILED, format!("plugins.recorder: the folder can't be read: {error}"));
            }
        }
    };
    if std::thread::Builder::new().name("recorder-list".into()).spawn(read).is_err() {
        // The closure was dropped, and with it the request was answered.
        readers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Recorder {
    /// A request about an entity of this media thread.
    pub(crate) fn request_at(
        &mut self,
        request: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        if matches!(at, Target::Consumer(_) | Target::DataProducer(_) | Target::DataConsumer(_)) {
            let text =
                "plugins.recorder: producers are recorded; name one, or its transport, session or router";
            return re.error(CODE_INVALID, text);
        }
        if matches!(&request, Request::Start { stream: Some(_), .. } | Request::Stop { stream: Some(_) }) {
            let text = "plugins.recorder.stream: the request has a target; leave one of the two out";
            return re.error(CODE_INVALID, text);
        }
        match request {
            Request::Start { file, format, per, .. } => {
                let choice = Choice { file, format, per };
                if let Some(error) = wrong_choice(&choice) {
                    return re.error(CODE_INVALID, error);
                }
                let producers = cx.view().below::<ProducerId>(at);
                if choice == Choice::default() {
                    for id in &producers {
                        if let Some(recording) = rows.get_mut(*id) {
                            self.again(recording);
                        }
                    }
                }
                cx.enable(Self::META.id, at, options_with(&choice));
                re.ok(json!({ "producers": producers }));
            }
            Request::Stop { .. } => {
                let producers: Vec<ProducerId> = rows
                    .iter::<ProducerId>()
                    .filter(|(id, _)| cx.view().is_below(*id, at))
                    .map(|(id, _)| id)
                    .collect();
                cx.disable(Self::META.id, at);
                re.ok(json!({ "producers": producers }));
            }
            Request::Status {} => {
                let recordings = rows.iter::<ProducerId>().filter(|(id, _)| cx.view().is_below(*id, at));
                let tracks = recordings.flat_map(|(_, recording)| &recording.tracks);
                let active: Vec<Value> = tracks.map(|track| track.status.to_json()).collect();
                re.ok(json!({ "active": active }));
            }
            Request::List { .. } | Request::Locate { .. } => {
                let text =
                    "plugins.recorder: this is about the whole folder; send the request without a target";
                re.error(CODE_INVALID, text);
            }
        }
    }

    pub(crate) fn receive(&mut self, message: Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match message {
            Message::Stream { stream, wish, answer } => self.wish(stream, wish, &answer, rows, cx),
            Message::Alive(stream) => self.wishes.renew(&stream, cx.now()),
            Message::Notice(notice) => {
                if let (Some(failed), Some(recording)) = (notice.failed, rows.get_mut(notice.producer)) {
                    recording.fail(failed);
                }
                cx.notify(notice.producer, notice.body.clone());
            }
        }
    }

    fn wish(
        &mut self,
        stream: Arc<str>,
        wish: Wish,
        answer: &Gather,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let mut producers = cx.view().below::<ProducerId>(Target::Worker);
        producers.retain(|id| {
            cx.view().producer(*id).is_some_and(|view| view.labels.get("stream") == Some(&*stream))
        });
        for id in &producers {
            match (&wish, rows.get_mut(*id)) {
                (Wish::Record(choice), None) => cx.enable(Self::META.id, *id, options_with(choice)),
                // What is recorded goes on in the same file.
                (Wish::Record(_), Some(recording)) => self.again(recording),
                (Wish::Leave, Some(_)) => cx.disable(Self::META.id, *id),
                (Wish::Leave, None) => {}
            }
        }
        if !self.wishes.set(stream, wish, cx.now()) {
            answer.miss();
        }
        answer.add(producers);
    }
}
