use std::fmt;

/// A version of the protocol that this worker speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// mediasoup 3.27; made and tested against 3.27.1.
    V3_27,
}

/// The library's version is served, but is not the one that was tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionNote {
    given: String,
    tested: &'static str,
}

impl fmt::Display for VersionNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, tested } = self;
        write!(
            f,
            "signaling.mediasoup: the library is mediasoup {given}, this worker is tested with {tested}; \
             what differs may fail"
        )
    }
}

/// No schema fits the library's version: the worker ends with exit code 43 before it says that it runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "signaling.mediasoup: mediasoup {given:?} (MEDIASOUP_VERSION) has a protocol that this worker \
     does not know; install one of: {}, or a newer worker",
    ProtocolVersion::supported()
)]
pub struct UnsupportedVersion {
    given: String,
}

impl ProtocolVersion {
    const ALL: &'static [Self] = &[Self::V3_27];

    /// Chooses by what `MEDIASOUP_VERSION` says: the minor version decides, another patch gets a note for the
    /// log.
    pub fn choose(given: &str) -> Result<(Self, Option<VersionNote>), UnsupportedVersion> {
        let unsupported = || UnsupportedVersion { given: given.into() };
        let mut parts = given.splitn(3, '.');
        let minor = [parts.next(), parts.next()].map(|part| part.and_then(|text| text.parse::<u16>().ok()));
        let version = Self::ALL.iter().copied().find(|version| version.minor().map(Some) == minor);
        let version = version.ok_or_else(unsupported)?;
        // A version always has a patch; what comes after it (`1-beta`) is the library's business.
        if !parts.next().is_some_and(|patch| patch.starts_with(|c: char| c.is_ascii_digit())) {
            return Err(unsupported());
        }
        let tested = version.tested();
        Ok((version, (given != tested).then(|| VersionNote { given: given.into(), tested })))
    }

    fn minor(self) -> [u16; 2] {
        match self {
            Self::V3_27 => [3, 27],
        }
    }

    fn tested(self) -> &'static str {
        match self {
            Self::V3_27 => "3.27.1",
        }
    }

    /// The supported versions, for messages to people.
    fn supported() -> String {
        let names: Vec<String> = Self::ALL
            .iter()
            .map(|version| version.minor().map(|part| part.to_string()).join(".") + ".x")
            .collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tested_version_is_chosen_without_a_word() {
        assert_eq!(ProtocolVersion::choose("3.27.1"), Ok((ProtocolVersion::V3_27, None)));
    }

    #[test]
    fn another_patch_of_the_same_minor_version_is_accepted_with_a_warning() {
        for given in ["3.27.2", "3.27.99", "3.27.0", "3.27.2-beta.1"] {
            let (version, note) = ProtocolVersion::choose(given).unwrap();
            assert_eq!(version, ProtocolVersion::V3_27);
            let note = note.expect(given).to_string();
            assert!(note.contains(given) && note.contains("3.27.1"), "{note}");
        }
    }

    #[test]
    fn an_unknown_minor_version_is_refused_and_the_supported_ones_are_named() {
        for given in
            ["3.28.0", "3.26.0", "4.27.1", "3.27", "3.27.", "3.27.x", "", "latest", "33.27.1", "3.270.1"]
        {
            let error = ProtocolVersion::choose(given).unwrap_err().to_string();
            assert!(error.contains(&format!("{given:?}")) && error.contains("3.27.x"), "{error}");
        }
    }
}
