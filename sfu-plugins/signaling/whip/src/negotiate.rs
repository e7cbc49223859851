//! The one place where offers and answers are made.
use axum::http::StatusCode;
use sfu_core::control::*;

use crate::fragment::credentials_of;
use crate::problem::Problem;
use crate::resource::{Produced, Role};

/// A client's offer.
pub(crate) struct Offer {
    pub(crate) ufrag: Option<String>,
    pub(crate) pwd: Option<String>,
}

/// What a publisher's offer leads to.
pub(crate) struct PublisherPlan {
    pub(crate) dtls: DtlsParameters,
    pub(crate) producers: Vec<ProducerOptions>,
    pub(crate) answer: String,
}

/// What a viewer's offer leads to.
pub(crate) struct ViewerPlan {
    pub(crate) dtls: DtlsParameters,
    pub(crate) consumers: Vec<(MediaKind, ConsumerOptions)>,
    pub(crate) answer: String,
}

impl Offer {
    pub(crate) fn parse(text: &str, _role: Role) -> Result<Self, Problem> {
        if !text.starts_with("v=0") {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "sdp: no v=0"));
        }
        let (ufrag, pwd) = credentials_of(text);
        Ok(Offer { ufrag, pwd })
    }
}

pub(crate) fn publisher(
    _: &Offer,
    created: &WebRtcTransportCreated,
    _: Labels,
) -> Result<PublisherPlan, Problem> {
    Ok(PublisherPlan {
        dtls: created.dtls_parameters.clone(),
        producers: Vec::new(),
        answer: "v=0\r\n".into(),
    })
}

pub(crate) fn viewer(
    _: &Offer,
    created: &WebRtcTransportCreated,
    _: &[Produced],
    _: Labels,
) -> Result<ViewerPlan, Problem> {
    Ok(ViewerPlan { dtls: created.dtls_parameters.clone(), consumers: Vec::new(), answer: "v=0\r\n".into() })
}
