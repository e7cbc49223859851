{%- assign id = project-name | remove_first: "sfu-" -%}
{%- assign type = id | upper_camel_case -%}
//! {{about}}
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ {{crate_name}}::{{type}} ];
//! }
//! ```
#![forbid(unsafe_code)]

use sfu_core::plugin::*;
use sfu_core::serde_json::json;

/// The table `[plugins.{{id}}]`.
#[config]
#[derive(Debug, Clone)]
pub struct Config {
    /// Every so many packets of a producer an event tells of it; 0 tells nothing.
    pub tell_every: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config { tell_every: 1000 }
    }
}

/// What it can be asked.
#[request]
pub enum Request {
    /// Packets so far: of a producer, or of all that this media thread ever had.
    Total,
}

/// A producer.
pub struct Counted {
    id: ProducerId,
    packets: u64,
}

/// {{about}}
///
/// There is one instance per media thread, so nothing here needs a lock.
pub struct {{type}} {
    config: Config,
    total: u64,
}

/// {{about}}
#[plugin(id = "{{id}}")]
impl Plugin for {{type}} {
    type Config = Config;
    type Request = Request;
    type Producer = Counted;

    fn new(config: Config, _: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Self { config, total: 0 })
    }

    fn reconfigure(&mut self, config: Config, _: &mut Cx<'_>) -> Result<(), Error> {
        self.config = config;
        Ok(())
    }

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        _options: &NoConfig,
        _: &mut Cx<'_>,
    ) -> Attach<Counted> {
        Attach::On(Counted {
            id: info.id,
            packets: 0,
        })
    }

    fn rtp_in(
        &mut self,
        producer: &mut Counted,
        _packet: &mut RtpPacket<'_>,
        _note: &mut (),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        producer.packets += 1;
        self.total += 1;
        if self.config.tell_every != 0 && producer.packets.is_multiple_of(self.config.tell_every) {
            let body = json!({ "event": "{{id}}.counted", "packets": producer.packets });
            cx.notify(producer.id, body);
        }
        Verdict::Forward
    }

    fn request(
        &mut self,
        request: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        match (request, at) {
            (Request::Total, Target::Producer(id)) => {
                re.ok(rows.get(id).map_or(0, |row| row.packets))
            }
            (Request::Total, _) => re.ok(self.total),
        }
    }

    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("packets", self.total);
    }
}
