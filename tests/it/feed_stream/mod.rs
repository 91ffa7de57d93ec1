//! The feed in all its forms: every position once, in order, as soon as it is there, and never an end that
//! nobody sees.

mod broken;
mod commands;
mod concurrent;
mod endings;
mod sse;
mod waiting;
