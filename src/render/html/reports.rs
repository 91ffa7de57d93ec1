//! The reports that there are, each with its question.

use maud::{Markup, html};

use super::{
    Frame, Place, Reader, page,
    parts::{api_path, as_data, start, tenant_path},
};
use crate::domain::{
    ids::Tenant,
    report::{Broken, Report},
};

/// Reports of each kind that are shown, and broken files.
const MAX_SHOWN: usize = 200;

/// What the page shows.
#[derive(Debug)]
pub struct ReportsPage<'a> {
    /// Whose tickets they are about.
    pub tenant: &'a Tenant,
    /// In the order of the documentation; the operator's own stand last.
    pub reports: &'a [&'a Report],
    /// What is wrong with files of the operator's own.
    pub broken: &'a Broken,
    /// In whose zone.
    pub reader: &'a Reader,
}

impl ReportsPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let own = self.reports.iter().any(|report| report.own);
        let api = format!("{}/reports", api_path(self.tenant));
        let content = html! {
            h1 { "Reports" }
            p.lead { "Questions that are asked again and again, each with its definition." }
            div.scroll tabindex="0" role="region" aria-label="Table of the reports" {
                table {
                    thead { tr {
                        th scope="col" { "Report" } th scope="col" { "What it answers" }
                        @if own { th scope="col" { "From" } }
                    } }
                    tbody { @for report in self.reports.iter().take(MAX_SHOWN) { (self.row(report, own)) } }
                }
            }
            (as_data(&api, "The reports"))
            (self.broken())
        };
        let frame = Frame {
            title: "Reports",
            tenant: Some(self.tenant),
            place: Place::Reports,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }

    fn row(&self, report: &Report, own: bool) -> Markup {
        let path = format!("{}/reports/{}", tenant_path(self.tenant), report.name);
        html! {
            tr {
                th scope="row" { a href=(path) { (report.name) } }
                td { bdi { (start(&report.question)) } }
                @if own { td { @if report.own { "your own" } @else { "the program" } } }
            }
        }
    }

    fn broken(&self) -> Markup {
        html! {
            @if !self.broken.is_empty() {
                section aria-labelledby="broken" {
                    h2 #broken { "Files that cannot be run" }
                    div.scroll tabindex="0" role="region" aria-label="Table of files that cannot be run" {
                        table {
                            thead { tr { th scope="col" { "File" } th scope="col" { "What is wrong" } } }
                            tbody {
                                @for (file, wrong) in self.broken.iter().take(MAX_SHOWN) { tr {
                                    th scope="row" { bdi { (start(file)) } }
                                    td.error { bdi { (start(wrong)) } }
                                } }
                            }
                        }
                    }
                    p.data { "Mend the file and start the service again. What is right works all the same." }
                }
            }
        }
    }
}
