//! A worker with WHIP alone does not serve other machines without a token, unless it is told to.
use serde_json::{Value, json};
use sfu_core::{Running, WorkerConfig};

sfu_core::worker! {
    /// A worker to stream with, and no other door.
    pub struct Tested;
    pub plugins = [];
    pub signaling = [sfu_whip::Whip];
}

async fn start(listen: &str, open: bool, whip: Value) -> Result<Running, String> {
    let mut config = WorkerConfig { workers: 1, open, ..WorkerConfig::default() };
    config.http.listen = listen.parse().unwrap();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    config.signaling.insert("whip".into(), whip);
    Tested::builder().config(config).start().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn beyond_loopback_it_does_not_start_without_a_token() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let Err(refused) = start(listen, false, json!({})).await else { panic!("{listen}: it started") };
        assert!(refused.starts_with("signaling.whip: "), "{refused}");
        for word in ["reachable from other machines", "signaling.whip.tokens", "127.0.0.1", "--open"] {
            assert!(refused.contains(word), "{word}: {refused}");
        }
    }
    // Who may do something without a token changes nothing: somebody has to have one.
    assert!(start("0.0.0.0:0", false, json!({ "anonymous": ["watch"] })).await.is_err());
}

#[tokio::test]
async fn with_a_token_or_told_to_be_open_it_starts() {
    let token = json!({ "tokens": [{ "token": "t", "allow": ["publish", "watch"] }] });
    for (open, whip) in [(true, json!({})), (false, json!({ "open": true })), (false, token)] {
        start("0.0.0.0:0", open, whip).await.unwrap().stop().await;
    }
}

#[tokio::test]
async fn on_loopback_it_starts_as_it_is() {
    start("127.0.0.1:0", false, json!({})).await.unwrap().stop().await;
}
