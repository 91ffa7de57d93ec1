//! Which tokens there are: how each begins and what it is good for, never the token.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{Content, Listed};
use crate::{
    domain::token::{TokenState, TokenSummary},
    render::{
        html::parts::start,
        token::{scopes, tenants},
    },
};

/// The page of tokens, each with when it was last used since the program started, at an instant.
pub fn tokens(
    tokens: &[(TokenSummary, Option<Timestamp>)],
    now: Timestamp,
    listed: Listed<'_>,
) -> String {
    let rows = tokens
        .iter()
        .map(|(token, used)| row(token, *used, now, listed));
    let rows: Vec<Markup> = rows.collect();
    let lead = html! {
        p.lead {
            "How each begins and what it is good for; the token itself is kept nowhere. "
            code { "ticketlog token create" } " makes one, " code { "ticketlog token revoke" } " ends one and its sessions."
        }
    };
    listed.render(
        None,
        &Content {
            title: "Tokens",
            lead,
            heads: &[
                "Token",
                "State",
                "Good for",
                "Tenants",
                "Name",
                "Made",
                "Expires",
                "Last used",
            ],
            rows: &rows,
            none: "No token of your tenants was made.",
        },
    )
}

fn row(
    token: &TokenSummary,
    used: Option<Timestamp>,
    now: Timestamp,
    listed: Listed<'_>,
) -> Markup {
    let state = token.state(now);
    let live = state == TokenState::Live;
    let reader = listed.reader;
    html! {
        th scope="row" { code title=(token.token_id) { (token.prefix) "…" } }
        td {
            span.unknown[!live] { (state.as_str()) }
            @if let Some(at) = token.revoked_at { " " (reader.stamp(at)) }
        }
        td { (scopes(&token.access)) }
        td { bdi { (start(&tenants(&token.access))) } }
        td { bdi { (start(token.name.as_deref().unwrap_or_default())) } }
        td { (reader.stamp(token.created_at)) }
        td { @if let Some(at) = token.expires_at { (reader.stamp(at)) } @else { "never" } }
        td {
            @if let Some(at) = used { (reader.stamp(at)) } @else {
                span.unknown title="since this service started" { "not since the start" }
            }
        }
    }
}
