//! Scores: of what producers send, of what consumers' receivers get, and who is told.
use sfu_core::control::{ConsumerId, ConsumerScore, EventBody, ProducerId};
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

fn told(bench: &Bench<Nil>, c: ConsumerId) -> Vec<ConsumerScore> {
    let score = |body| if let EventBody::ConsumerScore(score) = body { Some(score) } else { None };
    bench.events_of(c).into_iter().filter_map(score).collect()
}

fn last(bench: &Bench<Nil>, c: ConsumerId) -> ConsumerScore {
    told(bench, c).last().cloned().expect("a score was told")
}

fn producer_scores(bench: &Bench<Nil>, p: ProducerId) -> Vec<u8> {
    let score = |body| if let EventBody::Score { score, .. } = body { Some(score) } else { None };
    bench.events_of(p).into_iter().filter_map(score).collect()
}

#[test]
fn a_consumer_is_told_each_change_once() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::vp8());
    let bob = bench.peer();
    let c = bench.consume(bob, p);
    bench.play(&[p], seconds(5));
    let begun = ConsumerScore { score: 10, producer_score: 10, producer_scores: vec![10] };
    assert_eq!(
        told(&bench, c),
        std::slice::from_ref(&begun),
        "all is well: the beginning is all there is to tell"
    );
    bench.advance(seconds(3));
    let silent = ConsumerScore { producer_score: 0, producer_scores: vec![0], ..begun.clone() };
    assert_eq!(last(&bench, c), silent);
    bench.play(&[p], seconds(3));
    assert_eq!(told(&bench, c), [begun.clone(), silent, begun]);
}

#[test]
fn loss_to_the_receiver_lowers_the_consumers_own_score() {
    let mut bench = Build::<Nil>::new().seed(5).start();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::opus().without("nack"));
    let bob = bench.peer();
    let c = bench.consume(bob, p);
    bench.play(&[p], seconds(3));
    bench.set_path(bob, Direction::ToPeer, Conditions::perfect().loss(0.3));
    bench.play(&[p], seconds(20));
    let score = last(&bench, c);
    assert!(score.score < 6, "{score:?}");
    assert_eq!((score.producer_score, &score.producer_scores[..]), (10, &[10][..]));
    assert_eq!(producer_scores(&bench, p), [0u8; 0], "the sender has no part in it");
    bench.set_path(bob, Direction::ToPeer, Conditions::perfect());
    bench.play(&[p], seconds(30));
    assert_eq!(last(&bench, c).score, 10);
    let all = told(&bench, c);
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
}

#[test]
fn loss_from_the_sender_lowers_its_score_and_repair_saves_most_of_it() {
    let run = |media: Media| {
        let mut bench = Build::<Nil>::new().seed(9).start();
        let ann = bench.peer_with(PeerOptions::plain().path(Conditions::delay(ms(10))));
        let p = bench.produce(ann, media);
        let bob = bench.peer();
        let c = bench.consume(bob, p);
        bench.play(&[p], seconds(2));
        bench.set_path(ann, Direction::ToWorker, Conditions::delay(ms(10)).loss(0.15));
        bench.play(&[p], seconds(20));
        let score = last(&bench, c);
        let own = bench.producer_stats(p).streams[0].score;
        assert_eq!((score.producer_score, &score.producer_scores[..]), (own, &[own][..]));
        assert_eq!(producer_scores(&bench, p).last(), Some(&own));
        own
    };
    let lost = run(Media::vp8().without_rtx().without("nack"));
    let resent = run(Media::vp8().without_rtx());
    let repaired = run(Media::vp8());
    assert!(lost <= 6 && lost < repaired && repaired < 10, "{lost} {resent} {repaired}");
    assert!(lost < resent && resent < 10, "{lost} {resent} {repaired}");
}

#[test]
fn of_several_encodings_the_forwarded_one_counts() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer();
    let p = bench.produce(ann, Media::vp8().simulcast(&["lo", "hi"]));
    let bob = bench.peer();
    let c = bench.consume(bob, p);
    bench.send(p, sfu_core::testing::vp8_key(1).encoding(0));
    let score = last(&bench, c);
    assert_eq!((score.producer_score, score.producer_scores), (10, vec![10, 0]));
    bench.play(&[p], seconds(2));
    assert_eq!(last(&bench, c).producer_scores, [10, 10]);
}

#[test]
fn scores_cross_over_to_other_media_threads() {
    let mut bench = Build::<Nil>::new().workers(2).start();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    assert_eq!(c.worker(), 1);
    bench.play(&[p], seconds(2));
    assert_eq!(last(&bench, c).producer_scores, [10]);
    bench.advance(seconds(4));
    assert_eq!(last(&bench, c).producer_scores, [0], "it fell silent over there");
    bench.play(&[p], seconds(2));
    assert_eq!(last(&bench, c).producer_scores, [10]);
}

#[test]
fn a_sender_that_may_be_silent_is_given_more_time() {
    let mut bench = Build::<Nil>::new().start();
    let ann = bench.peer();
    let speaks = |bench: &mut Bench<Nil>, dtx: &str| {
        bench
            .try_produce_with(ann, Media::opus(), |options| {
                for codec in &mut options.rtp_parameters.codecs {
                    codec.parameters.insert("usedtx".into(), dtx.into());
                }
            })
            .unwrap()
    };
    let (always, pausing) = (speaks(&mut bench, "0"), speaks(&mut bench, "1"));
    bench.play(&[always, pausing], seconds(2));
    bench.advance(seconds(3));
    assert_eq!(producer_scores(&bench, always), [0]);
    assert_eq!(producer_scores(&bench, pausing), [0u8; 0]);
    bench.advance(seconds(3));
    assert_eq!(producer_scores(&bench, pausing), [0]);
}

#[test]
fn a_stream_that_comes_back_is_told_at_once() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.audio_producer();
    bench.play(&[p], seconds(2));
    bench.advance(seconds(3));
    assert_eq!(producer_scores(&bench, p), [0]);
    bench.frame(p);
    assert_eq!(producer_scores(&bench, p), [0, 10]);
}
