//! Carrying a producer to another media thread, for a command there that needs it.
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

/// Offers a producer to the media thread of a command, and lets that one carry it out with what stands for the producer.
pub(crate) struct Relaying {
    producer: ProducerId,
    worker: u8,
    /// The command, until it is sent.
    command: Option<Box<Command>>,
    offer: Option<Box<RelayOffer>>,
    answer: Option<Result<Reply, ControlError>>,
}

impl Relaying {
    /// For a command that needs a producer of another media thread.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let (producer, worker) = match command {
            Command::Consume { transport, options } => (options.producer, transport.worker()),
            Command::SwitchConsumer { consumer, producer } => (*producer, consumer.worker()),
            Command::ObserveProducer { observer, producer } => (*producer, observer.worker()),
            _ => return None,
        };
        if producer.worker() == worker {
            return None;
        }
        let command = Some(Box::new(command.clone()));
        Some(Relaying { producer, worker, command, offer: None, answer: None })
    }
}

impl Steps for Relaying {
    fn next(&mut self) -> Option<(u8, Command)> {
        if self.answer.is_some() {
            return None;
        }
        let (worker, step) = match self.offer.take() {
            None => {
                let Relaying { producer, worker, .. } = *self;
                (producer.worker(), RelayStep::Offer { producer, worker })
            }
            Some(offer) => (self.worker, RelayStep::Accept { offer, command: self.command.take()? }),
        };
        Some((worker, Command::Relay(RelayCommand(step))))
    }

    fn note(&mut self, answer: Result<Reply, ControlError>) {
        match answer {
            Ok(Reply::Relay(offer)) => self.offer = Some(offer),
            answer => self.answer = Some(answer),
        }
    }

    fn outcome(self: Box<Self>) -> Result<Reply, ControlError> {
        self.answer.unwrap_or_else(|| Err(unexpected(&Reply::Done)))
    }
}
