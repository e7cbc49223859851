//! The hooks.
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime};

use sfu_core::control::MediaKind;
use sfu_core::media::{MAX_QUEUED_LEN, PacketLabel, PacketSender, packet_queue};
use sfu_core::plugin::{
    Attach, Cx, Error, Plugin, PluginHandle, ProducerEvent, ProducerId, ProducerInfo, Responder, Rows,
    RtpPacket, SenderClock, Start, Stats, Target, Verdict, plugin,
};
use sfu_core::serde_json::json;
use sfu_core::tracing;

use crate::capture::Reading;
use crate::exporter::{Epoch, ExporterHandle, Job, Message, REPORT, TIME};
use crate::figures::{Common, Figures};
use crate::format::{Format, bit, payload_types};
use crate::reader::Limits;
use crate::settings::{Config, Options, Request, Way};
use crate::socket::Door;
use crate::track::Opening;

/// Encodings of a producer that are handed out at the most.
const MAX_ENCODINGS: usize = 16;
/// How long the end of a media thread waits for readers: the worker has 1.8 s, of which signaling may take 0.8 s.
const PATIENCE: Duration = Duration::from_millis(800);

/// Hands encoded frames of producers to another process over a socket.
pub struct Tap {
    worker: u8,
    common: Arc<Common>,
    exporter: Option<ExporterHandle>,
    queue: Option<PacketSender>,
    handle: PluginHandle<Message>,
    epoch: Option<Epoch>,
    next_track: u32,
    ring_full: u64,
    oversize: u64,
}

/// What the instances share.
pub struct Shared {
    common: Arc<Common>,
    /// None where no place is configured.
    exporter: Option<ExporterHandle>,
}

/// A producer whose frames are handed out.
pub struct Tapped {
    /// By the index of the encoding; none for those that were not chosen.
    tracks: Vec<Option<Source>>,
    payload_types: u128,
    video: bool,
    /// Nobody read when the last packet came.
    is_idle: bool,
    /// The producer, and what it belongs to.
    lineage: Vec<Target>,
}

/// One encoding of it. With it, its track ends.
struct Source {
    track: u32,
    restart: bool,
    /// What was told of its clock last.
    clock: Option<SenderClock>,
    figures: Arc<Figures>,
    handle: ExporterHandle,
    worker: u8,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.handle.send(Job::Close { worker: self.worker, track: self.track });
    }
}

#[plugin(id = "tap", off, tick_ms = 100)]
impl Plugin for Tap {
    type Config = Config;
    type Options = Options;
    type Request = Request;
    type Message = Message;
    type Shared = Shared;
    type Producer = Tapped;

    fn shared(config: &Config) -> Result<Shared, Error> {
        let way = config.check()?;
        let common = Arc::<Common>::default();
        if way == Way::Nowhere {
            return Ok(Shared { common, exporter: None });
        }
        let at = config.listen.as_ref().map(ToString::to_string).unwrap_or_default();
        let door = Door::open(way)
            .map_err(|error| Error::at("plugins.tap.listen", format!("can't listen at {at}: {error}")))?;
        let limits = Limits { frames: config.queue_frames, bytes: config.queue_bytes };
        let exporter = ExporterHandle::spawn(door, limits, common.clone())
            .map_err(|error| Error::new(format!("can't start its thread: {error}")))?;
        Ok(Shared { common, exporter: Some(exporter) })
    }

    fn new(config: Config, start: Start<'_, Self>) -> Result<Self, Error> {
        config.check()?;
        let (shared, worker) = (start.shared(), start.worker());
        let queue = shared.exporter.as_ref().map(|exporter| {
            let (queue, packets) = packet_queue(config.ring_bytes);
            exporter.send(Job::Ring { worker, packets, handle: start.handle() });
            queue
        });
        Ok(Tap {
            worker,
            common: shared.common.clone(),
            exporter: shared.exporter.clone(),
            queue,
            handle: start.handle(),
            epoch: None,
            next_track: 0,
            ring_full: 0,
            oversize: 0,
        })
    }

