//! The little HTTP that signaling needs: one request, one answer, no TLS.
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of an answer at the most.
const ANSWER: u64 = 1 << 20;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    head: String,
    /// Body.
    pub body: String,
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Self { status, head: head.to_owned(), body: body.to_owned() };
        if answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            answer.body = unchunked(body)?;
        }
        Some(answer)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

fn unchunked(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, behind) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(behind.get(..size)?);
        rest = behind.get(size..)?.strip_prefix("\r\n")?;
    }
}

/// The type of a session description.
pub const SDP: &str = "application/sdp";

/// The type of JSON.
pub const JSON: &str = "application/json";

/// Sends a request to `http://host:port/path` with a body of this type, and a bearer token if there is one.
pub fn request(method: &str, url: &str, token: Option<&str>, kind: &str, body: &str) -> io::Result<Answer> {
    let wrong = |what: &str| io::Error::other(format!("{url}: {what}"));
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong("only http:// is spoken here"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = host.to_socket_addrs()?.next().ok_or_else(|| wrong("no such host"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         {authorization}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    let mut text = String::new();
    stream.take(ANSWER).read_to_string(&mut text)?;
    Answer::parse(&text).ok_or_else(|| wrong("the answer is no HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_and_in_chunks() {
        let answer = Answer::parse("HTTP/1.1 201 Created\r\nlocation: /sessions/1\r\n\r\nv=0").unwrap();
        assert_eq!(
            (answer.status, answer.header("Location"), &*answer.body),
            (201, Some("/sessions/1"), "v=0")
        );
        let answer = Answer::parse(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nv=0\r\n2;x\r\n\r\n\r\n0\r\n\r\n",
        );
        assert_eq!(answer.unwrap().body, "v=0\r\n");
        for broken in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nv",
        ] {
            assert_eq!(Answer::parse(broken), None, "{broken}");
        }
    }
}
