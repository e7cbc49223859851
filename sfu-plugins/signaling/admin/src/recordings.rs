//! The recorder's files: listed, and downloaded as a whole or in part.
//!
//! The recorder is asked where a file lies, and answers for recordings in its own folder alone. Nothing is written.
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use serde_json::{Value, json};
use sfu_core::control::Target;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::OwnedSemaphorePermit;

use crate::api::Api;
use crate::body::{Asked, Id};
use crate::byte_range::{self, Part};
use crate::error::{ApiError, Kind};

/// The plugin that records.
const RECORDER: &str = "recorder";
/// Endings of recordings, and what is in such files.
const ENDINGS: [(&str, &str); 5] = [
    (".mjr", "application/octet-stream"),
    (".webm", "video/webm"),
    (".mkv", "video/matroska"),
    (".opus", "audio/ogg"),
    (".pcapng", "application/vnd.tcpdump.pcap"),
];
/// Bytes read at a time.
const CHUNK: u64 = 64 * 1024;
/// Files that are sent at the same time at the most.
pub(crate) const MAX_DOWNLOADS: usize = 32;

/// The name of a recording: one plain file name, no path.
pub(crate) struct FileName(String);

impl FromStr for FileName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<FileName, &'static str> {
        let good = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        let ends = ENDINGS.iter().any(|(ending, _)| text.ends_with(ending));
        if text.len() <= 255 && ends && !text.starts_with('.') && text.chars().all(good) {
            return Ok(FileName(text.into()));
        }
        Err("api.recordings: a recording's name is as listed by GET /api/recordings")
    }
}

/// What to list.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    limit: Option<usize>,
}

/// Bytes of a file.
pub(crate) struct Recording;

impl schemars::JsonSchema for Recording {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Recording".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "binary", "description": "A recording: MJR of Janus, WebM, Matroska or Ogg." })
    }
}

/// `GET /recordings`.
pub(crate) async fn list(
    State(api): State<Api>,
    Asked(which): Asked<Which>,
) -> Result<Json<Value>, ApiError> {
    let request = match which.limit {
        Some(limit) => json!({ "method": "list", "limit": limit }),
        None => json!({ "method": "list" }),
    };
    Ok(Json(api.control.plugin_request(RECORDER, Target::Worker, request).await?))
}

/// `GET /recordings/{file}`, with `Range` and `If-Range` (RFC 9110 §14).
pub(crate) async fn download(
    State(api): State<Api>,
    Id(FileName(name)): Id<FileName>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let permit = api.downloads.clone().try_acquire_owned().map_err(|_| {
        ApiError::new(Kind::Limit, format!("api.recordings: {MAX_DOWNLOADS} files are being sent already"))
    })?;
    let absent = || ApiError::not_found(format!("api.recordings: there is no recording `{name}`"));
    let request = json!({ "method": "locate", "file": name });
    let found = api.control.plugin_request(RECORDER, Target::Worker, request).await?;
    let path = PathBuf::from(found["path"].as_str().ok_or_else(absent)?);
    // Whatever the plugin says: a file of that name, and no other.
    if !path.is_absolute() || path.file_name().and_then(|last| last.to_str()) != Some(&name) {
        return Err(absent());
    }
    let opened = tokio::task::spawn_blocking(move || open(&path)).await;
    let (file, metadata) = opened.ok().and_then(Result::ok).ok_or_else(absent)?;
    // A recording that goes on grows: what it has now is what is sent.
    let len = metadata.len();
    let tag = entity_tag(&metadata);
    let wanted = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let same = headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
    let part = wanted.filter(|_| same).map_or(Part::Whole, |range| byte_range::of(range, len));
    let (status, first, count) = match part {
        Part::Whole => (StatusCode::OK, 0, len),
        Part::Some { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::None => {
            let text = format!("api.recordings: the file has {len} bytes, and none of them is in the range");
            let mut response = ApiError::new(Kind::Range, text).into_response();
            put(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{len}"));
            return Ok(response);
        }
    };
    let mut file = tokio::fs::File::from_std(file);
    if first > 0 {
        let moved = file.seek(std::io::SeekFrom::Start(first)).await;
        moved.map_err(|error| ApiError::new(Kind::Internal, format!("api.recordings: {error}")))?;
    }
    let mut response = (status, body(file, count, permit)).into_response();
    let answer = response.headers_mut();
    put(answer, CONTENT_TYPE, content_type(&name));
    put(answer, CONTENT_DISPOSITION, &disposition(&name));
    put(answer, CONTENT_LENGTH, &count.to_string());
    put(answer, ACCEPT_RANGES, "bytes");
    put(answer, ETAG, &tag);
    if status == StatusCode::PARTIAL_CONTENT {
        put(answer, CONTENT_RANGE, &format!("bytes {first}-{}/{len}", first + count - 1));
    }
    Ok(response)
}

/// Opens a plain file, not what a link leads to.
fn open(path: &Path) -> std::io::Result<(File, Metadata)> {
    let named = std::fs::symlink_metadata(path)?;
    if !named.is_file() {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    let file = File::open(path)?;
    let opened = file.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
            return Err(std::io::ErrorKind::NotFound.into());
        }
    }
    Ok((file, opened))
}

/// What a recording is, by its name.
fn content_type(name: &str) -> &'static str {
    ENDINGS
        .iter()
        .find(|(ending, _)| name.ends_with(ending))
        .map_or("application/octet-stream", |(_, kind)| kind)
}

