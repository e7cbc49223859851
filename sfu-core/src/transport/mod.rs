//! How a peer reaches us: ICE, DTLS, SRTP and the kinds of transport built of them.
pub(crate) mod dtls;
pub(crate) mod ice;
pub(crate) mod srtp;
