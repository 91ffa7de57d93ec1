//! The form of a spooled delivery, and how what is readable is found in a damaged file. Pure.
//!
//! ```text
//! marker (16 bytes) · payload length (u32) · CRC-32 of length and payload (u32) · payload
//! payload = envelope length (u32) · envelope (JSON) · body
//! ```
//! Numbers are little-endian. The marker is the random half of the file's name: after damage the next
//! record is found by it, and no sender can put a record into a body, since none knows it.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    delivery::{Arrival, Delivery, KeptHeaders},
    event::{ParkReason, Reading},
    hook::TenantRule,
    ids::Tenant,
    log::Origin,
};

/// Bytes before the payload.
const HEAD: usize = 16 + 4 + 4;

/// What is kept of a delivery beside its body.
#[derive(Serialize, Deserialize)]
struct Envelope {
    arrival_id: Uuid,
    received_at: Timestamp,
    origin: SpooledOrigin,
    headers: KeptHeaders,
    #[serde(flatten)]
    reading: SpooledReading,
}

/// Only what a hook received is spooled: an import has its file to read again.
#[derive(Serialize, Deserialize)]
enum SpooledOrigin {
    #[serde(rename = "webhook")]
    Webhook { hook: String, signature: String },
    #[serde(rename = "unsigned")]
    Unsigned { hook: String },
    #[serde(rename = "import")]
    Import { source: String },
}

/// What the body was read as under its hook's rule, which may be another by the time it is drained.
#[derive(Serialize, Deserialize)]
enum SpooledReading {
    #[serde(rename = "tenant")]
    Tenant(String),
    #[serde(rename = "parked")]
    Parked(ParkReason),
}

/// A stretch of a file.
#[derive(Debug)]
pub(super) enum Found {
    /// A whole record.
    Delivery(Box<Delivery>),
    /// Bytes that are none.
    Damage(Range<usize>),
}

/// Writes a delivery as a record at the end of `bytes`.
///
/// # Errors
/// None that a delivery could cause; `serde_json` and the length of a body only could.
pub(super) fn write(bytes: &mut Vec<u8>, marker: Uuid, delivery: &Delivery) -> std::io::Result<()> {
    let envelope = serde_json::to_vec(&Envelope::from(delivery))?;
    let length = |length: usize| u32::try_from(length).map_err(std::io::Error::other);
    let payload_length = length(4 + envelope.len() + delivery.body.len())?.to_le_bytes();
    let envelope_length = length(envelope.len())?.to_le_bytes();
    let mut digest = crc32fast::Hasher::new();
    for part in [
        &payload_length,
        &envelope_length,
        &*envelope,
        &delivery.body,
    ] {
        digest.update(part);
    }
    bytes.extend_from_slice(marker.as_bytes());
    bytes.extend_from_slice(&payload_length);
    bytes.extend_from_slice(&digest.finalize().to_le_bytes());
    bytes.extend_from_slice(&envelope_length);
    bytes.extend_from_slice(&envelope);
    bytes.extend_from_slice(&delivery.body);
    Ok(())
}

/// Reads a file from its first byte to its last: every byte belongs to one of what is found, in order.
pub(super) fn read(marker: Uuid, file: &Bytes) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < file.len() {
        if let Some((end, delivery)) = read_one(marker, file, at) {
            found.push(Found::Delivery(Box::new(delivery)));
            at = end;
            continue;
        }
        // What follows a damaged record starts with the marker; it may stand in the damage as well.
        let next = (at + 1..file.len())
            .find(|next| {
                starts_with(file, *next, marker.as_bytes())
                    && read_one(marker, file, *next).is_some()
            })
            .unwrap_or(file.len());
        found.push(Found::Damage(at..next));
        at = next;
    }
    found
}

fn starts_with(file: &[u8], at: usize, marker: &[u8]) -> bool {
    file.get(at..at + marker.len()) == Some(marker)
}

/// The record that starts here, and where it ends.
fn read_one(marker: Uuid, file: &Bytes, at: usize) -> Option<(usize, Delivery)> {
    let number = |at: usize| -> Option<u32> {
        let bytes = file.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    if !starts_with(file, at, marker.as_bytes()) {
        return None;
    }
    let payload_length = number(at + 16)?;
    let start = at + HEAD;
    let end = start.checked_add(usize::try_from(payload_length).ok()?)?;
    let payload = file.get(start..end)?;
    let mut digest = crc32fast::Hasher::new();
    digest.update(&payload_length.to_le_bytes());
    digest.update(payload);
    if digest.finalize() != number(at + 20)? {
        return None;
    }
    let body = (start + 4).checked_add(usize::try_from(number(start)?).ok()?)?;
    if body > end {
        return None;
    }
    let envelope: Envelope = serde_json::from_slice(file.get(start + 4..body)?).ok()?;
    Some((end, envelope.delivery(file.slice(body..end))?))
}

impl From<&Delivery> for Envelope {
    fn from(delivery: &Delivery) -> Self {
        let arrival = &delivery.arrival;
        Self {
            arrival_id: arrival.arrival_id,
            received_at: arrival.received_at,
            origin: match &arrival.origin {
                Origin::Webhook { hook, signature } => SpooledOrigin::Webhook {
                    hook: hook.clone(),
                    signature: STANDARD.encode(signature),
                },
                Origin::Unsigned { hook } => SpooledOrigin::Unsigned { hook: hook.clone() },
                Origin::Import { source } => SpooledOrigin::Import {
                    source: source.clone(),
                },
            },
            headers: arrival.headers.clone(),
            reading: match &delivery.reading {
                Reading::Event(event) => SpooledReading::Tenant(event.tenant.to_string()),
                Reading::Test { tenant, .. } => SpooledReading::Tenant(tenant.to_string()),
                Reading::Parked(reason) => SpooledReading::Parked(*reason),
            },
        }
    }
}

impl Envelope {
    /// The delivery as it was; reading a body again gives the same.
    fn delivery(self, body: Bytes) -> Option<Delivery> {
        let origin = match self.origin {
            SpooledOrigin::Webhook { hook, signature } => Origin::Webhook {
                hook,
                signature: STANDARD.decode(signature).ok()?.try_into().ok()?,
            },
            SpooledOrigin::Unsigned { hook } => Origin::Unsigned { hook },
            SpooledOrigin::Import { source } => Origin::Import { source },
        };
        let arrival = Arrival {
            arrival_id: self.arrival_id,
            received_at: self.received_at,
            origin,
            headers: self.headers,
        };
        Some(match self.reading {
            SpooledReading::Tenant(tenant) => {
                let tenant = Tenant::parse(&tenant)?;
                Delivery::read(body, &TenantRule::Override(tenant), arrival)
            }
            SpooledReading::Parked(reason) => Delivery {
                reading: Reading::Parked(reason),
                ..Delivery::read(body, &TenantRule::Any, arrival)
            },
        })
    }
}
