//! The worker itself.
use super::transport::ListenInfo;
use crate::flat::schema;

schema! {
    namespace "Worker";

    table ChannelMessageHandlers {
        channel_request_handlers: Vec<String>,
        channel_notification_handlers: Vec<String>,
    }

    table DumpResponse {
        pid: u32,
        web_rtc_server_ids: Vec<String>,
        router_ids: Vec<String>,
        channel_message_handlers: ChannelMessageHandlers,
    }

    /// As getrusage(2) says it, but times in milliseconds.
    table ResourceUsageResponse {
        ru_utime: u64,
        ru_stime: u64,
        ru_maxrss: u64,
        ru_ixrss: u64,
        ru_idrss: u64,
        ru_isrss: u64,
        ru_minflt: u64,
        ru_majflt: u64,
        ru_nswap: u64,
        ru_inblock: u64,
        ru_oublock: u64,
        ru_msgsnd: u64,
        ru_msgrcv: u64,
        ru_nsignals: u64,
        ru_nvcsw: u64,
        ru_nivcsw: u64,
    }

    /// What is absent stays as it is.
    table UpdateSettingsRequest {
        log_level: Option<String>,
        log_tags: Option<Vec<String>>,
    }

    table CreateWebRtcServerRequest {
        web_rtc_server_id: String,
        listen_infos: Option<Vec<ListenInfo>>,
    }

    table CloseWebRtcServerRequest {
        web_rtc_server_id: String,
    }

    table CreateRouterRequest {
        router_id: String,
    }

    table CloseRouterRequest {
        router_id: String,
    }
}
