//! What is recorded: a second, again and again, in which the picture flashes and a beep begins at the same moment.
use std::process::Command;

use bytes::Bytes;
use rtp::codec::h264::H264Payloader;
use rtp::codec::vp8::Vp8Payloader;
use rtp::packetizer::Payloader;

/// Frames and packets of a second.
pub const FRAMES: usize = 30;
pub const PACKETS: usize = 50;
/// The frame and the packet of a second in which it flashes and beeps.
pub const FLASH: usize = 15;
/// Longest payload in bytes: small, so that a frame has several packets.
const MTU: usize = 500;

/// A frame in packets, or a packet of sound.
pub type Frame = Vec<Vec<u8>>;

/// What ffmpeg encoded, with a key frame at the beginning of each second.
pub struct Content {
    /// VP8, two seconds.
    pub vp8: Vec<Frame>,
    /// VP8 of twice the size, two seconds.
    pub large: Vec<Frame>,
    /// H264, two seconds.
    pub h264: Vec<Frame>,
    /// Opus, two seconds.
    pub opus: Vec<Frame>,
}

fn ffmpeg(source: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let Ok(output) = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", source])
        .args(arguments)
        .arg("-")
        .output()
    else {
        sfu_core::testing::skipped("ffmpeg is not installed (Debian: ffmpeg)");
        return None;
    };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

fn video(size: &str, encoder: &[&str], container: &str) -> Option<Vec<u8>> {
    let source =
        format!("testsrc2=size={size}:rate=30,drawbox=color=white:t=fill:enable='eq(mod(n,30),{FLASH})'");
    let common =
        ["-frames:v", "60", "-pix_fmt", "yuv420p", "-g", "30", "-keyint_min", "30", "-b:v", "250k", "-c:v"];
    ffmpeg(&source, &[&common[..], encoder, &["-f", container]].concat())
}

/// The frames of an IVF file.
fn ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while rest.len() > 12 {
        let len = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        frames.push(rest[12..12 + len].to_vec());
        rest = &rest[12 + len..];
    }
    frames
}

/// The frames of an H264 stream with access unit delimiters.
fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<usize> = (0..stream.len() - 5)
        .filter(|at| stream[*at..at + 4] == [0, 0, 0, 1] && stream[at + 4] & 0x1F == 9)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(start, end)| stream[*start..end].to_vec()).collect()
}

/// The packets of an Ogg file.
fn ogg(mut file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet) = (Vec::new(), Vec::new());
    while !file.is_empty() {
        let (lacing, mut rest) = file[27..].split_at(usize::from(file[26]));
        for value in lacing {
            let (part, after) = rest.split_at(usize::from(*value));
            packet.extend_from_slice(part);
            rest = after;
            if *value < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        file = rest;
    }
    // Head and comments.
    packets.split_off(2)
}

fn packets(mut payloader: impl Payloader, frames: Vec<Vec<u8>>) -> Vec<Frame> {
    assert_eq!(frames.len(), 2 * FRAMES);
    let split = |frame: Vec<u8>| payloader.payload(MTU, &Bytes::from(frame)).unwrap();
    frames.into_iter().map(split).map(|parts| parts.iter().map(|part| part.to_vec()).collect()).collect()
}

impl Content {
    /// Encodes it; `None`, said aloud, without ffmpeg.
    pub fn encode() -> Option<Content> {
        let vp8 = ["libvpx", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"];
        let x264 = ["libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "aud=1"];
        let beep = format!(
            "aevalsrc='if(between(mod(t,1),{0}/30,{0}/30+0.1),0.5*sin(6283*t),0)':s=48000:d=2",
            FLASH
        );
        let mut opus =
            ogg(&ffmpeg(&beep, &["-c:a", "libopus", "-frame_duration", "20", "-b:a", "32k", "-f", "opus"])?);
        opus.truncate(2 * PACKETS);
        Some(Content {
            vp8: packets(Vp8Payloader::default(), ivf(&video("160x90", &vp8, "ivf")?)),
            large: packets(Vp8Payloader::default(), ivf(&video("320x180", &vp8, "ivf")?)),
            h264: packets(H264Payloader::default(), access_units(&video("160x90", &x264, "h264")?)),
            opus: opus.into_iter().map(|packet| vec![packet]).collect(),
        })
    }
}
