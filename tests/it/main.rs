//! The tests of the whole, each against a real Postgres.

#![expect(
    clippy::tests_outside_test_module,
    reason = "the whole binary is tests"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking too"
)]

mod access;
mod actors;
mod again;
mod append_only;
mod at_size;
mod command_line;
mod completeness;
mod deliveries;
mod desk;
mod desk_cli;
mod diff;
mod durability;
mod feed;
mod feed_health;
mod feed_stream;
mod formats;
mod fuzz;
mod generate;
mod header_sets;
mod history;
mod hostile;
mod label_files;
mod labels;
mod layers;
mod limits;
mod losses;
mod mining;
mod mixed;
mod model;
mod openapi;
mod outages;
mod overtaking;
mod pages;
mod parked;
mod private_postgres;
mod projection;
mod read;
mod real_data;
mod real_desk;
mod receive;
mod reports;
mod search;
mod sender;
mod signatures;
mod spool;
mod sql_users;
mod support;