    fn stop(&mut self, _: &mut Cx<'_>) {
        let Some(exporter) = self.exporter.take() else { return };
        let (done, wait) = sync_channel(1);
        exporter.send(Job::Stop { worker: self.worker, done });
        if wait.recv_timeout(PATIENCE).is_err() {
            tracing::warn!("tap: readers are too slow, the end of streams may be missing");
        }
    }

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Tapped> {
        if options.kind.is_some_and(|kind| kind != info.kind) {
            return Attach::Off;
        }
        let formats = Arc::new(Format::all(info.rtp_parameters));
        if formats.is_empty() {
            return Attach::Off;
        }
        match self.begin(info, options, formats, cx) {
            Ok(tapped) => Attach::On(tapped),
            Err(error) => {
                cx.notify(info.id, json!({ "event": "tap.failed", "producer": info.id, "error": error }));
                Attach::Off
            }
        }
    }

    fn producer_event(
        &mut self,
        id: ProducerId,
        event: &ProducerEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        if *event == ProducerEvent::Resumed
            && let Some(tapped) = rows.get_mut(id)
        {
            tapped.restart();
            if tapped.video && self.common.has_readers() {
                cx.request_key_frame(id);
            }
        }
    }

    fn rtp_in(&mut self, st: &mut Tapped, pkt: &mut RtpPacket<'_>, _: &mut (), cx: &mut Cx<'_>) -> Verdict {
        if !self.common.has_readers() {
            st.is_idle = true;
            return Verdict::Forward;
        }
        if std::mem::take(&mut st.is_idle) {
            st.restart();
        }
        let known = st.payload_types & bit(pkt.payload_type()) != 0;
        let source = st.tracks.get_mut(usize::from(pkt.encoding())).and_then(Option::as_mut);
        let (Some(source), true, Some(bytes)) = (source, known, pkt.as_bytes()) else {
            return Verdict::Forward;
        };
        if bytes.len() > MAX_QUEUED_LEN {
            self.oversize += 1;
            return Verdict::Forward;
        }
        let (Some(epoch), Some(queue)) = (self.epoch, &mut self.queue) else { return Verdict::Forward };
        let at = cx.now().saturating_duration_since(epoch.instant).as_nanos() as u64;
        match queue
            .push(PacketLabel { track: source.track, at, restart: source.restart, aside: false }, bytes)
        {
            Ok(()) => source.restart = false,
            Err(_) => self.ring_full += 1,
        }
        Verdict::Forward
    }

    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        if !self.common.has_readers() || rows.iter::<ProducerId>().next().is_none() {
            return;
        }
        self.queue_besides(TIME, &[], cx);
        rows.for_each(|id: ProducerId, tapped| {
            for (encoding, source) in tapped.tracks.iter_mut().enumerate() {
                let Some(source) = source else { continue };
                let clock = cx.view().sender_clock(id, encoding as u8);
                if let Some(clock) = clock.filter(|_| clock != source.clock)
                    && self.tell_clock(source.track, clock, cx)
                {
                    source.clock = Some(clock);
                }
            }
        });
    }

    fn request(
        &mut self,
        Request::List {}: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        let below = rows.iter::<ProducerId>().filter(|(_, tapped)| tapped.lineage.contains(&at));
        let producers: Vec<ProducerId> = below.map(|(id, _)| id).collect();
        let common = self.common.clone();
        // The list is behind a lock.
        self.handle.spawn(async move { re.ok(common.list(Some(&producers))) });
    }

    async fn serve(shared: &Arc<Shared>, Request::List {}: Request, re: Responder) {
        re.ok(shared.common.list(None));
    }

    fn message(&mut self, message: Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match message {
            Message::KeyFrame(producer) => {
                if rows.get(producer).is_some() {
                    cx.request_key_frame(producer);
                }
            }
            Message::Notice(body) => cx.notify(Target::Worker, (*body).clone()),
        }
    }

    fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        let chosen = rows.iter::<ProducerId>().filter(|(_, tapped)| tapped.lineage.contains(&at));
        let sources = chosen.flat_map(|(_, tapped)| tapped.tracks.iter().flatten());
        let (mut tracks, mut frames, mut bytes, mut incomplete, mut late) = (0u64, 0u64, 0u64, 0u64, 0u64);
        for source in sources {
            tracks += 1;
            frames += source.figures.frames.get();
            bytes += source.figures.bytes.get();
            incomplete += source.figures.incomplete.get();
            late += source.figures.late.get();
        }
        out.put_sum("tracks", tracks);
        if at == Target::Worker {
            // What belongs to no media thread is told by the first one.
            let first = u64::from(self.worker == 0);
            let (totals, readers) = (&self.common.totals, &self.common.reader_totals);
            (frames, bytes) = (first * totals.frames.get(), first * totals.bytes.get());
            // With all that has ended.
            incomplete += first * totals.incomplete.get();
            late += first * totals.late.get();
            out.put_sum("dropped_ring_full", self.ring_full);
            out.put_sum("oversize_packets", self.oversize);
            for (name, value) in [
                ("readers", self.common.readers.load(std::sync::atomic::Ordering::Relaxed) as u64),
                ("refused_readers", self.common.refused.get()),
                ("sent_frames", readers.frames.get()),
                ("sent_bytes", readers.bytes.get()),
                ("dropped_queue_full", readers.queue_full.get()),
                ("dropped_no_key_frame", readers.no_key_frame.get()),
            ] {
                out.put_sum(name, first * value);
            }
        }
        out.put_sum("frames", frames);
        out.put_sum("bytes", bytes);
        out.put_sum("incomplete_frames", incomplete);
        out.put_sum("late_packets", late);
    }
}

