//! Pages for people: pure, from what is in the domain to the text of a page.
//!
//! maud escapes all that is put in. A page holds no script and no style of its own, so that the policy of its
//! answer can forbid both; everything works without script. Instants stand in the reader's zone, ids under their
//! labels, and every table names where its CSV and JSON are.

mod actor;
pub mod assets;
mod audit;
mod changes;
mod diff;
mod home;
mod login;
mod operations;
mod parts;
mod problem;
mod query;
mod reader;
mod report;
mod reports;
mod tenants;
mod ticket;
mod tickets;

use maud::{DOCTYPE, Markup, html};

use self::parts::tenant_path;
pub use self::{
    actor::{ActorPage, asked as asked_of_actor},
    audit::{AuditPage, Audited, Choices},
    diff::DiffPage,
    home::{FeedNow, Home},
    login::{LogIn, log_in, way_in},
    operations::{HookRow, Listed, Service, arrivals, conflicts, parked, tokens},
    problem::{Problem, problem},
    query::Pairs,
    reader::Reader,
    report::{Answer, ReportPage, wanted},
    reports::ReportsPage,
    tenants::{TenantRow, tenants},
    ticket::{Found, TicketPage},
    tickets::{TicketRow, TicketsPage},
};
use crate::domain::{ids::Tenant, token::Scope};

/// What stands around the content of a page.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Of the browser's window; the name of the program is added.
    pub title: &'a str,
    /// Whose page it is.
    pub tenant: Option<&'a Tenant>,
    /// Which of the tenant's pages it is.
    pub place: Place,
    /// In whose zone the instants stand; `None` where nobody is logged in.
    pub reader: Option<&'a Reader>,
}

impl Frame<'_> {
    /// The first of the tenant's pages that is open to the reader.
    fn start(&self) -> &'static str {
        let mut open = PLACES.iter().filter(|(.., scope)| self.may(*scope));
        open.next().map_or("", |(_, path, ..)| path)
    }

    fn may(&self, scope: Scope) -> bool {
        self.reader.is_some_and(|reader| reader.may(scope))
    }
}

/// A page in the navigation of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// How the feed is, and what happened last.
    Home,
    /// The tickets, and each of them.
    Tickets,
    /// Who changed what.
    Audit,
    /// The reports, and each of them.
    Reports,
    /// What arrived, for whoever runs the service.
    Deliveries,
    /// None of these.
    Elsewhere,
}

/// The pages of a tenant, in the order of the navigation: each with what follows the tenant's own path, its name and
/// the scope that it takes. A new page is added here.
const PLACES: [(Place, &str, &str, Scope); 5] = [
    (Place::Home, "", "Home", Scope::Read),
    (Place::Tickets, "/tickets", "Tickets", Scope::Read),
    (Place::Audit, "/audit", "Audit", Scope::Read),
    (Place::Reports, "/reports", "Reports", Scope::Report),
    (Place::Deliveries, "/deliveries", "Deliveries", Scope::Admin),
];

/// The text of a whole page.
pub fn page(frame: Frame<'_>, content: &Markup) -> String {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · ticketlog" }
                link rel="icon" type="image/svg+xml" href=(assets::ICON.url());
                link rel="stylesheet" href=(assets::STYLE.url());
                script src=(assets::SCRIPT.url()) defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                (header(frame))
                main #content tabindex="-1" { (content) }
                (footer(frame))
            }
        }
    };
    whole.into_string()
}

fn header(frame: Frame<'_>) -> Markup {
    html! {
        header.top {
            a.mark href="/t" { "ticketlog" }
            @if let Some(tenant) = frame.tenant {
                a.tenant href={ (tenant_path(tenant)) (frame.start()) } { bdi { (tenant) } }
                nav aria-label="Pages" {
                    ul {
                        @for (place, path, name, scope) in PLACES {
                            @if frame.may(scope) { li {
                                a href={ (tenant_path(tenant)) (path) }
                                    aria-current=[(place == frame.place).then_some("page")] { (name) }
                            } }
                        }
                    }
                }
                @if frame.may(Scope::Read) { (find_ticket(tenant)) }
            }
            @if frame.may(Scope::Admin) { a.service href="/operations" { "Operations" } }
            @if frame.reader.is_some() {
                form.out method="post" action="/logout" { button.quiet { "Log out" } }
            }
        }
    }
}

fn find_ticket(tenant: &Tenant) -> Markup {
    html! {
        form.find role="search" method="get" action={ (tenant_path(tenant)) "/tickets" } {
            label for="find" { "Ticket" }
            input #find name="ticket" inputmode="numeric" size="9" required autocomplete="off";
            button { "Open" }
        }
    }
}

fn footer(frame: Frame<'_>) -> Markup {
    html! {
        footer.bottom {
            @if let Some(reader) = frame.reader {
                p {
                    "Times are in " strong { (reader.zone_name()) }
                    "; each shows UTC when the pointer rests on it. Ids show likewise behind their names."
                }
                p {
                    a href="/docs/" { "The same over REST" }
                }
            } @else {
                p { "Every ticket event, kept for ever, and the history that follows from it." }
            }
        }
    }
}
