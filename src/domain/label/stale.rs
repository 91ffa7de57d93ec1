//! Which labels an event of the sender's own lists puts in doubt.

use super::{ACTORS, OWNERS};

/// Names of lists in SuperOffice, without case and underscores, and the fields that hold their ids.
/// `ticketstatus` names two of its lists: the base status in one place, the user's own in another.
const MEANT: [(&str, &[&str]); 14] = [
    ("category", &["category"]),
    ("ejcategory", &["category"]),
    ("ticketcategory", &["category"]),
    ("priority", &["priority"]),
    ("ticketpriority", &["priority"]),
    ("status", &["ticket_status"]),
    ("ticketstatus", &["ticket_status"]),
    ("ticketticketstatus", &["ticket_status"]),
    ("tickettype", &["ticket_type"]),
    ("slevel", &["slevel"]),
    ("ticketslevel", &["slevel"]),
    ("ejuser", &[OWNERS]),
    ("associate", &[OWNERS, ACTORS]),
    ("user", &[OWNERS, ACTORS]),
];

/// The lists whose labels may be wrong after an event like `list.category.changed` or
/// `associate.changed`; none for events about anything else, and for lists whose ids no field holds.
pub fn lists_meant(event: &str) -> &'static [&'static str] {
    let mut words = event.split('.');
    let named = match (words.next(), words.next(), words.next()) {
        (Some("associate"), Some(_), _) => "associate",
        (Some("list"), Some(named), Some(_)) => named,
        _ => return &[],
    };
    let plain = named.to_ascii_lowercase().replace('_', "");
    MEANT
        .iter()
        .find(|(name, _)| *name == plain)
        .map_or(&[], |(_, lists)| lists)
}

#[cfg(test)]
mod tests {
    use super::lists_meant;

    #[test]
    fn an_event_about_a_list_names_the_fields_that_hold_its_ids() {
        for (event, lists) in [
            ("list.category.changed", &["category"][..]),
            ("list.TicketPriority.created", &["priority"]),
            ("list.ticket_type.deleted", &["ticket_type"]),
            ("list.ticketstatus.changed", &["ticket_status"]),
            ("associate.changed", &["owned_by", "actor"]),
            ("list.business.changed", &[]),
            ("list.changed", &[]),
            ("associate", &[]),
            ("ticket.changed", &[]),
            ("", &[]),
        ] {
            assert_eq!(lists_meant(event), lists, "{event}");
        }
    }
}