impl Tapped {
    /// What comes next does not go on where the last packet ended.
    fn restart(&mut self) {
        self.tracks.iter_mut().flatten().for_each(|source| source.restart = true);
    }
}

impl Tap {
    /// Begins the tracks of a producer; the text says why not.
    fn begin(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        formats: Arc<Vec<Format>>,
        cx: &Cx<'_>,
    ) -> Result<Tapped, String> {
        let exporter = self
            .exporter
            .clone()
            .ok_or("plugins.tap: no place is configured; name one in `connect` or `listen`, and restart")?;
        let now = cx.now();
        let epoch = *self.epoch.get_or_insert_with(|| Epoch { instant: now, wall: SystemTime::now() });
        let video = info.kind == MediaKind::Video;
        let about = json!({
            "producer": info.id,
            "kind": info.kind,
            "labels": info.labels,
        });
        let mut tracks = Vec::new();
        for encoding in 0..info.rtp_parameters.encodings.len().clamp(1, MAX_ENCODINGS) as u8 {
            if options.encoding.is_some_and(|chosen| chosen != encoding) {
                tracks.push(None);
                continue;
            }
            let track = self.next_track;
            self.next_track = (track + 1) % TIME;
            let figures = Arc::<Figures>::default();
            let opening = Opening {
                producer: info.id,
                encoding,
                video,
                about: about.clone(),
                formats: formats.clone(),
                figures: figures.clone(),
            };
            if !exporter.open(self.worker, track, epoch, opening) {
                return Err("too many streams wait to begin; begin fewer at once".to_owned());
            }
            let (handle, worker) = (exporter.clone(), self.worker);
            tracks.push(Some(Source { track, restart: false, clock: None, figures, handle, worker }));
        }
        Ok(Tapped {
            tracks,
            payload_types: payload_types(&formats),
            video,
            is_idle: false,
            lineage: cx.view().lineage(info.id.into()).into_iter().collect(),
        })
    }

    /// Queues how the clock of a track stands to ours; `false` where there is no room.
    fn tell_clock(&mut self, track: u32, clock: SenderClock, cx: &Cx<'_>) -> bool {
        let Some(epoch) = self.epoch else { return false };
        let at = match clock.at.checked_duration_since(epoch.instant) {
            Some(after) => after.as_nanos() as i64,
            None => -(epoch.instant.saturating_duration_since(clock.at).as_nanos() as i64),
        };
        let reading = Reading { timestamp: clock.rtp_timestamp, at };
        self.queue_besides(REPORT | track, &reading.to_bytes(), cx)
    }

    /// Queues something that is no packet; `false` where there is no room.
    fn queue_besides(&mut self, track: u32, bytes: &[u8], cx: &Cx<'_>) -> bool {
        let (Some(epoch), Some(queue)) = (self.epoch, &mut self.queue) else { return false };
        let at = cx.now().saturating_duration_since(epoch.instant).as_nanos() as u64;
        queue.push(PacketLabel { track, at, restart: false, aside: false }, bytes).is_ok()
    }
}
