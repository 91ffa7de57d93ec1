//! The search: its language, and its answers against a naive scan.

mod generated;
mod language;
mod naive;
mod plans;
mod queries;