/// Says which content it is: a file that has grown has another.
fn entity_tag(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    format!("\"{:x}-{:x}\"", modified.unwrap_or_default().as_nanos(), metadata.len())
}

/// RFC 6266: a name for all, and one in UTF-8 for those who read it.
fn disposition(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let mut coded = String::new();
    for byte in name.bytes() {
        match byte {
            b'.' | b'-' | b'_' => coded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => coded.push(char::from(byte)),
            byte => coded += &format!("%{byte:02X}"),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

/// `count` bytes of a file, from where it stands.
fn body(file: tokio::fs::File, count: u64, permit: OwnedSemaphorePermit) -> Body {
    Body::from_stream(try_unfold((file, count, permit), |(mut file, left, permit)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = Vec::with_capacity(left.min(CHUNK) as usize);
        if (&mut file).take(left.min(CHUNK)).read_to_end(&mut chunk).await? == 0 {
            // Cut under our hands: the client must not take it for the whole.
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        let left = left - chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), (file, left, permit))))
    }))
}

fn put(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_plain_file_names_of_recordings() {
        for good in [
            "cam-video-20260131T235959Z-0.mjr",
            "a.mjr",
            "é_1.mjr",
            "alice.webm",
            "alice-1.mkv",
            "a.opus",
            "a.pcapng",
        ] {
            assert!(good.parse::<FileName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".mjr",
            "..",
            "../a.mjr",
            "a/b.mjr",
            "/etc/passwd",
            "a.txt",
            "a\\b.mjr",
            "a\0.mjr",
            "a\r\n.mjr",
            "\"a.mjr",
        ] {
            assert!(bad.parse::<FileName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn browsers_are_told_what_they_can_play() {
        let types = ["a.mjr", "a.webm", "a.mkv", "a.opus"].map(content_type);
        assert_eq!(types, ["application/octet-stream", "video/webm", "video/matroska", "audio/ogg"]);
    }

    #[test]
    fn a_name_is_told_in_two_ways() {
        assert_eq!(disposition("é.mjr"), "attachment; filename=\"_.mjr\"; filename*=UTF-8''%C3%A9.mjr");
    }

    proptest! {
        #[test]
        fn no_name_that_is_taken_climbs_or_breaks_a_header(text in "\\PC{0,20}(\\.mjr)?") {
            if let Ok(FileName(name)) = text.parse::<FileName>() {
                prop_assert_eq!(Path::new(&name).components().count(), 1);
                prop_assert!(!name.starts_with(".."));
                prop_assert!(HeaderValue::from_str(&disposition(&name)).is_ok());
            }
        }
    }
}
