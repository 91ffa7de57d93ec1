//! How the service is: its hooks, its spool, and how far the projections are.

use jiff::Timestamp;
use maud::{Markup, html};

use super::super::{
    Frame, Place, Reader,
    home::{FeedNow, feed_words},
    page,
    parts::{as_data, start, tenant_path},
    reader::{counted, grouped},
    tenants::TenantRow,
};
use crate::domain::feed::FeedState;

/// How the feed through a hook is, with all that is known of it.
#[derive(Debug, Clone)]
pub struct HookRow {
    /// What also its tenants are told.
    pub feed: FeedNow,
    /// The last delivery that had failed before, since the program started.
    pub last_retry_at: Option<Timestamp>,
    /// How many came in a row.
    pub wrong_signatures: u64,
    /// Tenants from which something should have come.
    pub silent_tenants: Vec<String>,
}

/// What the page shows.
#[derive(Debug)]
pub struct Service<'a> {
    /// The configured hooks, by name.
    pub hooks: &'a [HookRow],
    /// The tenants of the reader, by name.
    pub tenants: &'a [TenantRow],
    /// Bytes that wait in the spool, and whether it takes no more.
    pub spool: (u64, bool),
    /// In whose zone.
    pub reader: &'a Reader,
}

/// Tenants that are shown.
const MAX_TENANTS: usize = 300;

impl Service<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let content = html! {
            h1 { "Operations" }
            p.lead {
                "How the service is. "
                a href="/operations/tokens" { "Tokens" } " · "
                a href="/operations/parked" { "Parked bodies" } " · "
                a href="/metrics" { "Metrics" }
            }
            (self.spool())
            (self.hooks())
            (self.projections())
        };
        let frame = Frame {
            title: "Operations",
            tenant: None,
            place: Place::Elsewhere,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }

    fn spool(&self) -> Markup {
        let (bytes, refusing) = self.spool;
        html! {
            @if bytes > 0 || refusing {
                p.banner {
                    strong { (grouped(i64::try_from(bytes).unwrap_or(i64::MAX))) " bytes" }
                    " of deliveries wait in the spool until Postgres takes them"
                    @if refusing { "; " strong.error { "it takes no more" } }
                    "."
                }
            } @else {
                p { "Nothing waits in the spool: what is received goes straight to Postgres." }
            }
        }
    }

    fn hooks(&self) -> Markup {
        html! {
            section aria-labelledby="hooks" {
                h2 #hooks { "Hooks" }
                div.scroll tabindex="0" role="region" aria-label="Table of the hooks" {
                    table {
                        thead { tr {
                            th scope="col" { "Hook" } th scope="col" { "State" } th scope="col" { "Since" }
                            th scope="col" { "Last delivery" } th scope="col" { "Last retry" }
                            th.number scope="col" { "Wrong signatures" } th scope="col" { "Silent tenants" }
                        } }
                        tbody { @for hook in self.hooks { (self.hook(hook)) } }
                    }
                }
                (as_data("/v1/hooks", "The hooks"))
            }
        }
    }

    fn hook(&self, hook: &HookRow) -> Markup {
        let feed = &hook.feed;
        let well = feed.state == FeedState::Ok;
        let never = html! { span.unknown title="since the program started" { "none" } };
        let stamp = |at: Option<Timestamp>| match at {
            Some(at) => self.reader.stamp(at),
            None => never.clone(),
        };
        html! {
            tr {
                th scope="row" { bdi { (start(&feed.hook)) } }
                td {
                    span.doubt[!well].bad[!well] title=(feed.state.as_str()) { (feed_words(feed)) }
                    @if !well { p.hint { (feed.advice) } }
                }
                td { (stamp(feed.since)) }
                td { (stamp(feed.last_delivery_at)) }
                td { (stamp(hook.last_retry_at)) }
                td.number { (hook.wrong_signatures) }
                td { bdi { (start(&hook.silent_tenants.join(", "))) } }
            }
        }
    }

    fn projections(&self) -> Markup {
        html! {
            section aria-labelledby="projections" {
                h2 #projections { "Projections" }
                @if self.tenants.is_empty() {
                    p { "No event of a tenant that your token reaches was ever received." }
                } @else {
                    div.scroll tabindex="0" role="region" aria-label="Table of the projections" {
                        table {
                            thead { tr {
                                th scope="col" { "Tenant" } th.number scope="col" { "Log" }
                                th.number scope="col" { "Projected" } th.number scope="col" { "Lag" }
                                th scope="col" { "What arrived" }
                            } }
                            tbody { @for row in self.tenants.iter().take(MAX_TENANTS) { (projection(row)) } }
                        }
                    }
                }
                @if self.tenants.len() > MAX_TENANTS {
                    p { "and " (self.tenants.len() - MAX_TENANTS) " further tenants in the CSV" }
                }
                (as_data("/v1/tenants", "The projections"))
            }
        }
    }
}

fn projection(row: &TenantRow) -> Markup {
    let lag = row.head.0 - row.projected.0;
    let path = tenant_path(&row.tenant);
    html! {
        tr {
            th scope="row" { a href=(path) { bdi { (row.tenant) } } }
            td.number { (grouped(row.head.0)) }
            td.number { (grouped(row.projected.0)) }
            td.number { @if lag == 0 { "none" } @else { strong.doubt.unproven { (counted(lag, "event", "events")) } } }
            td {
                a href={ (path) "/deliveries" } aria-label={ "Deliveries of " (row.tenant) } { "deliveries" } " "
                a href={ (path) "/deliveries/conflicts" } aria-label={ "Conflicts of " (row.tenant) } { "conflicts" }
            }
        }
    }
}
