//! Reports.

mod faces;
mod golden;
mod own;
mod real;
