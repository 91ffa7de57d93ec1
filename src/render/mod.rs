//! How domain values look outside: pure functions, the same for HTTP and for the command line.

pub mod arrival;
pub mod conflict;
pub mod csv;
pub mod desk;
pub mod feed;
pub mod found;
pub mod html;
pub mod json;
pub mod label;
pub mod lines;
pub mod mining;
pub mod parked;
pub mod report;
pub mod schema;
pub mod sql_user;
pub mod svg;
pub mod table;
pub mod terminal;
pub mod token;
