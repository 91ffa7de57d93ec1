//! How domain values look outside: pure functions, the same for HTTP and for the command line.

pub mod json;
pub mod table;
