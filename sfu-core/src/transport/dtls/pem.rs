//! The text form of certificates and keys (RFC 7468).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One `-----BEGIN label-----` section, decoded.
pub(super) struct Section {
    pub(super) label: String,
    pub(super) der: Vec<u8>,
}

/// Decodes every section of `text`; what stands between them is comment. Errors: the label of a section that is
/// damaged or lacks its end.
pub(super) fn sections(text: &str) -> Result<Vec<Section>, String> {
    let mut sections = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut body = String::new();
        loop {
            match lines.next() {
                None => return Err(label.to_string()),
                Some(line) if line == end => break,
                Some(line) => body.push_str(line),
            }
        }
        let der = STANDARD.decode(&body).map_err(|_| label.to_string())?;
        sections.push(Section { label: label.to_string(), der });
    }
    Ok(sections)
}

/// One section: lines of 64 characters, each with its end.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while let Some((line, behind)) = rest.split_at_checked(64) {
        text.extend([line, "\n"]);
        rest = behind;
    }
    if !rest.is_empty() {
        text.extend([rest, "\n"]);
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sections_are_found_between_comments_and_line_ends_of_any_kind() {
        let text = "comment\r\n-----BEGIN A B-----\r\nAQID\r\nBA==\r\n-----END A B-----\r\nmore\n-----BEGIN C-----\n-----END C-----";
        let found = sections(text).expect("valid");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].label.as_str(), found[0].der.as_slice()), ("A B", &[1, 2, 3, 4][..]));
        assert_eq!((found[1].label.as_str(), found[1].der.len()), ("C", 0));
    }

    #[test]
    fn a_section_that_is_damaged_or_cut_short_is_named() {
        assert_eq!(sections("-----BEGIN KEY-----\nAQID\n").err().as_deref(), Some("KEY"));
        assert_eq!(sections("-----BEGIN KEY-----\n%%\n-----END KEY-----").err().as_deref(), Some("KEY"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(der in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = encode("CERTIFICATE", &der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            let found = sections(&text).expect("valid");
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!((found[0].label.as_str(), &found[0].der), ("CERTIFICATE", &der));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(-----(BEGIN|END) [A-Z]{0,3}-----|[A-Za-z=\n]{0,9}|\n){0,30}") {
            let _ = sections(&text);
        }
    }
}
