//! The figures of docs/completeness.md.

use super::tally::{Losses, Tally};

pub(super) const HEADER: &str = "\
| sender | lost | losses | suspect | unproven | no trace | that moved a field | suspect | unproven | no trace \
| intact intervals | suspect | unproven |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

pub(super) fn row(sender: &str, loss: &str, tally: &Tally) -> String {
    let shares = |losses: &Losses| {
        let total = losses.total();
        format!(
            "{total} | {} | {} | {}",
            share(losses.suspect, total),
            share(losses.unproven, total),
            share(losses.no_trace, total),
        )
    };
    format!(
        "| {sender} | {loss} | {} | {} | {} | {} | {} |",
        shares(&tally.all),
        shares(&tally.moved),
        tally.intact,
        exact(tally.intact_suspect, tally.intact),
        exact(tally.intact_unproven, tally.intact),
    )
}

/// Which reasons the losses left, the most frequent first.
pub(super) fn reasons(tally: &Tally) -> String {
    let mut reasons: Vec<_> = tally.reasons.iter().collect();
    reasons.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), **name));
    let total = tally.all.total();
    let each = reasons
        .into_iter()
        .map(|(name, count)| format!("{name} {}", share(*count, total)));
    each.collect::<Vec<_>>().join(", ")
}

/// Why losses that moved a field left no trace.
pub(super) fn untraced(sender: &str, tally: &Tally) -> String {
    let Losses {
        no_trace,
        whole_tickets,
        at_end,
        ..
    } = tally.moved;
    let of_all = |part| share(part, tally.moved.total());
    format!(
        "| {sender} | {} | {} | {} | {} |",
        of_all(no_trace),
        of_all(whole_tickets),
        of_all(at_end),
        of_all(no_trace - whole_tickets - at_end)
    )
}

/// Permille of a whole, rounded.
pub(super) fn permille(part: u64, whole: u64) -> u64 {
    (part * 2000 + whole).checked_div(whole * 2).unwrap_or(0)
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let permille = permille(part, whole);
    format!("{}.{} %", permille / 10, permille % 10)
}

/// A share, and 0 only where there is none.
fn exact(part: u64, whole: u64) -> String {
    match part {
        0 => "0".to_owned(),
        _ => format!("{part} ({})", share(part, whole)),
    }
}
