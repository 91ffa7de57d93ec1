//! The parameters of paths, for the document.

use super::params::SomeActor;
use crate::domain::ids::{EventId, Tenant, TicketId};

/// Of a path.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes what http::extract::Path reads")]
pub(in crate::http) struct TenantPath {
    /// One that has a log.
    tenant: Tenant,
}

/// Of a path.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes what http::extract::Path reads")]
pub(in crate::http) struct TicketPath {
    /// One that has a log.
    tenant: Tenant,
    /// One of which something is in the log.
    ticket: TicketId,
}

/// Of a path.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes what http::extract::Path reads")]
pub(in crate::http) struct EventPath {
    /// One that has a log.
    tenant: Tenant,
    /// One in the log; in any case, with or without hyphens.
    event_id: EventId,
}

/// Of a path.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes what http::extract::Path reads")]
pub(in crate::http) struct ActorPath {
    /// One that has a log.
    tenant: Tenant,
    /// An associate id, or `none`: the events that do not say who it was.
    #[param(inline)]
    actor: SomeActor,
}

/// Of a path.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(
    dead_code,
    reason = "it describes what http::extract::ReportName reads"
)]
pub(in crate::http) struct ReportPath {
    /// One that has a log.
    tenant: Tenant,
    /// One of those that there are.
    report: String,
}
