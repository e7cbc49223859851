//! The hooks.
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sfu_core::control::EventBody;
use sfu_core::media::Codec;
use sfu_core::plugin::{
    Attach, Cx, Error, Event, Plugin, PluginHandle, ProducerEvent, ProducerId, ProducerInfo, Responder, Rows,
    RtpPacket, Start, Stats, Target, Verdict, plugin,
};
use sfu_core::serde_json::{Value, json};
use sfu_core::tracing;

use crate::folder::{Folder, Store};
use crate::format::Formats;
use crate::name::{NameParts, Template};
use crate::participant::participant;
use crate::requests::Message;
use crate::settings::{
    AfterLoss, Choice, Config, DEFAULT_FILE, DEFAULT_PARTICIPANT_FILE, FileFormat, Options, Per, Request,
    matches, wrong_together,
};
use crate::status::{Registry, Totals, TrackStatus};
use crate::track::{Arrival, Outcome, Recording};
use crate::track_entry::is_playable;
use crate::wishes::{Wish, Wishes};
use crate::writer::{Open, Outfit, PlayOptions, WriterHandle};
use sfu_core::media::{PacketSender, packet_queue};

/// Encodings of a producer that are recorded at the most.
const MAX_ENCODINGS: usize = 16;
/// How long the end of the worker waits for files to be finished: it has 1.8 s, of which signaling may take 0.8 s.
const PATIENCE: Duration = Duration::from_millis(800);

/// Records producers as Janus MJR, WebM, Matroska, Ogg or pcapng, off the media thread.
pub struct Recorder {
    handle: PluginHandle<Message>,
    pub(crate) wishes: Wishes,
    config: Config,
    template: Template,
    queue: PacketSender,
    writer: Option<WriterHandle>,
    totals: Arc<Totals>,
    next_track: u32,
    dropped: u64,
    oversize: u64,
}

/// What the instances share.
pub struct Shared {
    pub(crate) folder: Folder,
    store: Arc<dyn Store>,
    pub(crate) registry: Arc<Registry>,
    /// The way to all instances; the same from each of them.
    pub(crate) handle: Mutex<Option<PluginHandle<Message>>>,
    /// Threads that read the folder now.
    pub(crate) readers: Arc<AtomicUsize>,
}

#[plugin(id = "recorder", off)]
impl Plugin for Recorder {
    type Config = Config;
    type Options = Options;
    type Request = Request;
    type Message = Message;
    type Shared = Shared;
    type Producer = Recording;

    fn shared(config: &Config) -> Result<Shared, Error> {
        config.check()?;
        let folder = Folder::new(&config.folder);
        folder.check().map_err(|error| {
            let text =
                format!("{}: {error}; name a folder, or one that can be made", config.folder.display());
            Error::at("plugins.recorder.folder", text)
        })?;
        Ok(Shared {
            folder,
            store: store(&config.folder),
            registry: Arc::default(),
            handle: Mutex::default(),
            readers: Arc::default(),
        })
    }

    fn new(config: Config, start: Start<'_, Self>) -> Result<Self, Error> {
        let template = config.check()?;
        let (shared, handle) = (start.shared().clone(), start.handle());
        *crate::status::lock(&shared.handle) = Some(handle.clone());
        let (queue, packets) = packet_queue(config.queue_bytes);
        let totals = Arc::<Totals>::default();
        let to_instance = handle.clone();
        let outfit = Outfit {
            store: shared.store.clone(),
            fsync: config.fsync,
            registry: shared.registry.clone(),
            totals: totals.clone(),
            tell: Box::new(move |notice| {
                if to_instance.send(Message::Notice(Arc::new(notice))).is_err() {
                    tracing::warn!("recorder: an event was lost, too many wait");
                }
            }),
        };
        let writer = WriterHandle::spawn(format!("recorder-{}", start.worker()), packets, outfit)
            .map_err(|error| Error::new(format!("can't start its writer thread: {error}")))?;
        Ok(Recorder {
            handle,
            wishes: Wishes::default(),
            config,
            template,
            queue,
            writer: Some(writer),
            totals,
            next_track: 0,
            dropped: 0,
            oversize: 0,
        })
    }

