//! Reports.

mod faces;
mod real;
