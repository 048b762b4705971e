//! Asks one HTTP server one question, and judges the answer.
//!
//! To come: the probe. Here already: what an answer must be, [`expect`].

pub mod expect;
mod words;
