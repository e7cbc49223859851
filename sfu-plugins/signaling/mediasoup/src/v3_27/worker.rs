use sfu_mediasoup_process::usage;

use super::Desk;
use super::perform::Answer;
use crate::log::{LogLevel, LogTags};
use crate::refusal::Refusal;
use crate::registry::{Entity, Kind, Link};
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::worker::{
    ChannelMessageHandlers, DumpResponse, ResourceUsageResponse, UpdateSettingsRequest,
};

impl Desk {
    pub(super) fn worker_dump(&self) -> Body {
        let of_kind = |kind| {
            let entries = self.registry.iter().filter(move |(_, entry)| entry.entity.kind() == kind);
            entries.map(|(_, entry)| entry.id.clone()).collect()
        };
        let listens = |entity: &Entity| match entity {
            Entity::Transport(facts) => facts.link == Link::Direct,
            entity => matches!(entity.kind(), Kind::Producer | Kind::DataProducer),
        };
        let listening = self.registry.iter().filter(|(_, entry)| listens(&entry.entity));
        Body::WorkerDumpResponse(DumpResponse {
            pid: std::process::id(),
            web_rtc_server_ids: of_kind(Kind::WebRtcServer),
            router_ids: of_kind(Kind::Router),
            channel_message_handlers: ChannelMessageHandlers {
                channel_request_handlers: self.registry.iter().map(|(_, entry)| entry.id.clone()).collect(),
                channel_notification_handlers: listening.map(|(_, entry)| entry.id.clone()).collect(),
            },
        })
    }

    pub(super) fn worker_usage(&self) -> Answer {
        let used = usage()
            .map_err(|error| Refusal::error(format_args!("signaling.mediasoup: getrusage: {error}")))?;
        Ok(Some(Body::WorkerResourceUsageResponse(ResourceUsageResponse {
            ru_utime: used.utime,
            ru_stime: used.stime,
            ru_maxrss: used.maxrss,
            ru_ixrss: used.ixrss,
            ru_idrss: used.idrss,
            ru_isrss: used.isrss,
            ru_minflt: used.minflt,
            ru_majflt: used.majflt,
            ru_nswap: used.nswap,
            ru_inblock: used.inblock,
            ru_oublock: used.oublock,
            ru_msgsnd: used.msgsnd,
            ru_msgrcv: used.msgrcv,
            ru_nsignals: used.nsignals,
            ru_nvcsw: used.nvcsw,
            ru_nivcsw: used.nivcsw,
        })))
    }

    pub(super) fn worker_update_settings(&mut self, settings: UpdateSettingsRequest) -> Answer {
        let mut filter = self.log.filter();
        if let Some(level) = settings.log_level {
            filter.level = LogLevel::parse(&level).map_err(Refusal::type_error)?;
        }
        if let Some(tags) = settings.log_tags {
            filter.tags = LogTags::parse(tags);
        }
        self.log.set(filter);
        Ok(None)
    }
}
