//! Deliveries as the store takes them.

use bytes::Bytes;
use ticketlog::{
    clock,
    domain::{
        delivery::{Arrival, Delivery, KeptHeaders},
        hook::TenantRule,
        log::Origin,
    },
};
use uuid::Uuid;

/// A body that arrives now, unsigned, and may be of any tenant.
pub(crate) fn delivery(body: impl Into<Bytes>) -> Delivery {
    let arrival = Arrival {
        arrival_id: Uuid::now_v7(),
        received_at: clock::now(),
        origin: Origin::Unsigned {
            hook: "default".to_owned(),
        },
        headers: KeptHeaders::new(),
    };
    Delivery::read(body.into(), &TenantRule::Any, arrival)
}
