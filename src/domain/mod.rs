//! What is true of webhooks and histories whatever the database, the transport or the clock: pure
//! functions over values. Nothing here reads the clock, the disk or the network.

pub mod activity;
pub mod arrival;
pub mod completeness;
pub mod conflict;
pub mod daily;
pub mod delivery;
pub mod desk;
pub mod doubt;
pub mod event;
pub mod expiry;
pub mod feed;
pub mod fields;
pub mod history;
pub mod hook;
pub mod ids;
pub mod instant;
pub mod json;
pub mod label;
pub mod log;
pub mod mining;
pub mod near;
pub mod page;
pub mod parked;
pub mod report;
pub mod search;
pub mod session;
pub mod signature;
pub mod sql_user;
pub mod token;
pub mod zone;
