//! What plugins can ask for.
mod answers;
mod asking;
mod cast;
mod entities;
mod packets;
