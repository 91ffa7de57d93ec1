//! What the tests stand on: a Postgres to share, a database a test, the service in the test's process.

pub(crate) mod app;
pub(crate) mod cluster;
pub(crate) mod delivery;
pub(crate) mod payload;
pub(crate) mod program;
pub(crate) mod wire;
