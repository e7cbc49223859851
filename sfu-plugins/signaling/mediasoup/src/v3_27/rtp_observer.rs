use std::time::Duration;

use sfu_core::control::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, Command, ProducerId, Reply, RtpObserverId,
};

use super::Desk;
use super::detail::Detail;
use super::lookup::{unexpected, wrong_handler};
use super::perform::Answer;
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, Kind};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::router::{CreateActiveSpeakerObserverRequest, CreateAudioLevelObserverRequest};

impl Desk {
    pub(super) async fn create_audio_level_observer(
        &mut self,
        id: &str,
        body: CreateAudioLevelObserverRequest,
        method: Method,
    ) -> Answer {
        let (router_key, router) = self.router(id, method)?;
        let options = body.options;
        if options.threshold > 0 || options.threshold < -127 {
            return Err(Refusal::type_error(format_args!(
                "signaling.mediasoup: threshold is {}, and has to be -127 to 0 dBvo",
                options.threshold
            )));
        }
        let options = AudioLevelObserverOptions {
            max_entries: options.max_entries,
            threshold: options.threshold,
            interval: Duration::from_millis(options.interval.into()),
        };
        let command = Command::CreateAudioLevelObserver { router, options };
        self.create_observer(router_key, &body.rtp_observer_id, command, method).await
    }

    pub(super) async fn create_active_speaker_observer(
        &mut self,
        id: &str,
        body: CreateActiveSpeakerObserverRequest,
        method: Method,
    ) -> Answer {
        let (router_key, router) = self.router(id, method)?;
        let interval = Duration::from_millis(body.options.interval.into());
        let options = ActiveSpeakerObserverOptions { interval };
        let command = Command::CreateActiveSpeakerObserver { router, options };
        self.create_observer(router_key, &body.rtp_observer_id, command, method).await
    }

    async fn create_observer(&mut self, router: Key, id: &str, command: Command, method: Method) -> Answer {
        self.check_free(id, method)?;
        let observer = match self.control.command(command).await? {
            Reply::RtpObserver(observer) => observer,
            other => return Err(unexpected(&other)),
        };
        self.enter(id, Entity::RtpObserver(observer), Detail::Nothing, Some(router), method)?;
        Ok(None)
    }

    pub(super) async fn close_rtp_observer(&mut self, id: &str, observer: &str, method: Method) -> Answer {
        let (router, _) = self.router(id, method)?;
        match self.child(Some(router), observer, Kind::RtpObserver, method)? {
            (key, Entity::RtpObserver(observer)) => {
                self.close(Command::CloseRtpObserver(observer)).await?;
                self.forget(key);
                Ok(None)
            }
            _ => Err(wrong_handler(observer, method)),
        }
    }

    pub(super) async fn pause_rtp_observer(&self, id: &str, paused: bool, method: Method) -> Answer {
        let (_, observer) = self.observer(id, method)?;
        self.run(match paused {
            true => Command::PauseRtpObserver(observer),
            false => Command::ResumeRtpObserver(observer),
        })
        .await?;
        Ok(None)
    }

    pub(super) async fn observe(&mut self, id: &str, producer: &str, method: Method) -> Answer {
        let (key, observer) = self.observer(id, method)?;
        let (source, producer) = self.observed(key, producer, method)?;
        self.run(Command::ObserveProducer { observer, producer }).await?;
        self.registry.connect(source, key);
        Ok(None)
    }

    pub(super) async fn unobserve(&mut self, id: &str, producer: &str, method: Method) -> Answer {
        let (key, observer) = self.observer(id, method)?;
        let (source, producer) = self.observed(key, producer, method)?;
        self.run(Command::UnobserveProducer { observer, producer }).await?;
        self.registry.disconnect(source, key);
        Ok(None)
    }

    fn observer(&self, id: &str, method: Method) -> Result<(Key, RtpObserverId), Refusal> {
        match self.handler_of(id, method, Kind::RtpObserver)? {
            (key, Entity::RtpObserver(observer)) => Ok((key, *observer)),
            _ => Err(wrong_handler(id, method)),
        }
    }

    fn observed(&self, observer: Key, id: &str, method: Method) -> Result<(Key, ProducerId), Refusal> {
        match self.in_router(observer, id, Kind::Producer)? {
            (key, Entity::Producer(producer)) => Ok((key, producer)),
            _ => Err(wrong_handler(id, method)),
        }
    }
}
