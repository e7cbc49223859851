//! The offers of light peers, and what they need of an answer.
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};

use sfu_core::control::IceParameters;

use crate::rtp_parameters::TRANSPORT_CC;
use crate::track::{AUDIO, VIDEO};

/// The ICE password of every light peer.
pub const PASSWORD: &str = "sfuloadsfuloadsfuloadsfu";

/// Who offers.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    /// Username fragment.
    pub ufrag: &'a str,
    /// SHA-256 of the certificate.
    pub fingerprint: &'a str,
    /// SSRCs of what it sends: of sound, of pictures. Without any it wants to receive both kinds.
    pub sends: Option<(Option<u32>, Option<u32>)>,
    /// Whether packets shall have transport-wide numbers.
    pub feedback: bool,
    /// Where it is, for a full agent that sends the checks.
    pub lite: Option<SocketAddr>,
}

impl Offer<'_> {
    /// The description.
    pub fn text(&self) -> String {
        let (audio, video) = match self.sends {
            Some((audio, video)) => (audio.map(Some), video.map(Some)),
            None => (Some(None), Some(None)),
        };
        let sections = [(true, audio), (false, video)].into_iter().filter_map(|(a, ssrc)| Some((a, ssrc?)));
        let mut media = String::new();
        let mut names = Vec::new();
        for (number, (is_audio, ssrc)) in sections.enumerate() {
            names.push(number.to_string());
            self.section(&mut media, number, is_audio, ssrc);
        }
        session(&names.join(" "), self.lite.is_some(), &media)
    }

    fn section(&self, out: &mut String, mid: usize, is_audio: bool, ssrc: Option<u32>) {
        let (kind, payload_type, map) =
            if is_audio { ("audio", AUDIO, "opus/48000/2") } else { ("video", VIDEO, "VP8/90000") };
        let direction = if ssrc.is_some() { "sendonly" } else { "recvonly" };
        // Written to a text: can't fail.
        let _ = write!(
            out,
            "m={kind} 9 UDP/TLS/RTP/SAVPF {payload_type}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\n\
             a=ice-pwd:{PASSWORD}\r\na=fingerprint:sha-256 {}\r\na=setup:active\r\na=mid:{mid}\r\n\
             a={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:{payload_type} {map}\r\n",
            self.ufrag, self.fingerprint
        );
        if is_audio {
            let _ = write!(out, "a=fmtp:{payload_type} minptime=10;useinbandfec=1\r\n");
        } else {
            let _ = write!(out, "a=rtcp-fb:{payload_type} ccm fir\r\na=rtcp-fb:{payload_type} nack pli\r\n");
        }
        if self.feedback {
            let _ = write!(
                out,
                "a=extmap:{TRANSPORT_CC} http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
                 a=rtcp-fb:{payload_type} transport-cc\r\n"
            );
        }
        if let Some(at) = self.lite {
            out.push_str(&candidate(at));
        }
        if let Some(ssrc) = ssrc {
            let _ = write!(out, "a=msid:load {kind}\r\na=ssrc:{ssrc} cname:load\r\n");
        }
    }
}

fn candidate(at: SocketAddr) -> String {
    format!("a=candidate:1 1 udp 2130706431 {} {} typ host\r\na=end-of-candidates\r\n", at.ip(), at.port())
}

/// The answer of a light peer at this address that watches all that a full agent offers: of each section it takes the first codec.
pub fn answer(offer: &str, ufrag: &str, fingerprint: &str, at: SocketAddr) -> String {
    let (mut media, mut names) = (String::new(), Vec::new());
    for section in offer.split("\nm=").skip(1) {
        let mut lines = section.lines().map(str::trim_end);
        let head = lines.next().unwrap_or_default();
        let lines: Vec<&str> = lines.collect();
        let kind = head.split(' ').next().unwrap_or_default();
        let payload_type = head.split(' ').nth(3).unwrap_or_default();
        let mid = lines.iter().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or_default();
        let map = format!("a=rtpmap:{payload_type} ");
        let map = lines.iter().find(|line| line.starts_with(&map)).copied().unwrap_or_default();
        names.push(mid);
        // Written to a text: can't fail.
        let _ = write!(
            media,
            "m={kind} 9 UDP/TLS/RTP/SAVPF {payload_type}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\n\
             a=ice-pwd:{PASSWORD}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:active\r\na=mid:{mid}\r\n\
             a=recvonly\r\na=rtcp-mux\r\n{map}\r\n{}",
            candidate(at)
        );
    }
    session(&names.join(" "), true, &media)
}

