//! Redundant audio (RFC 2198) between browsers, of which one has it and the other not.
use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind, Page};
use sfu_tests::front::Front;
use sfu_tests::stream::{self, number};
use sfu_tests::worker::{Start, Worker};
use sfu_tests::{http, needs, run, system_test};

const PUBLISH: &str = include_str!("../../sfu-core/src/signaling/testdata/chromium-publish.sdp");
const WATCH: &str = include_str!("../../sfu-core/src/signaling/testdata/chromium-watch.sdp");

/// Sound alone, with the codecs of a list (RED and Opus in that order, or Opus alone).
const CALL: &str = "
    const { url, codecs, publishes } = argument;
    const pc = new RTCPeerConnection();
    let media = null;
    if (publishes) media = await navigator.mediaDevices.getUserMedia({ audio: true });
    const track = media?.getTracks()[0] ?? 'audio';
    const transceiver = pc.addTransceiver(track, { direction: publishes ? 'sendonly' : 'recvonly',
                                                   streams: media ? [media] : [] });
    const all = (publishes ? RTCRtpSender : RTCRtpReceiver).getCapabilities('audio').codecs;
    const found = codecs.map(name => all.find(codec => codec.mimeType.toLowerCase() === `audio/${name}`));
    transceiver.setCodecPreferences(found);
    const element = document.getElementById('picture');
    const heard = element.srcObject = new MediaStream();
    pc.ontrack = event => { heard.addTrack(event.track); element.play().catch(() => {}); };
    const name = publishes ? 'up' : 'down';
    await raw.offer(name, pc, url, null, media);
    await raw.connected(name);
    return raw.sessions[name].answer;";

fn start(workers: u8) -> Worker {
    Start::with_workers(workers).config("[plugins.red]\nenabled = true").start()
}

async fn call(page: &Page<'_>, url: &str, codecs: &[&str], publishes: bool) -> String {
    let argument = json!({ "url": url, "codecs": codecs, "publishes": publishes });
    page.evaluate(CALL, argument).await.as_str().unwrap_or_default().to_owned()
}

/// Hears three seconds of a call; what was made up of them is little.
async fn hears(page: &Page<'_>) -> Value {
    let wanted = [("inbound-audio", "totalAudioEnergy", 0.0), ("inbound-audio", "packetsReceived", 50.0)];
    let before = stream::grows(page, "down", &wanted).await;
    let now = stream::grows(page, "down", &[("inbound-audio", "packetsReceived", 150.0)]).await;
    let grown = |name| number(&now, "inbound-audio", name) - number(&before, "inbound-audio", name);
    assert!(grown("totalAudioEnergy") > 0.0, "{now:#}");
    let (made_up, all) =
        (grown("concealedSamples") - grown("silentConcealedSamples"), grown("totalSamplesReceived"));
    assert!(all > 96_000.0 && made_up < all / 10.0, "{made_up} of {all} samples are made up: {now:#}");
    now
}

/// What the plugin counted. It tells whether RED was on the wire: the figures of browsers name the codec that RED carries.
async fn figures(worker: &Worker) -> Value {
    worker.stats().await["plugins"]["red"].clone()
}

system_test! {
    async fn a_browser_that_sends_red_is_heard_by_one_without_it(workers) {
        needs!("chromium", "node");
        let worker = start(workers);
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(front.url()).await;
        let answer = call(&up, &front.whip("call"), &["red", "opus"], true).await;
        assert!(answer.contains("red/48000/2"), "{answer}");
        let down = browser.open(front.url()).await;
        let answer = call(&down, &front.whep("call"), &["opus"], false).await;
        assert!(!answer.contains("red/48000"), "{answer}");
        assert_eq!(hears(&down).await["inbound-audio"]["codec"], "audio/opus");
        let figures = figures(&worker).await;
        assert!(figures["received_packets"]["sum"].as_u64() > Some(150), "{figures}");
        assert_eq!((&figures["malformed_packets"]["sum"], &figures["sent_packets"]["sum"]), (&json!(0), &json!(0)));
    }
}

system_test! {
    async fn a_browser_that_wants_red_gets_it_of_one_without_it(workers) {
        needs!("chromium", "node");
        let worker = start(workers);
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(front.url()).await;
        call(&up, &front.whip("call"), &["opus"], true).await;
        let down = browser.open(front.url()).await;
        let answer = call(&down, &front.whep("call"), &["red", "opus"], false).await;
        assert!(answer.contains("red/48000/2"), "{answer}");
        hears(&down).await;
        let figures = figures(&worker).await;
        assert!(figures["sent_packets"]["sum"].as_u64() > Some(150), "{figures}");
        assert!(figures["redundant_bytes"]["sum"].as_u64() > Some(0), "{figures}");
        assert_eq!(figures["received_packets"]["sum"], 0, "{figures}");
    }
}

system_test! {
    async fn browsers_that_want_red_talk_without_it_where_the_plugin_is_off(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(front.url()).await;
        let published = call(&up, &front.whip("call"), &["red", "opus"], true).await;
        let down = browser.open(front.url()).await;
        let watched = call(&down, &front.whep("call"), &["red", "opus"], false).await;
        assert!(!published.contains("red/48000") && !watched.contains("red/48000"), "{published}\n{watched}");
        hears(&down).await;
    }
}

#[test]
fn red_is_agreed_on_only_where_the_plugin_is_on() {
    run::run(async {
        let first = |offer: &str| offer.replace("SAVPF 111 63 ", "SAVPF 63 111 ");
        for workers in [1, 2] {
            for on in [true, false] {
                let worker = if on { start(workers) } else { Start::with_workers(workers).start() };
                let up = http::post_sdp(&worker.whip("call"), &first(PUBLISH)).await;
                let down = http::post_sdp(&worker.whep("call"), &first(WATCH)).await;
                let plain = http::post_sdp(&worker.whep("call"), WATCH).await;
                for (answer, has) in [(up, on), (down, on), (plain, false)] {
                    assert_eq!(answer.status, 201, "{}", answer.text());
                    assert_eq!(answer.text().contains("a=fmtp:63 111/111"), has, "{}", answer.text());
                    assert!(answer.text().contains("opus/48000/2"));
                }
            }
        }
    });
}
