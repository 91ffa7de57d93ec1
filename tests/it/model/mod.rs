//! A deliberately naive second reading of the rules of history, and a generator of histories to hold
//! the real one against.

mod examples;
pub(crate) mod fold;
pub(crate) mod histories;
pub(crate) mod reading;
mod wire;
