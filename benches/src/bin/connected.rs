//! One UDP socket for all peers against a connected one for each: `connected [PEERS…]` prints a table as markdown.
//!
//! Each figure is the median of interleaved rounds, in nanoseconds of processor time per datagram. A connected socket knows its route, so
//! sending looks up none; but what arrives has to find its socket among those of the port, and each is waited for and read by itself.
use std::io;
use std::process::ExitCode;

use sfu_core::testing::bench_support::{Crowd, Kind};

const ROUNDS: usize = 15;

/// Datagrams in a run: paced video, a small frame, a frame.
const RUNS: [usize; 3] = [1, 3, 10];

fn main() -> ExitCode {
    let peers: Result<Vec<usize>, _> = std::env::args().skip(1).map(|peers| peers.parse()).collect();
    let Ok(mut peers) = peers else {
        eprintln!("usage: connected [PEERS…]");
        return ExitCode::from(2);
    };
    if peers.is_empty() {
        peers = vec![50, 500, 2000];
    }
    println!("| peers | | one socket on all addresses | on one address | a connected socket each |");
    println!("|---:|---|---:|---:|---:|");
    for peers in peers {
        if let Err(error) = compare(peers) {
            eprintln!("{peers} peers: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compare(peers: usize) -> io::Result<()> {
    let kinds = [Kind::Wildcard, Kind::Address, Kind::Connected];
    let mut crowds = kinds.into_iter().map(|kind| Crowd::new(peers, kind)).collect::<io::Result<Vec<_>>>()?;
    // What is measured, each with the figures of all three.
    let names = RUNS.map(|run| format!("sent, runs of {run}"));
    let names: Vec<String> =
        names.into_iter().chain(["arriving: found".to_owned(), "arriving: read".to_owned()]).collect();
    let mut figures = vec![[vec![], vec![], vec![]]; names.len()];
    // The first round warms up. Few peers are asked more often, so that a round takes about as long.
    let repeats = (2000 / peers.max(1)).max(1);
    for round in 0..=ROUNDS {
        for (which, crowd) in crowds.iter_mut().enumerate() {
            let mut row = Vec::new();
            for run in RUNS {
                let spent: f64 = (0..repeats).map(|_| crowd.leave(run).as_nanos() as f64).sum();
                row.push(spent / (repeats * peers * run) as f64);
            }
            let (mut found, mut read) = (0.0, 0.0);
            for _ in 0..repeats {
                let arriving = crowd.arrive()?;
                if arriving.count != peers {
                    return Err(io::Error::other(format!("only {} datagrams arrived", arriving.count)));
                }
                found += arriving.looked_up.as_nanos() as f64;
                read += arriving.read.as_nanos() as f64;
            }
            row.extend([found, read].map(|spent| spent / (repeats * peers) as f64));
            if round > 0 {
                for (figure, value) in figures.iter_mut().zip(row) {
                    figure[which].push(value);
                }
            }
        }
    }
    for (name, figures) in names.iter().zip(&mut figures) {
        let [all, one, each] = figures.each_mut().map(|values| median(values));
        println!("| {peers} | {name} | {all:.0} | {one:.0} | {each:.0} |");
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
