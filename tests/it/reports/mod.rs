//! Reports.

mod faces;
mod golden;
mod real;
