//! `ticketlog` receives SuperOffice ticket webhooks, keeps every event for ever in an append-only
//! PostgreSQL log, and rebuilds from it each ticket's timeline of changed fields.
//!
//! ```text
//! POST ─> http ─> domain::signature ─> domain::event ─> ingest ─> store::log ─> event table
//! event table ─> project ─> domain::history ─> store::projection ─> change, ticket, … tables
//! tables ─> store ─> domain ─> render ─> http | cli
//! ```
//!
//! Imports run one way: `cli → http → (ingest, project) → store → domain`; [`postgres`], the private cluster, is
//! used by `cli` alone. `tests/it/layers.rs` reads the sources and holds this.

pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod ingest;
pub mod measure;
pub mod postgres;
pub mod project;
pub mod render;
pub mod store;
pub mod telemetry;
