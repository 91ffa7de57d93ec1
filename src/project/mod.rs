//! From the log to the tables that questions across tickets are asked of.
//!
//! One task follows every tenant's log by position ([`follow()`]). A [`step()`] takes the next events, folds
//! them with `domain::history`, and writes in one transaction what follows from them and the new position; where most of a
//! log is not projected yet, it takes all of it at once, ticket by ticket.
//! It is not in the way of a delivery: what goes wrong here delays answers, and can be built again
//! ([`rebuild()`]).

mod build;
mod follow;
mod rebuild;
mod refold;
mod rows;
mod step;

pub use self::{
    build::Built,
    follow::{catch_up, catch_up_all, follow},
    rebuild::rebuild,
    step::{Step, Stride, step},
};
