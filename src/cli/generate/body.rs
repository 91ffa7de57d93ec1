//! A body as SuperOffice 11 sends it: indented, with an after-image.

use std::fmt::{self, Write};

use uuid::Uuid;

use super::{busy::SECOND, ticket::Ticket};
use crate::domain::instant::timestamp_of_ticks;

/// Seconds that the tenant's clock is ahead of UTC: what carries no zone is in this one.
const ZONE: i64 = 3600;

/// What surrounds the event's id, which comes first.
const BEFORE_ID: &str = "{\n  \"EventId\": \"";

/// What happened.
#[derive(Debug)]
pub(super) struct Happening<'a> {
    pub(super) name: &'static str,
    /// In ticks since 1970.
    pub(super) at: i64,
    pub(super) actor: i64,
    pub(super) declared: &'a [&'static str],
}

/// The body of an event.
pub(super) fn write(id: Uuid, tenant: &str, ticket: &Ticket, happening: &Happening<'_>) -> Vec<u8> {
    let mut body = String::with_capacity(1024);
    // Writing to a String cannot fail.
    let _ = write_to(&mut body, id, tenant, ticket, happening);
    body.into_bytes()
}

/// The same event under another id.
pub(super) fn under_another_id(body: &[u8], id: Uuid) -> Vec<u8> {
    let from = BEFORE_ID.len();
    let id = id.hyphenated().to_string();
    let to = from + id.len();
    let (before, after) = (body.get(..from), body.get(to..));
    [
        before.unwrap_or_default(),
        id.as_bytes(),
        after.unwrap_or_default(),
    ]
    .concat()
}

fn write_to(
    body: &mut String,
    id: Uuid,
    tenant: &str,
    ticket: &Ticket,
    happening: &Happening<'_>,
) -> fmt::Result {
    write!(
        body,
        "{BEFORE_ID}{}\",\n  \"Timestamp\": \"",
        id.hyphenated()
    )?;
    civil(body, happening.at)?;
    fraction(body, happening.at)?;
    body.push_str("Z\",\n  \"Changes\": [");
    for (nth, name) in happening.declared.iter().enumerate() {
        let comma = if nth == 0 { "" } else { "," };
        write!(body, "{comma}\n    \"{name}\"")?;
    }
    let end = if happening.declared.is_empty() {
        "]"
    } else {
        "\n  ]"
    };
    write!(
        body,
        "{end},\n  \"Event\": \"{}\",\n  \"PrimaryKey\": {},\n  \"Entity\": \"ticket\",\n  \
         \"ContextIdentifier\": \"{tenant}\",\n  \"ChangedByAssociateId\": {},\n  \
         \"WebhookName\": \"Ticket history, all changes\",\n  \"FieldValues\": {{\n",
        happening.name, ticket.id, happening.actor,
    )?;
    fields(body, ticket)?;
    body.push_str("  }\n}");
    Ok(())
}

fn fields(body: &mut String, t: &Ticket) -> fmt::Result {
    write!(
        body,
        "    \"category\": {},\n    \"connect_id\": {},\n    \"contact_id\": {},\n    \"created_at\": \"",
        t.category, t.connect_id, t.contact_id
    )?;
    civil(body, t.created_at + ZONE * SECOND)?;
    write!(
        body,
        "\",\n    \"cust_id\": {},\n    \"has_attachment\": {},\n    \"last_changed\": \"",
        t.cust_id, t.has_attachment
    )?;
    civil(body, t.last_changed + ZONE * SECOND)?;
    write!(
        body,
        "\",\n    \"owned_by\": {},\n    \"priority\": {},\n    \"project_id\": {},\n    \"sale_id\": {},\n    \
         \"slevel\": {},\n    \"status\": {},\n    \"ticket_status\": {},\n    \"ticket_type\": {}\n",
        t.owned_by,
        t.priority,
        t.project_id,
        t.sale_id,
        t.slevel,
        t.status,
        t.ticket_status,
        t.ticket_type
    )
}

/// `yyyy-MM-ddTHH:mm:ss`.
fn civil(body: &mut String, ticks: i64) -> fmt::Result {
    let at = jiff::tz::TimeZone::UTC.to_datetime(timestamp_of_ticks(ticks));
    write!(
        body,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// `.digits` up to the tick, without trailing zeros, as .NET writes it.
fn fraction(body: &mut String, ticks: i64) -> fmt::Result {
    let ticks = ticks.rem_euclid(SECOND);
    if ticks > 0 {
        write!(body, ".{ticks:07}")?;
        body.truncate(body.trim_end_matches('0').len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Happening, under_another_id, write};
    use crate::cli::generate::{busy::SECOND, ticket::Ticket};

    #[test]
    fn a_body_is_what_superoffice_sends() {
        let mut rng = fastrand::Rng::with_seed(1);
        let ticket = Ticket::new(7, 1_700_000_000 * SECOND, &mut rng);
        let happening = Happening {
            name: "ticket.changed",
            at: 1_700_000_000 * SECOND + 1_234_500,
            actor: 19,
            declared: &["id", "read_by_owner"],
        };
        let body = write(Uuid::from_u128(5), "Cust1", &ticket, &happening);
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["Timestamp"], "2023-11-14T22:13:20.12345Z");
        assert_eq!(json["FieldValues"]["last_changed"], "2023-11-14T23:13:20");
        assert_eq!(json["FieldValues"].as_object().unwrap().len(), 15);
        assert_eq!(json["Changes"], serde_json::json!(["id", "read_by_owner"]));
        // Indented as SuperOffice's own example is.
        assert!(body.starts_with(b"{\n  \"EventId\": \"00000000-0000-0000-0000-000000000005\",\n"));
        assert!(
            body.ends_with(b",\n    \"ticket_type\": 1\n  }\n}"),
            "{json}"
        );
        let again = under_another_id(&body, Uuid::from_u128(6));
        assert_eq!(
            again,
            write(Uuid::from_u128(6), "Cust1", &ticket, &happening)
        );
    }
}
