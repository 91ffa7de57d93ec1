//! The search: its language, and its answers against a naive scan.

mod api;
mod examples;
mod generated;
mod held;
mod language;
mod naive;
mod plans;
mod queries;
mod real;
