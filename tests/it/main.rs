//! The tests of the whole, each against a real Postgres.

#![expect(
    clippy::tests_outside_test_module,
    reason = "the whole binary is tests"
)]

mod history;
mod layers;
mod model;
mod private_postgres;
mod real_data;
mod support;
