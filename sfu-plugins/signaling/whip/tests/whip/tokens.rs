//! Bearer tokens at every door.
use axum::http::{Method, StatusCode};

use crate::bench::*;

const CONFIG: &str = "[[tokens]]\ntoken = 'pub'\nallow = ['publish']\npaths = ['room/*']\n\
                      [[tokens]]\ntoken = 'view'\nallow = ['watch']\npaths = ['room/**']\n";

async fn post(bench: &Bench, path: &str, token: Option<&str>, sdp: &str) -> Answer {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/sdp")];
    headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
    bench.send(Method::POST, path, &headers, sdp).await
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_unknown_token_is_401_with_a_challenge_and_a_narrow_one_403() {
    let bench = Bench::start(CONFIG).await;
    let missing = post(&bench, "/whip/room/a", None, PUBLISH).await;
    assert_eq!(missing.status, StatusCode::UNAUTHORIZED);
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"sfukit\"");
    let unknown = post(&bench, "/whip/room/a", Some("nope"), PUBLISH).await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    assert!(unknown.header("www-authenticate").contains("invalid_token"));
    assert!(!unknown.body.contains("nope"));
    for (path, token) in
        [("/whip/other", "pub"), ("/whip/room/a/b", "pub"), ("/whip/room/a", "view"), ("/whep/room/a", "pub")]
    {
        let narrow = post(&bench, path, Some(token), PUBLISH).await;
        assert_eq!(narrow.status, StatusCode::FORBIDDEN, "{path}");
        assert!(narrow.header("www-authenticate").contains("insufficient_scope"));
    }
    assert_eq!(bench.double.commands().len(), 0);
    assert_eq!(post(&bench, "/whip/room/a", Some("pub"), PUBLISH).await.status, StatusCode::CREATED);
    assert_eq!(post(&bench, "/whep/room/a", Some("view"), WATCH).await.status, StatusCode::CREATED);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_guarded_like_its_stream() {
    let bench = Bench::start(CONFIG).await;
    let created = post(&bench, "/whip/room/a", Some("pub"), PUBLISH).await;
    let location = created.header("location");
    for (method, path) in [
        (Method::DELETE, location.to_owned()),
        (Method::PATCH, location.to_owned()),
        (Method::GET, format!("{location}/stats")),
    ] {
        let answer = bench.send(method.clone(), &path, &[], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method}");
        let headers = [("authorization", "Bearer view")];
        assert_eq!(bench.send(method, &path, &headers, "").await.status, StatusCode::FORBIDDEN);
    }
    let headers = [("authorization", "Bearer pub")];
    assert_eq!(bench.send(Method::DELETE, location, &headers, "").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_list_shows_what_a_token_may_watch() {
    let config = format!("{CONFIG}[[tokens]]\ntoken = 'all'\nallow = ['publish', 'watch']\n");
    let bench = Bench::start(&config).await;
    for path in ["/whip/room/a", "/whip/secret"] {
        assert_eq!(post(&bench, path, Some("all"), PUBLISH).await.status, StatusCode::CREATED);
    }
    let list = async |token: &str| {
        bench.send(Method::GET, "/streams", &[("authorization", &format!("Bearer {token}"))], "").await
    };
    assert_eq!(bench.get("/streams").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.get("/streams/events").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(list("pub").await.status, StatusCode::FORBIDDEN);
    let names = |answer: Answer| {
        let streams = answer.json()["streams"].as_array().unwrap().clone();
        streams.iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(list("view").await), ["room/a"]);
    assert_eq!(names(list("all").await), ["room/a", "secret"]);
}

#[tokio::test(start_paused = true)]
async fn anonymous_viewers_may_be_allowed_beside_tokens() {
    let bench = Bench::start(&format!("anonymous = ['watch']\n{CONFIG}")).await;
    assert_eq!(post(&bench, "/whip/room/a", None, PUBLISH).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&bench, "/whip/room/a", Some("pub"), PUBLISH).await.status, StatusCode::CREATED);
    assert_eq!(post(&bench, "/whep/room/a", None, WATCH).await.status, StatusCode::CREATED);
}
