//! Layers: what a viewer gets of several encodings, spatial and temporal layers, and that a decoder can use it.
mod bandwidth;
mod camera;
mod decoder;
mod descriptor;
mod overload;
mod pipe;
mod simulcast;
mod structure;
mod svc;
