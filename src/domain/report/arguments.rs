//! What a report is asked with.

use std::collections::BTreeMap;

use super::{DRILL, Kind, Report, TENANT};
use crate::domain::{ids::Tenant, instant::OccurredAt};

/// The parameters that make durations count business hours, of reports that have both.
const HOURS: &str = "hours";
const HOLIDAYS: &str = "holidays";

/// What a report is asked with: checked, and complete with what was not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments(BTreeMap<String, String>);

/// Something that a report cannot be asked with. Says what is wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    /// Of the parameter of this name, which the report may not take.
    pub parameter: String,
    message: String,
}

impl ArgumentError {
    fn new(parameter: &str, message: impl Into<String>) -> Self {
        Self {
            parameter: parameter.to_owned(),
            message: message.into(),
        }
    }
}

impl Report {
    /// Reads what a report is asked with: names with values, in any order. A name may come again only for kinds of
    /// change, which are joined.
    ///
    /// # Errors
    /// [`ArgumentError`] for a name that the report does not take, a value that the parameter does not take, a time that
    /// ends before it begins, and holidays without business hours.
    pub fn read(
        &self,
        tenant: &Tenant,
        given: &[(String, String)],
    ) -> Result<Arguments, ArgumentError> {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in given {
            let read = self.read_one(name, value)?;
            let is_list = self.kind(name) == Some(&Kind::Kinds);
            match values.get_mut(name) {
                None => {
                    values.insert(name.clone(), read);
                }
                Some(all) if is_list => {
                    all.push(',');
                    all.push_str(&read);
                }
                Some(_) => {
                    let message = format!("{name} may be given once");
                    return Err(ArgumentError::new(name, message));
                }
            }
        }
        for parameter in &self.parameters {
            let default = || parameter.default.clone();
            values.entry(parameter.name.clone()).or_insert_with(default);
        }
        values.insert(TENANT.to_owned(), tenant.as_str().to_owned());
        let arguments = Arguments(values);
        self.check_holidays(&arguments)?;
        match (arguments.ticks("since"), arguments.ticks("until")) {
            (Some(since), Some(until)) if until <= since => {
                let message = "until must be later than since";
                Err(ArgumentError::new("until", message))
            }
            _ => Ok(arguments),
        }
    }

    /// Without business hours all hours count, those of holidays too: whoever names some means something else.
    fn check_holidays(&self, arguments: &Arguments) -> Result<(), ArgumentError> {
        let takes = |name: &str, kind: &Kind| self.kind(name) == Some(kind);
        let has_both = takes(HOLIDAYS, &Kind::Dates) && takes(HOURS, &Kind::Hours);
        if !has_both || arguments.value(HOLIDAYS).is_empty() || !arguments.value(HOURS).is_empty() {
            return Ok(());
        }
        let message = format!(
            "{HOLIDAYS} needs {HOURS}, like \"Mon-Fri 08:00-16:00\": without business hours all hours count"
        );
        Err(ArgumentError::new(HOLIDAYS, message))
    }

    /// All that is wrong with what a report is asked with, in its order; of several things wrong with one parameter
    /// the first. Nothing if [`Report::read`] takes it.
    pub fn faults(&self, tenant: &Tenant, given: &[(String, String)]) -> Vec<ArgumentError> {
        let alone = given
            .iter()
            .filter_map(|(name, value)| self.read_one(name, value).err());
        let mut faults: Vec<ArgumentError> = Vec::new();
        for fault in alone.chain(self.read(tenant, given).err()) {
            if faults
                .iter()
                .all(|known| known.parameter != fault.parameter)
            {
                faults.push(fault);
            }
        }
        faults
    }

    fn read_one(&self, name: &str, value: &str) -> Result<String, ArgumentError> {
        if name == DRILL && self.drills {
            return Ok(value.to_owned());
        }
        let kind = self.kind(name).ok_or_else(|| {
            let known = self.parameters.iter().map(|known| known.name.as_str());
            let known: Vec<&str> = known.chain(self.drills.then_some(DRILL)).collect();
            let message = format!(
                "unknown parameter `{name}`: the report {} takes {}",
                self.name,
                known.join(", ")
            );
            ArgumentError::new(name, message)
        })?;
        // As if it had not been given.
        if value.is_empty() && *kind != Kind::Field {
            return Ok(String::new());
        }
        kind.read(value).map_err(|more| {
            let message = match more {
                Some(more) => format!("{name}: {more}"),
                None => format!("{name} must be {}, not \"{value}\"", kind.expects()),
            };
            ArgumentError::new(name, message)
        })
    }

    /// What the parameter of this name holds; `None` if the report takes none of this name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        let known = self.parameters.iter().find(|known| known.name == name);
        known.map(|known| &known.kind)
    }
}

impl Arguments {
    /// What a parameter of the statement is, as SQL takes it; empty for nothing.
    pub fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The row whose evidence is asked for.
    pub fn drill(&self) -> Option<&str> {
        self.0.get(DRILL).map(String::as_str)
    }

    /// The parameter of this name, an instant, in ticks of 100 ns; `None` if it is not given.
    pub fn ticks(&self, name: &str) -> Option<i64> {
        OccurredAt::parse_zoned(self.0.get(name)?).map(|at| at.ticks())
    }

    /// What it was, by name, without the tenant; `None` for what was not given and has no default.
    pub fn shown(&self) -> BTreeMap<&str, Option<&str>> {
        let shown = self.0.iter().filter(|(name, _)| *name != TENANT);
        shown
            .map(|(name, value)| (name.as_str(), (!value.is_empty()).then_some(value.as_str())))
            .collect()
    }
}
