//! The tests of the whole, each against a real Postgres.

#![expect(
    clippy::tests_outside_test_module,
    reason = "the whole binary is tests"
)]

mod layers;
mod support;
