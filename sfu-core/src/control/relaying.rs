//! Carrying a producer or data producer to another media thread, for a command there that needs it.
use super::steps::{Steps, unexpected};
use super::*;

/// A step of carrying a producer to another media thread.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct RelayCommand(pub(crate) RelayStep);

/// See [`RelayCommand`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RelayStep {
    /// Begin to send its packets to `worker`. Answers [`Reply::Relay`].
    Offer { producer: ProducerId, worker: u8 },
    /// Carry out a command with the copy that stands for the producer; the copy is made if there is none yet, and closed if
    /// nothing needs it in the end. Answers as the command does.
    Accept { offer: Box<RelayOffer>, command: Box<Command> },
    /// Begin to send a data producer's messages to `worker`. Answers [`Reply::DataRelay`].
    OfferData { data_producer: DataProducerId, worker: u8 },
    /// Carry out a command with another thread's data producer. Answers as the command does.
    AcceptData { offer: DataOffer, command: Box<Command> },
}

/// What another media thread needs to know of a data producer.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct DataOffer {
    pub(crate) origin: DataProducerId,
    /// How often the data producer was offered to this media thread, as in [`RelayOffer`].
    pub(crate) number: u32,
    pub(crate) paused: bool,
}

/// What a copy needs to know of the producer that it stands for.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct RelayOffer {
    pub(crate) origin: ProducerId,
    /// How often the producer was offered to this media thread. A copy that closes says which was the last that it knew of, so
    /// that packets go on for those that come.
    pub(crate) number: u32,
    pub(crate) kind: MediaKind,
    pub(crate) parameters: RtpParameters,
    pub(crate) mapping: RtpMapping,
    pub(crate) labels: Labels,
    pub(crate) paused: bool,
}

/// Offers a producer or data producer to the media thread of a command, and lets that one carry it out with what stands for it.
pub(crate) struct Relaying {
    /// The media thread of what is offered.
    from: u8,
    /// The media thread of the command.
    to: u8,
    /// The offer, until it is made.
    offer: Option<RelayStep>,
    /// The command, until somebody takes the offer.
    command: Option<Box<Command>>,
    accept: Option<RelayStep>,
    answer: Option<Result<Reply, ControlError>>,
}

impl Relaying {
    /// For a command that needs a producer or data producer of another media thread.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let (from, to) = match command {
            Command::Consume { transport, options } => (options.producer.into(), transport.worker()),
            Command::SwitchConsumer { consumer, producer } => ((*producer).into(), consumer.worker()),
            Command::ObserveProducer { observer, producer } => ((*producer).into(), observer.worker()),
            Command::ConsumeData { transport, options } => (options.data_producer.into(), transport.worker()),
            _ => return None,
        };
        let offer = match from {
            Target::Producer(producer) => RelayStep::Offer { producer, worker: to },
            Target::DataProducer(data_producer) => RelayStep::OfferData { data_producer, worker: to },
            _ => return None,
        };
        let from = from.worker().filter(|from| *from != to)?;
        let command = Some(Box::new(command.clone()));
        Some(Relaying { from, to, offer: Some(offer), command, accept: None, answer: None })
    }
}

impl Steps for Relaying {
    fn next(&mut self) -> Option<(u8, Command)> {
        let offer = self.offer.take().map(|offer| (self.from, offer));
        let (worker, step) = offer.or_else(|| self.accept.take().map(|accept| (self.to, accept)))?;
        Some((worker, Command::Relay(RelayCommand(step))))
    }

    fn note(&mut self, answer: Result<Reply, ControlError>) {
        match (answer, self.command.take()) {
            (Ok(Reply::Relay(offer)), Some(command)) => {
                self.accept = Some(RelayStep::Accept { offer, command });
            }
            (Ok(Reply::DataRelay(offer)), Some(command)) => {
                self.accept = Some(RelayStep::AcceptData { offer, command });
            }
            (answer, _) => self.answer = Some(answer),
        }
    }

    fn outcome(self: Box<Self>) -> Result<Reply, ControlError> {
        self.answer.unwrap_or_else(|| Err(unexpected(&Reply::Done)))
    }
}
