//! The columns of a ticket.

use crate::domain::fields::is_bookkeeping;

/// Those that the sender carries or declares, bookkeeping aside.
pub(super) const TICKET_COLUMNS: [&str; 34] = [
    "activate",
    "agent_id",
    "alert_level",
    "alert_stop",
    "alert_timeout",
    "author",
    "category",
    "closed_at",
    "connect_id",
    "contact_id",
    "created_at",
    "created_by",
    "cust_id",
    "deadline",
    "display_filter",
    "extraField",
    "filter_address",
    "filter_id",
    "has_attachment",
    "num_messages",
    "num_replies",
    "owned_by",
    "priority",
    "project_id",
    "replied_at",
    "sale_id",
    "slevel",
    "status",
    "tags",
    "ticket_status",
    "ticket_type",
    "time_to_close",
    "time_to_reply",
    "title",
];

/// True for a column that every ticket has, whether or not its tenant's log knows a change of it.
pub fn is_ticket_column(name: &str) -> bool {
    TICKET_COLUMNS.contains(&name) || is_bookkeeping(name)
}

/// The columns that every ticket has, bookkeeping aside.
pub fn ticket_columns() -> &'static [&'static str] {
    &TICKET_COLUMNS
}
