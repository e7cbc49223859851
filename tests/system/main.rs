//! Whole-system tests: one file per behaviour, each against a real worker process, with one worker and with two.
mod browsers_pairings;
mod first_call;
