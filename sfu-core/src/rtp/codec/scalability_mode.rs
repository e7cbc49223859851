//! Scalability modes (W3C "Scalable Video Coding (SVC) Extension for WebRTC", section 6).

/// What a scalability mode such as `L3T3_KEY` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScalabilityMode {
    /// Spatial layers, 1 to 99.
    pub spatial_layers: u8,
    /// Temporal layers, 1 to 99.
    pub temporal_layers: u8,
    /// Spatial layers depend on each other only in key pictures (K-SVC).
    pub key_pictures_only: bool,
}

impl ScalabilityMode {
    /// One spatial and one temporal layer.
    pub const NONE: Self = Self { spatial_layers: 1, temporal_layers: 1, key_pictures_only: false };

    /// Reads `[LS]n…Tm…`, with whatever follows; `None` if it does not begin so. Only `_KEY` at the very next place makes K-SVC
    /// (`_KEY_SHIFT` too); `h` between, as in `L2T2h`, changes resolutions and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(['L', 'S'])?;
        let (spatial_layers, rest) = layers(rest)?;
        let (temporal_layers, rest) = layers(rest.strip_prefix('T')?)?;
        let rest = rest.strip_prefix('h').unwrap_or(rest);
        Some(Self { spatial_layers, temporal_layers, key_pictures_only: rest.starts_with("_KEY") })
    }

    /// Whether there is more than one layer of any kind.
    pub fn is_layered(self) -> bool {
        self.spatial_layers > 1 || self.temporal_layers > 1
    }
}

/// One or two digits, the first of which is not 0.
fn layers(text: &str) -> Option<(u8, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let number = number.parse().ok().filter(|_| !number.starts_with('0'))?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_the_web_writes_them() {
        let mode = |text| {
            ScalabilityMode::parse(text).map(|m| (m.spatial_layers, m.temporal_layers, m.key_pictures_only))
        };
        assert_eq!(mode("L1T3"), Some((1, 3, false)));
        assert_eq!(mode("L3T3_KEY"), Some((3, 3, true)));
        assert_eq!(mode("L2T2_KEY_SHIFT"), Some((2, 2, true)));
        assert_eq!(mode("S2T1"), Some((2, 1, false)));
        assert_eq!(mode("L2T3h"), Some((2, 3, false)));
        assert_eq!(mode("L10T12"), Some((10, 12, false)));
        for bad in ["", "L", "L0T1", "L1", "LT1", "X1T1", "L1T", "l1t1", "L1Té"] {
            assert_eq!(mode(bad), None, "{bad}");
        }
    }
}
