//! Who reads a page: in the zone that the browser says, else in the tenant's, else in UTC.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::cookie;
use crate::{
    domain::{ids::Tenant, token::Access, zone::ZoneName},
    http::error::ApiError,
    render::html::Reader,
    store::Store,
};

/// Who asks for a page, as far as the request says.
#[derive(Debug)]
pub(super) struct Asker {
    zone: Option<ZoneName>,
    access: Option<Access>,
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            zone: cookie::zone(&parts.headers).and_then(|name| ZoneName::parse(name).ok()),
            access: parts.extensions.get().cloned(),
        })
    }
}

/// The reader of a page of a tenant, or of one of no tenant.
pub(super) async fn reader(
    store: &Store,
    who: &Asker,
    tenant: Option<&Tenant>,
) -> Result<Reader, ApiError> {
    let own = match (&who.zone, tenant) {
        (Some(zone), _) => Some(zone.as_str().to_owned()),
        (None, Some(tenant)) => store.find_zone(tenant).await?,
        (None, None) => None,
    };
    let reader = Reader::new(own.as_deref().unwrap_or("UTC"));
    Ok(match &who.access {
        Some(access) => reader.with(access),
        None => reader,
    })
}
