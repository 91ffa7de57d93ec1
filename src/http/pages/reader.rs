//! Who reads a page: in the zone that the browser says, else in the tenant's, else in UTC.

use axum::http::HeaderMap;

use super::cookie;
use crate::{
    domain::{ids::Tenant, zone::ZoneName},
    http::error::ApiError,
    render::html::Reader,
    store::Store,
};

/// The reader of a page of a tenant, or of one of no tenant.
pub(super) async fn reader(
    store: &Store,
    headers: &HeaderMap,
    tenant: Option<&Tenant>,
) -> Result<Reader, ApiError> {
    if let Some(zone) = cookie::zone(headers).and_then(|name| ZoneName::parse(name).ok()) {
        return Ok(Reader::new(zone.as_str()));
    }
    let own = match tenant {
        Some(tenant) => store.find_zone(tenant).await?,
        None => None,
    };
    Ok(Reader::new(own.as_deref().unwrap_or("UTC")))
}
