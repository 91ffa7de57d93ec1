//! Who changed which field how often.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use super::{AuditPage, results::number};
use crate::{
    domain::{
        doubt::Counts,
        ids::Actor,
        search::{Field, FoundCount, Narrowed, Predicate, Who},
    },
    render::{
        html::{
            parts::{actor, as_data, audit_path, start},
            reader::{counted, grouped},
        },
        svg::strength,
    },
};

/// Columns that are shown by name.
const MAX_FIELDS: usize = 12;

/// Rows that are shown by name.
const MAX_ACTORS: usize = 40;

/// Bytes of rows.
const MAX_BYTES: usize = 80_000;

/// The counts, put together.
struct Matrix<'a> {
    cells: BTreeMap<(Option<Actor>, &'a str), i64>,
    /// With their sums, most changes first.
    actors: Vec<(Option<Actor>, i64)>,
    fields: Vec<(&'a str, i64)>,
    all: i64,
    /// The greatest count in a cell.
    most: i64,
}

impl<'a> Matrix<'a> {
    fn new(found: &'a [FoundCount]) -> Self {
        let mut cells = BTreeMap::new();
        let (mut actors, mut fields) = (BTreeMap::new(), BTreeMap::new());
        for count in found {
            cells.insert((count.actor, count.field.as_str()), count.changes);
            *actors.entry(count.actor).or_insert(0) += count.changes;
            *fields.entry(count.field.as_str()).or_insert(0) += count.changes;
        }
        Self {
            cells,
            actors: most_first(actors),
            fields: most_first(fields),
            all: found.iter().map(|count| count.changes).sum(),
            most: found.iter().map(|count| count.changes).max().unwrap_or(0),
        }
    }

    fn cell(&self, actor: Option<Actor>, field: &str) -> i64 {
        self.cells.get(&(actor, field)).copied().unwrap_or(0)
    }
}

fn most_first<T: Ord>(sums: BTreeMap<T, i64>) -> Vec<(T, i64)> {
    let mut sums: Vec<(T, i64)> = sums.into_iter().collect();
    // Equal ones stay in their own order.
    sums.sort_by_key(|(_, changes)| std::cmp::Reverse(*changes));
    sums
}

impl AuditPage<'_> {
    pub(super) fn matrix(&self, found: &[FoundCount], capped: bool, intervals: Counts) -> Markup {
        let matrix = Matrix::new(found);
        html! {
            h2 #found { (counted(matrix.all, "change", "changes")) ": who changed what" }
            @if capped { p.banner { "More people and fields than a page can count: add a time, a field or an actor." } }
            (reliance(intervals))
            @if found.is_empty() { p { "No change is as asked." } } @else { (self.table(&matrix)) }
            (as_data(&self.api(), "Who changed what"))
        }
    }

    fn table(&self, matrix: &Matrix<'_>) -> Markup {
        let (shown, others) = matrix.fields.split_at(matrix.fields.len().min(MAX_FIELDS));
        let narrowed = Narrowed::new(self.text());
        let (rows, left) = self.rows(matrix, shown, &narrowed);
        let sums = matrix.fields.iter().map(|(field, _)| {
            let left = left.iter().map(|(actor, _)| matrix.cell(*actor, field));
            (*field, left.sum::<i64>())
        });
        let left_sums: BTreeMap<&str, i64> = sums.collect();
        let of_others =
            |sum: &dyn Fn(&str) -> i64| others.iter().map(|(field, _)| sum(field)).sum::<i64>();
        html! {
            div.scroll tabindex="0" role="region" aria-label="Table of who changed what" {
                table.matrix {
                    caption { "Changes by who made them and of which field; each number leads to its changes." }
                    thead { tr {
                        th scope="col" { "Who" }
                        @for (name, _) in shown { th.number scope="col" { (head(name)) } }
                        @if !others.is_empty() { th.number scope="col" { (counted(others.len(), "other field", "other fields")) } }
                        th.number scope="col" { "All" }
                    } }
                    tbody {
                        (rows)
                        @if !left.is_empty() { tr {
                            th scope="row" { (counted(left.len(), "other", "others")) }
                            @for (name, _) in shown { td.number { (grouped(left_sums.get(name).copied().unwrap_or(0))) } }
                            @if !others.is_empty() { td.number { (grouped(of_others(&|name| left_sums.get(name).copied().unwrap_or(0)))) } }
                            td.number { (grouped(left.iter().map(|(_, sum)| sum).sum())) }
                        } }
                    }
                    tfoot { tr {
                        th scope="row" { "All" }
                        @for (name, sum) in shown { td.number { (number(*sum, &self.to(&narrowed, &[of(name)]))) } }
                        @if !others.is_empty() { td.number { (grouped(others.iter().map(|(_, sum)| sum).sum())) } }
                        td.number { (grouped(matrix.all)) }
                    } }
                }
            }
        }
    }

    /// The rows that there is room for, and whose are left.
    fn rows<'a>(
        &self,
        matrix: &'a Matrix<'_>,
        shown: &[(&str, i64)],
        narrowed: &Narrowed,
    ) -> (Markup, &'a [(Option<Actor>, i64)]) {
        let mut text = String::new();
        let mut count = 0;
        for (who, sum) in matrix.actors.iter().take(MAX_ACTORS) {
            let row = self
                .row(matrix, shown, (*who, *sum), narrowed)
                .into_string();
            if count > 0 && text.len() + row.len() > MAX_BYTES {
                break;
            }
            text.push_str(&row);
            count += 1;
        }
        (
            PreEscaped(text),
            matrix.actors.get(count..).unwrap_or_default(),
        )
    }

    fn row(
        &self,
        matrix: &Matrix<'_>,
        shown: &[(&str, i64)],
        (who, sum): (Option<Actor>, i64),
        narrowed: &Narrowed,
    ) -> Markup {
        let cells: Vec<(&str, i64)> = shown
            .iter()
            .map(|(name, _)| (*name, matrix.cell(who, name)))
            .collect();
        let others = sum - cells.iter().map(|(_, count)| count).sum::<i64>();
        html! {
            tr {
                th scope="row" { (actor(self.tenant, who, self.labels, self.labels_at)) }
                @for (name, count) in cells {
                    td.number.{ "h" (strength(count, matrix.most)) } {
                        @if count > 0 { (number(count, &self.to(narrowed, &[of(name), by(who)]))) }
                    }
                }
                @if matrix.fields.len() > shown.len() { td.number { @if others > 0 { (grouped(others)) } } }
                td.number { (number(sum, &self.to(narrowed, &[by(who)]))) }
            }
        }
    }

    /// The changes of the search that are as stated.
    fn to(&self, narrowed: &Narrowed, stated: &[Predicate]) -> String {
        let query = self.query.without(&["cursor", "as"]);
        audit_path(self.tenant, &query.with("q", narrowed.by(stated)))
    }
}

fn of(field: &str) -> Predicate {
    Predicate::Field(vec![Field::written(field)])
}

fn by(actor: Option<Actor>) -> Predicate {
    Predicate::Actor(vec![actor.map_or(Who::Nobody, |actor| Who::Id(actor.0))])
}

/// A field's name, which may go on in the next line after each of its words.
fn head(name: &str) -> Markup {
    let name = start(name);
    html! {
        bdi.field { @for word in name.split_inclusive('_') { (word) wbr; } }
    }
}

/// How far counts of changes can be relied on.
fn reliance(intervals: Counts) -> Markup {
    let all = intervals.consistent + intervals.unproven + intervals.suspect;
    html! {
        p.note {
            "Of all " (grouped(all)) " intervals between events here "
            span.doubt.suspect[intervals.suspect > 0] { (grouped(intervals.suspect)) " are suspect" } " and "
            span.doubt.unproven[intervals.unproven > 0] { (grouped(intervals.unproven)) " unproven" }
            ": there a change may be missing, or two may count as one."
        }
    }
}
