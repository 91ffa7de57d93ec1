//! Reports: each a question that one SQL file answers.
//!
//! The file is for two readers. `psql -v tenant=… -f FILE` runs it as it stands; the program reads the same text, says
//! which parameters it takes, checks what it is given for them and makes a prepared statement of it. Of psql's own
//! language it knows what such a file needs, and refuses the rest:
//!
//! ```text
//! -- How long tickets held each value of a field.                     the question
//! --
//! -- A visit is a run of one value …                                  the definition
//! --
//! -- plot: total_seconds.                                             perhaps: the column for a bar
//! -- tenant: tenant. Whose tickets.                                   a parameter: its type, what it does
//! \if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif       which must be given
//! -- field: field. The field.
//! \if :{?field} \else \set field ticket_status \endif                 which has a default
//! WITH visit AS (SELECT … FROM report.field_interval WHERE tenant = :'tenant' …)
//! \if :{?drill}                                                       perhaps: the evidence for one row
//! SELECT … WHERE … = :'drill'
//! \else                                                               the answer
//! SELECT …
//! \endif
//! ```

mod arguments;
mod file;
mod parameter;
mod statement;

use std::collections::BTreeMap;

pub use self::{
    arguments::{ArgumentError, Arguments},
    file::FileError,
    parameter::{Kind, Parameter},
    statement::Statement,
};

use self::statement::Part;
use super::near::{likeness, nearest};

/// What is wrong with reports of the operator's own, by the names of their files.
pub type Broken = BTreeMap<String, String>;

/// The parameter that asks for the evidence instead of the answer.
pub const DRILL: &str = "drill";

/// The parameter that every report takes.
pub const TENANT: &str = "tenant";

/// There is no such report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no report \"{name}\"; {}", suggest(near))]
pub struct UnknownReport {
    name: String,
    near: Vec<String>,
}

/// The report of this name.
///
/// # Errors
/// [`UnknownReport`], with names that may have been meant.
pub fn find<'a>(
    reports: impl Iterator<Item = &'a Report> + Clone,
    name: &str,
) -> Result<&'a Report, UnknownReport> {
    let mut searched = reports.clone();
    if let Some(report) = searched.find(|report| report.name == name) {
        return Ok(report);
    }
    let known = reports.map(|report| report.name.clone());
    Err(UnknownReport {
        name: name.to_owned(),
        near: nearest(known.collect(), |known| likeness(known, name)),
    })
}

fn suggest(near: &[String]) -> String {
    match near {
        [] => "the list of reports has all there are".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}

/// Most rows of an answer. Beyond it the answer says that it is not whole.
pub const MAX_ROWS: usize = 100_000;

/// Most bytes of an answer's rows, as JSON; beyond them it says that it is not whole, too. A few answers at once, each in
/// memory as rows and again as text, must leave room for what the service is for: it receives.
pub const MAX_BYTES: usize = 64 << 20;

/// A report, as its file says.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its name: the file's, without `.sql`.
    pub name: String,
    /// What it answers, in a sentence.
    pub question: String,
    /// What its words mean, with the corner cases; paragraphs with a blank line between.
    pub definition: String,
    /// What it takes, in the order of the file; the tenant is not among them.
    pub parameters: Vec<Parameter>,
    /// The column of the answer that makes a bar, if one does.
    pub plot: Option<String>,
    /// True if it gives the evidence for a row.
    pub drills: bool,
    /// True for one of the operator's, which is not to run as this program.
    pub own: bool,
    parts: Vec<Part>,
}
