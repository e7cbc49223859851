//! Offers and answers of real stacks.
macro_rules! offers {
    ($($name:literal),* $(,)?) => {
        /// Descriptions as browsers and libraries write them; see `signaling/testdata/README.md`.
        pub const OFFERS: &[&str] = &[$(include_str!(concat!("../signaling/testdata/", $name, ".sdp"))),*];
    };
}

offers! {
    "chromium-publish", "chromium-simulcast", "chromium-watch", "chromium-data", "firefox-publish",
    "firefox-simulcast", "firefox-watch", "firefox-data", "gstreamer-publish", "gstreamer-unbundled",
    "gstreamer-watch", "libdatachannel-publish", "ffmpeg-publish", "janus-subscriber-offer",
    "janus-subscriber-answer", "janus-simulcast-answer", "janus-data-offer",
}
