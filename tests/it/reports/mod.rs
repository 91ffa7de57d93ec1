//! Reports.

mod faces;
mod golden;
mod one_tick;
mod own;
mod real;
mod sums;