fn session(names: &str, lite: bool, media: &str) -> String {
    let lite = if lite { "a=ice-lite\r\n" } else { "" };
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{lite}a=group:BUNDLE {names}\r\na=msid-semantic: WMS *\r\n{media}"
    )
}

/// What an answer says of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its first UDP candidate.
    pub address: SocketAddr,
    /// What checks have to name.
    pub ice: IceParameters,
}

impl Remote {
    /// Reads an answer.
    pub fn parse(answer: &str) -> io::Result<Self> {
        let value = |name: &str| {
            let found = answer.lines().find_map(|line| line.strip_prefix(name));
            found.map(|value| value.trim().to_owned()).ok_or_else(|| {
                io::Error::other(format!("the answer has no line `{name}`; it begins with {:.80?}", answer))
            })
        };
        let candidates = answer.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
        let addresses = candidates.filter_map(|candidate| {
            // foundation component transport priority address port "typ" …
            let words: Vec<&str> = candidate.split_whitespace().collect();
            let [_, _, transport, _, ip, port, ..] = words[..] else { return None };
            let ip: IpAddr = ip.parse().ok()?;
            transport.eq_ignore_ascii_case("udp").then(|| Some(SocketAddr::new(ip, port.parse().ok()?)))?
        });
        // Peers have sockets on loopback.
        let all: Vec<SocketAddr> = addresses.filter(SocketAddr::is_ipv4).collect();
        let address = all.iter().find(|address| address.ip().is_loopback()).or(all.first()).copied();
        let address = address.ok_or_else(|| io::Error::other("the answer has no IPv4 candidate for UDP"))?;
        let (username_fragment, password) = (value("a=ice-ufrag:")?, value("a=ice-pwd:")?);
        Ok(Self { address, ice: IceParameters { username_fragment, password, ice_lite: true } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfu_core::signaling::sdp::SessionDescription;

    #[test]
    fn offers_are_sdp_with_the_sections_that_are_wanted() {
        let fingerprint = ["AB"; 32].join(":");
        let offer =
            Offer { ufrag: "abcd", fingerprint: &fingerprint, sends: None, feedback: true, lite: None };
        let publisher = Offer { sends: Some((None, Some(7))), ..offer.clone() };
        for (offer, sections) in [(offer, 2), (publisher, 1)] {
            let text = offer.text();
            let read = SessionDescription::parse(text.as_bytes()).unwrap();
            assert_eq!(read.media.len(), sections, "{text}");
        }
    }

    #[test]
    fn an_answer_takes_the_first_codec_of_each_section() {
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
                     m=video 9 UDP/TLS/RTP/SAVPF 100 101\r\na=mid:v\r\na=rtpmap:101 rtx/90000\r\na=rtpmap:100 VP8/90000\r\n";
        let text = answer(offer, "abcd", &["AB"; 32].join(":"), ([192, 0, 2, 1], 7).into());
        assert!(SessionDescription::parse(text.as_bytes()).is_ok_and(|read| read.media.len() == 2), "{text}");
        assert!(
            text.contains("a=group:BUNDLE a v\r\n") && text.contains("m=video 9 UDP/TLS/RTP/SAVPF 100\r\n"),
            "{text}"
        );
        assert!(text.contains("a=rtpmap:100 VP8/90000\r\n") && !text.contains("rtx"), "{text}");
        assert_eq!(text.matches("a=candidate:1 1 udp 2130706431 192.0.2.1 7 typ host").count(), 2, "{text}");
    }

    #[test]
    fn the_candidate_on_loopback_is_taken() {
        let answer = "a=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 tcp 9 127.0.0.1 1 typ host\r\n\
                      a=candidate:1 1 udp 9 192.0.2.1 2 typ host\r\na=candidate:1 1 UDP 9 127.0.0.1 3 typ host\r\n";
        let remote = Remote::parse(answer).unwrap();
        assert_eq!(remote.address, ([127, 0, 0, 1], 3).into());
        assert_eq!(remote.ice.username_fragment, "u");
        assert!(Remote::parse("a=ice-ufrag:u\r\na=ice-pwd:p\r\n").is_err());
    }
}
