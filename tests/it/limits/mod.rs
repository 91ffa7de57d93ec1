//! What strangers can do: next to nothing, and nothing to those who sign.

mod bodies;
mod connections;
mod every_answer;
mod proxies;
mod rejected;
mod tls;
