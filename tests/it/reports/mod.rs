//! Reports.

mod drills;
mod faces;
mod golden;
mod one_tick;
mod own;
mod page;
mod real;
mod sums;
