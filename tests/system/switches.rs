//! What the command line and the environment say about the network, as peers are told it; and a start without any of it.
use std::collections::BTreeSet;
use std::net::IpAddr;

use sfu_tests::media::output;
use sfu_tests::ports::free_pair;
use sfu_tests::worker::{Start, Worker};
use sfu_tests::{http, needs, run, sdp, skip};

const PUBLISH: &str = include_str!("../../sfu-core/src/signaling/testdata/chromium-publish.sdp");

type Candidate = (String, String, u16);

/// The candidates that so many publishers are told, each of a stream of its own.
async fn candidates(worker: &Worker, streams: usize) -> Vec<Vec<Candidate>> {
    let mut all = Vec::new();
    for stream in 0..streams {
        let answer = http::post_sdp(&worker.whip(&stream.to_string()), PUBLISH).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        all.push(sdp::candidates(&answer.text()));
    }
    all
}

/// What two media threads that share out streams are known by.
fn are_announced(told: &[Vec<Candidate>], addresses: &[&str], udp: u16, tcp: u16) {
    let mut seen = BTreeSet::new();
    for candidates in told {
        let port = candidates[0].2;
        let number = port - udp;
        seen.insert(number);
        let mut expected = Vec::new();
        for (transport, port) in [("udp", udp + number), ("tcp", tcp + number)] {
            expected
                .extend(addresses.iter().map(|address| (transport.to_owned(), (*address).to_owned(), port)));
        }
        assert_eq!(candidates, &expected);
    }
    assert_eq!(seen, BTreeSet::from([0, 1]), "streams are spread over both media threads: {told:?}");
}

#[test]
fn ports_and_addresses_of_the_command_line_are_what_peers_are_told() {
    run::run(async {
        let (udp, tcp) = (free_pair(), free_pair());
        let worker = Start::with_workers(2)
            .argument(format!("--udp-port={udp}"))
            .argument(format!("--tcp-port={tcp}"))
            .argument("--announce=198.51.100.7")
            .argument("--announce=sfu.example.org")
            .start();
        are_announced(&candidates(&worker, 4).await, &["198.51.100.7", "sfu.example.org"], udp, tcp);
    });
}

#[test]
fn the_environment_says_the_same() {
    run::run(async {
        let (udp, tcp) = (free_pair(), free_pair());
        let worker = Start::with_workers(2)
            .environment("SFU_UDP_PORT", udp.to_string())
            .environment("SFU_TCP_PORT", tcp.to_string())
            .environment("SFU_ANNOUNCE", "198.51.100.7,sfu.example.org")
            .start();
        are_announced(&candidates(&worker, 4).await, &["198.51.100.7", "sfu.example.org"], udp, tcp);
    });
}

/// The addresses of this machine's interfaces, as `ip` tells them: no loopback, nothing link-local; IPv4 first.
fn own_addresses() -> Vec<IpAddr> {
    let told = output("ip", &["-o", "addr", "show", "up"]).unwrap();
    let mut found: Vec<IpAddr> = Vec::new();
    for line in told.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some(place) = words.iter().position(|word| word.starts_with("inet")) else { continue };
        let address: IpAddr = words[place + 1].split('/').next().unwrap().parse().unwrap();
        let link_local = match address {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        if !address.is_loopback() && !link_local && !found.contains(&address) {
            found.push(address);
        }
    }
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

#[test]
fn a_bare_start_serves_this_machine_and_offers_every_address_of_it() {
    needs!("ip");
    if let Err(error) = std::net::TcpListener::bind("127.0.0.1:8080") {
        skip!("127.0.0.1:8080 is taken: {error}");
    }
    run::run(async {
        let worker = Start::bare().start();
        assert_eq!(worker.url(), "http://127.0.0.1:8080");
        assert_eq!(http::get("http://127.0.0.1:8080/").await.status, 200);
        let expected: Vec<String> =
            own_addresses().into_iter().chain([[127, 0, 0, 1].into()]).map(|ip| ip.to_string()).collect();
        let told = &candidates(&worker, 1).await[0];
        for transport in ["udp", "tcp"] {
            let of = told.iter().filter(|candidate| candidate.0 == transport);
            assert_eq!(of.map(|candidate| candidate.1.clone()).collect::<Vec<_>>(), expected, "{transport}");
        }
        let left: Vec<_> =
            std::fs::read_dir(worker.folder()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "it leaves nothing behind: {left:?}");
    });
}
