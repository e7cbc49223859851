//! A report as one HTML file: figures and plots, nothing from elsewhere.
use std::fmt::Write as _;

use crate::plot::{Line, Plot, Scale};
use crate::report::Report;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1f2328;\
                     background:#fff}pre{background:#f6f8fa;padding:1rem;overflow:auto}figure{margin:2rem 0}svg{width:100%}\
                     svg text{font:11px system-ui,sans-serif;fill:#57606a}.grid{stroke:#d0d7de;fill:none}\
                     figcaption{font-weight:600}";

/// The file.
pub fn page(report: &Report) -> String {
    let title = escaped(&report.scenario);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1>\n<pre>{}</pre>\n",
        escaped(&report.to_string())
    );
    for plot in plots(report) {
        if let Some(svg) = plot.svg() {
            // Written to a text: can't fail.
            let _ = writeln!(out, "<figure><figcaption>{}</figcaption>{svg}</figure>", plot.title);
        }
    }
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    let _ = writeln!(
        out,
        "<details><summary>All figures (JSON)</summary><pre>{}</pre></details>\n<p>sfu-load {}</p></body></html>",
        escaped(&json),
        report.version
    );
    out
}

/// Two figures of a round: of the worker, and of the floor.
type Round = (Option<f64>, Option<f64>);

fn plots(report: &Report) -> Vec<Plot> {
    let per_round = |of: fn(&Round) -> Option<f64>| {
        let rounds = report.rounds.iter().enumerate();
        rounds.filter_map(|(round, figures)| Some((round as f64 + 1.0, of(figures)?))).collect()
    };
    let all: u64 = report.latency_micros.buckets.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    let distribution = report.latency_micros.buckets.iter().map(|(end, count)| {
        seen += count;
        (*end, seen as f64 * 100.0 / all.max(1) as f64)
    });
    let distribution: Vec<(f64, f64)> = distribution.collect();
    let over_time = |of: fn(&crate::report::Moment) -> Option<f64>| {
        report.timeline.iter().filter_map(|moment| Some((moment.at, of(moment)?))).collect::<Vec<_>>()
    };
    let viewers = report.loss_per_viewer.iter().enumerate();
    let mut steps: Vec<(f64, f64)> =
        report.ramp.iter().map(|step| (step.packets_per_second, step.loss * 100.0)).collect();
    steps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    vec![
        Plot {
            title: "Processor time of a packet",
            right: "round",
            up: "ns",
            scale: Scale::Linear,
            lines: vec![
                Line { name: "worker", points: per_round(|figures| figures.0) },
                Line { name: "floor", points: per_round(|figures| figures.1) },
            ],
        },
        Plot {
            title: "Frames that were at a viewer in time",
            right: "µs since they left their source",
            up: "%",
            scale: Scale::Logarithmic,
            lines: vec![Line { name: "frames", points: distribution }],
        },
        Plot {
            title: "Packets that reached viewers",
            right: "s",
            up: "packets/s",
            scale: Scale::Linear,
            lines: vec![Line {
                name: "packets",
                points: over_time(|moment| Some(moment.packets_per_second)),
            }],
        },
        Plot {
            title: "Cores kept busy",
            right: "s",
            up: "cores",
            scale: Scale::Linear,
            lines: vec![
                Line { name: "worker", points: over_time(|moment| moment.worker_cores) },
                Line { name: "load tool", points: over_time(|moment| Some(moment.tool_cores)) },
            ],
        },
        Plot {
            title: "Loss of each viewer, the worst one first",
            right: "viewer",
            up: "%",
            scale: Scale::Linear,
            lines: vec![Line {
                name: "loss",
                points: viewers.map(|(viewer, loss)| (viewer as f64 + 1.0, loss * 100.0)).collect(),
            }],
        },
        Plot {
            title: "Loss at each speed that was tried",
            right: "packets/s",
            up: "%",
            scale: Scale::Linear,
            lines: vec![Line { name: "loss", points: steps }],
        },
    ]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
