//! What the benchmarks of whole programs share: a place of their own to run in, nginx to answer, programs started on one
//! processor and ended for sure, and where each program comes from.
//!
//! Knows nothing of what is measured.

mod arena;
mod backend;
mod certificate;
mod child;
mod fickle;
mod obtain;
mod programs;
mod tail;

pub(super) use arena::{Arena, enter};
pub(super) use backend::Backend;
pub(super) use certificate::{Certificate, NAME as CERTIFIED};
pub(super) use child::Child;
pub(super) use fickle::{Fickle, Manner, Told};
pub(super) use obtain::obtain;
pub(super) use programs::{Found, Program, Programs, hc_run};
pub(super) use tail::Tail;