    /// Names of files and where video begins, for recordings that begin from now on.
    fn reconfigure(&mut self, config: Config, _: &mut Cx<'_>) -> Result<(), Error> {
        let template = config.check()?;
        if let Some(fixed) = self.config.fixed_field_changed(&config) {
            let text = "can't change while the worker runs; write it to the file and restart the worker";
            return Err(Error::at(format!("plugins.recorder.{fixed}"), text));
        }
        (self.config, self.template) = (config, template);
        Ok(())
    }

    fn stop(&mut self, _: &mut Cx<'_>) {
        if self.writer.take().is_some_and(|writer| !writer.finish(PATIENCE)) {
            tracing::error!("recorder: the disk is too slow, the end of recordings may be missing");
        }
    }

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Recording> {
        let stream = info.labels.get("stream");
        // A request for a stream is about what was there and what comes soon after.
        let left_out = stream.is_some_and(|stream| self.wishes.get(stream) == Some(&Wish::Leave));
        let chosen = |(name, pattern): (&String, &String)| {
            info.labels.get(name).is_some_and(|value| matches(pattern, value))
        };
        if (left_out && !info.late()) || !options.only.iter().all(chosen) {
            return Attach::Off;
        }
        // Files for audio alone are asked for by who wants no video.
        let format = options.format.unwrap_or(self.config.format);
        if format == FileFormat::Ogg && info.kind == sfu_core::control::MediaKind::Video {
            return Attach::Off;
        }
        match self.begin(info, options, cx) {
            Ok(recording) => {
                if info.late() && recording.is_gated() {
                    cx.request_key_frame(info.id);
                }
                Attach::On(recording)
            }
            Err(error) => {
                cx.notify(
                    info.id,
                    json!({
                        "event": "recorder.failed",
                        "error": error,
                        "producer": info.id,
                        "stream": stream,
                    }),
                );
                Attach::Off
            }
        }
    }

    fn producer_event(
        &mut self,
        id: ProducerId,
        event: &ProducerEvent,
        rows: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        let Some(recording) = rows.get_mut(id) else { return };
        match event {
            ProducerEvent::Paused => recording.pause(),
            ProducerEvent::Resumed => recording.resume(),
            _ => {}
        }
    }

    fn producer_closed(&mut self, _: ProducerId, recording: Recording, cx: &mut Cx<'_>) {
        let _ = cx;
        for track in &recording.tracks {
            if let Some(writer) = &self.writer {
                writer.close(track.id);
            }
        }
    }

    fn rtp_in(
        &mut self,
        recording: &mut Recording,
        packet: &mut RtpPacket<'_>,
        _: &mut (),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let Some(bytes) = packet.as_bytes() else { return Verdict::Forward };
        let arrival = Arrival { bytes, encoding: packet.encoding(), payload_type: packet.payload_type() };
        match recording.take(&arrival, cx.now(), &mut self.queue) {
            Outcome::Queued | Outcome::Ignored => {}
            Outcome::Dropped => self.dropped += 1,
            Outcome::Oversize => self.oversize += 1,
        }
        Verdict::Forward
    }

    fn request(
        &mut self,
        request: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        self.request_at(request, at, re, rows, cx);
    }

    async fn serve(shared: &Arc<Shared>, request: Request, re: Responder) {
        crate::requests::serve(shared, request, re);
    }

    fn message(&mut self, message: Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        self.receive(message, rows, cx);
    }

