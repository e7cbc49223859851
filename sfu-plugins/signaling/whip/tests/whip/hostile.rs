//! Requests that no client in its right mind sends.
use axum::http::Method;

use crate::bench::*;

/// Xorshift: the same requests at each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }

    fn mutate(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..self.roll(6) {
            let at = self.roll(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match self.roll(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.roll(256) as u8),
                2 if !bytes.is_empty() => bytes[at] = self.roll(256) as u8,
                _ => {
                    let line = bytes.split(|b| *b == b'\n').nth(self.roll(30)).unwrap_or_default().to_vec();
                    bytes.extend(line);
                }
            }
        }
        bytes
    }
}

#[tokio::test(start_paused = true)]
async fn mutated_requests_get_an_answer_and_never_a_fault_of_ours() {
    let bench = Bench::start("max_streams = 8\nmax_viewers_per_stream = 8\nconnect_timeout_s = 1").await;
    let mut dice = Dice(0x5eed);
    let mut answered = [0u32; 6];
    let mut location = String::from("/sessions/0");
    let fragment = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";
    for _ in 0..4000 {
        let name = dice.pick(&["a", "b/c", "..", "%00", "a%2fb", "~", "x/../y", "%ff"]);
        let path = match dice.roll(5) {
            0 => format!("/whip/{name}"),
            1 => format!("/whep/{name}"),
            2 => location.clone(),
            3 => format!("{location}/stats"),
            _ => format!("/{name}"),
        };
        let method = dice.pick(&["POST", "POST", "PATCH", "DELETE", "GET", "OPTIONS", "PUT", "HEAD", "BREW"]);
        let media_type = dice.pick(&[
            "application/sdp",
            "application/sdp",
            "application/trickle-ice-sdpfrag",
            "text/plain",
            "\u{7f}",
        ]);
        let body = dice.pick(&[PUBLISH, WATCH, fragment, ""]);
        let body = dice.mutate(body);
        let condition = dice.pick(&["*", "\"x\"", ""]);
        let authorization = dice.pick(&["", "Bearer x", "Basic"]);
        let mut headers = vec![("if-match", condition), ("authorization", authorization)];
        if media_type != "\u{7f}" {
            headers.push(("content-type", media_type));
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = bench.send_bytes(method, &path, &headers, body).await;
        let class = answer.status.as_u16() / 100;
        answered[usize::from(class)] += 1;
        assert!(class < 5 || answer.status == 503, "{path}: {} {}", answer.status, answer.body);
        if answer.status == 201 {
            location = answer.header("location").to_owned();
        }
    }
    assert!(answered[2] > 300 && answered[4] > 300, "both ways are taken: {answered:?}");
    tokio::time::sleep(seconds(120)).await;
    assert_eq!(bench.double.open_entities(), 0, "nobody connected, so nobody is left");
}