    fn event(&mut self, event: &Event, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let Target::Producer(id) = event.target else { return };
        if matches!(event.body, EventBody::Opened { .. } | EventBody::StreamStarted { .. })
            && !self.wishes.is_empty()
            && rows.get(id).is_none()
        {
            self.grant(id, cx);
        }
    }

    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        rows.for_each(|id: ProducerId, recording| {
            if recording.clocks.is_some() {
                for encoding in 0..recording.tracks.len().min(MAX_ENCODINGS) as u8 {
                    if let Some(clock) = cx.view().sender_clock(id, encoding) {
                        recording.take_clock(encoding, clock, &mut self.queue);
                    }
                }
            }
            if recording.wants_key_frame() {
                cx.request_key_frame(id);
            }
            let dropped = recording.dropped();
            let fresh = dropped - std::mem::replace(&mut recording.told_dropped, dropped);
            if fresh > 0 {
                let stream = recording.tracks.first().and_then(|track| track.status.stream.clone());
                cx.notify(
                    id,
                    json!({
                        "event": "recorder.dropped",
                        "packets": fresh,
                        "total": dropped,
                        "producer": id,
                        "stream": stream,
                    }),
                );
            }
        });
        self.renew_wishes(cx);
    }

    fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        // There is no view to ask: a recording knows what its producer belongs to.
        let recordings = rows.iter::<ProducerId>().filter(|(_, recording)| recording.lineage.contains(&at));
        let (mut active, mut packets, mut bytes, mut dropped, mut oversize) = (0u64, 0u64, 0u64, 0u64, 0u64);
        for (_, recording) in recordings {
            for track in &recording.tracks {
                active += u64::from(!track.failed);
                packets += track.status.packets.get();
                bytes += track.status.bytes.get();
                dropped += track.status.dropped.get();
                oversize += track.status.oversize.get();
            }
        }
        out.put_sum("active", active);
        if at == Target::Worker {
            // With all that was recorded before.
            let totals = &self.totals;
            (packets, bytes) = (totals.packets.get(), totals.bytes.get());
            (dropped, oversize) = (self.dropped, self.oversize);
            out.put_sum("files", totals.files.get());
            out.put_sum("failed", totals.failed.get());
            out.put_max("queue_bytes", self.queue.waiting());
            out.put_max("queue_peak_bytes", totals.queue_peak.get());
        }
        out.put_sum("packets", packets);
        out.put_sum("bytes", bytes);
        out.put_sum("dropped", dropped);
        out.put_sum("oversize", oversize);
    }
}

/// What files are made by; a test may have put something else in the folder's place.
fn store(folder: &Path) -> Arc<dyn Store> {
    #[cfg(test)]
    if let Some(store) = crate::stalled::instead_of(folder) {
        return store;
    }
    Arc::new(Folder::new(folder))
}

impl Recorder {
    /// Begins the recording of a producer; the text says why not.
    fn begin(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        cx: &Cx<'_>,
    ) -> Result<Recording, String> {
        let format = options.format.unwrap_or(self.config.format);
        // Chosen without a format or with another one than configured, what is configured for files must not be in the way.
        let per = options.per.unwrap_or(match format {
            FileFormat::Webm | FileFormat::Pcapng => self.config.per,
            FileFormat::Mjr | FileFormat::Ogg => Per::Stream,
        });
        if let Some(error) = wrong_together(format, per) {
            return Err(error.to_owned());
        }
        let own = match (&options.file, per) {
            (Some(file), _) => Some(file.as_str()),
            (None, Per::Participant) if self.config.file == DEFAULT_FILE => Some(DEFAULT_PARTICIPANT_FILE),
            _ => None,
        };
        let own = own.map(Template::parse).transpose().map_err(|error| error.to_string())?;
        let template = own.as_ref().unwrap_or(&self.template);
        let writer = self.writer.as_ref().ok_or("the worker stops")?;
        let mut formats = Formats::of(info.kind, info.rtp_parameters);
        match format {
            FileFormat::Mjr => {}
            FileFormat::Webm => formats.formats.retain(|format| is_playable(format.media)),
            FileFormat::Ogg => formats.formats.retain(|format| format.media == Codec::Opus),
            FileFormat::Pcapng => formats.takes_any = true,
        }
        let formats = Arc::new(formats);
        let codec = formats.formats.first().map(|format| format.codec);
        let codec = codec.or((format == FileFormat::Pcapng).then_some("other")).ok_or(match format {
            FileFormat::Mjr | FileFormat::Pcapng => "it sends nothing that can be recorded",
            FileFormat::Webm | FileFormat::Ogg => "it sends nothing that such files hold: VP8, VP9, AV1, H264 or Opus; choose `format = \"mjr\"`",
        })?;
        let is_video = formats.kind == sfu_core::control::MediaKind::Video;
        let gated = match format {
            FileFormat::Webm | FileFormat::Ogg => is_video,
            FileFormat::Mjr => is_video && self.config.wait_for_key_frame,
            FileFormat::Pcapng => false,
        };
        let router = cx.view().known_router(info.router);
        let participant = participant(info, router);
        let opened = (cx.now(), SystemTime::now());
        let text = |id: &dyn std::fmt::Display| id.to_string();
        let (producer, transport, router) = (text(&info.id), text(&info.transport), text(&router));
        let session = info.session.map(|id| id.to_string()).unwrap_or_default();
        let mut tracks: Vec<(u32, Arc<TrackStatus>)> = Vec::new();
        for encoding in 0..info.rtp_parameters.encodings.len().clamp(1, MAX_ENCODINGS) as u8 {
            let stem = template.stem(&NameParts {
                kind: formats.kind_name(),
                codec,
                started: opened.1,
                encoding,
                producer: &producer,
                participant: &participant.name,
                transport: &transport,
                session: &session,
                router: &router,
                label: &|name| info.labels.get(name).map(str::to_owned),
            });
            let stream = info.labels.get("stream").map(str::to_owned);
            let status =
                Arc::new(TrackStatus::new(info.id, stream, formats.kind_name(), encoding, opened.1, format));
            let track = self.next_track;
            self.next_track = self.next_track.wrapping_add(1);
            let file: Arc<str> = match per {
                Per::Participant => participant.key.clone(),
                Per::Stream => format!("track {track}").into(),
            };
            let open = Open {
                track,
                opened,
                stem,
                formats: formats.clone(),
                status: status.clone(),
                limits: self.config.limits(),
                gated,
                capture: (format == FileFormat::Pcapng).then(|| file.clone()),
                play: format.is_played().then_some(PlayOptions {
                    is_ogg: format == FileFormat::Ogg,
                    per,
                    keep_after_loss: self.config.after_loss == AfterLoss::Keep,
                    file,
                }),
            };
            if let Err(refused) = writer.open(open) {
                // All encodings or none.
                tracks.iter().for_each(|(track, _)| writer.close(*track));
                return Err(refused.to_string());
            }
            tracks.push((track, status));
        }
        let lineage = cx.view().lineage(info.id.into()).into_iter().collect();
        let recording = Recording::new(tracks, formats, opened.0, gated, info.paused, lineage);
        Ok(if format == FileFormat::Mjr { recording } else { recording.with_clocks() })
    }

    /// Records a producer that has just begun, if its stream was asked for.
    fn grant(&self, id: ProducerId, cx: &mut Cx<'_>) {
        let Some(stream) =
            cx.view().producer(id).and_then(|view| view.labels.get("stream").map(str::to_owned))
        else {
            return;
        };
        if let Some(Wish::Record(choice)) = self.wishes.get(&stream) {
            let options = options_with(choice);
            cx.enable(Self::META.id, id, options);
        }
    }

    /// Records again what has failed of a producer, in other files.
    pub(crate) fn again(&self, recording: &mut Recording) {
        let Some(writer) = &self.writer else { return };
        recording.again().into_iter().for_each(|track| writer.again(track));
    }

    fn renew_wishes(&mut self, cx: &Cx<'_>) {
        let due = self.wishes.due(cx.now());
        if due.is_empty() {
            return;
        }
        let view = cx.view();
        let live = view.below::<ProducerId>(Target::Worker);
        for stream in due {
            let lives = |id: &ProducerId| {
                view.producer(*id).is_some_and(|view| view.labels.get("stream") == Some(&*stream))
            };
            if live.iter().any(lives) {
                // Lost, it is told again in time.
                let _ = self.handle.broadcast(Message::Alive(stream));
            }
        }
    }
}

/// Options that go with `enable`: null leaves a recording that runs as it is.
pub(crate) fn options_with(choice: &Choice) -> Value {
    if *choice == Choice::default() { Value::Null } else { json!(choice) }
}
