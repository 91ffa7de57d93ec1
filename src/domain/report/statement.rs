//! From a report to a prepared statement.

use std::{collections::BTreeSet, fmt::Write};

use super::{Arguments, DRILL, FileError, Report, TENANT};

/// When a line of a report's statement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Branch {
    Both,
    Evidence,
    Answer,
}

/// A line of a report's statement.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) branch: Branch,
    /// Its number in the file, from 0.
    pub(super) number: usize,
    pub(super) text: String,
}

/// A statement with what is bound to it, all of it text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The SQL, each line where it stands in the file.
    pub sql: String,
    /// The names of its parameters, `$1` first.
    pub names: Vec<String>,
}

impl Report {
    /// The statement that gives the answer or, if the arguments ask for it, the evidence.
    pub fn statement(&self, arguments: &Arguments) -> Statement {
        let branch = if arguments.drill().is_some() {
            Branch::Evidence
        } else {
            Branch::Answer
        };
        // The file was checked when it was read.
        self.compose(branch).unwrap_or(Statement {
            sql: String::new(),
            names: Vec::new(),
        })
    }

    /// Its statements, each for a look of Postgres at it: that of the answer, and that of the evidence if there is one.
    pub fn statements(&self) -> Vec<Statement> {
        let branches = [Branch::Answer, Branch::Evidence];
        let there = branches.into_iter().take(1 + usize::from(self.drills));
        there
            .filter_map(|branch| self.compose(branch).ok())
            .collect()
    }

    /// Finds what no statement can be made of.
    pub(super) fn check(&self) -> Result<(), FileError> {
        self.compose(Branch::Answer)?;
        self.compose(Branch::Evidence)?;
        Ok(())
    }

    fn compose(&self, branch: Branch) -> Result<Statement, FileError> {
        let known: BTreeSet<&str> = self
            .parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .chain([TENANT, DRILL])
            .collect();
        let mut composer = Composer {
            known,
            sql: String::new(),
            names: Vec::new(),
            within: Within::Sql,
        };
        let first = self.parts.first().map_or(0, |part| part.number);
        composer.sql.push_str(&"\n".repeat(first));
        let mut next = first;
        for part in &self.parts {
            composer.sql.push_str(&"\n".repeat(part.number - next));
            next = part.number + 1;
            if part.branch == Branch::Both || part.branch == branch {
                composer.line(&part.text, part.number)?;
            }
            composer.sql.push('\n');
        }
        let sql = composer.sql.trim_end().trim_end_matches(';');
        Ok(Statement {
            sql: sql.to_owned(),
            names: composer.names,
        })
    }
}

/// In what a place of the SQL lies.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Within {
    Sql,
    /// A string or a name, up to this quote.
    Quoted(char),
    /// A comment; how deep.
    Comment(usize),
    /// `$tag$`, up to the same again.
    Dollar(String),
}

struct Composer<'a> {
    known: BTreeSet<&'a str>,
    sql: String,
    names: Vec<String>,
    within: Within,
}

impl Composer<'_> {
    /// Adds a line, with a `$n` for each `:'name'` that is not within a string or a comment.
    fn line(&mut self, line: &str, number: usize) -> Result<(), FileError> {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let taken = match self.within.clone() {
                Within::Sql => self.sql_at(rest, number)?,
                Within::Quoted(quote) => {
                    if c == quote {
                        self.within = Within::Sql;
                    }
                    c.len_utf8()
                }
                Within::Comment(deep) => self.comment_at(rest, c, deep),
                Within::Dollar(tag) => {
                    if rest.starts_with(&tag) {
                        self.within = Within::Sql;
                        tag.len()
                    } else {
                        c.len_utf8()
                    }
                }
            };
            // A parameter was written already.
            let (text, after) = rest.split_at(taken);
            if !(self.within == Within::Sql && text.starts_with(":'")) {
                self.sql.push_str(text);
            }
            rest = after;
        }
        Ok(())
    }

    fn comment_at(&mut self, rest: &str, c: char, deep: usize) -> usize {
        if rest.starts_with("/*") {
            self.within = Within::Comment(deep + 1);
            return 2;
        }
        if rest.starts_with("*/") {
            self.within = match deep {
                1 => Within::Sql,
                deep => Within::Comment(deep - 1),
            };
            return 2;
        }
        c.len_utf8()
    }

    /// How many bytes are read as one.
    fn sql_at(&mut self, rest: &str, number: usize) -> Result<usize, FileError> {
        if rest.starts_with("--") {
            return Ok(rest.len());
        }
        if rest.starts_with("::") {
            return Ok(2);
        }
        if rest.starts_with("/*") {
            self.within = Within::Comment(1);
            return Ok(2);
        }
        if let Some(tag) = dollar_tag(rest) {
            self.within = Within::Dollar(tag.to_owned());
            return Ok(tag.len());
        }
        if let Some(after) = rest.strip_prefix(":'") {
            let (name, _) = after
                .split_once('\'')
                .ok_or_else(|| FileError::new(number, "a parameter is written :'name'"))?;
            self.parameter(name, number)?;
            return Ok(name.len() + 3);
        }
        let mut chars = rest.chars();
        let c = chars.next().unwrap_or_default();
        match c {
            '\'' | '"' => self.within = Within::Quoted(c),
            ':' if chars
                .next()
                .is_some_and(|next| next == '"' || next.is_alphabetic()) =>
            {
                return Err(FileError::new(number, "a parameter is written :'name'"));
            }
            _ => {}
        }
        Ok(c.len_utf8())
    }

    fn parameter(&mut self, name: &str, number: usize) -> Result<(), FileError> {
        if !self.known.contains(name) {
            let message = format!(
                "there is no parameter {name}: before the statement stands which there are"
            );
            return Err(FileError::new(number, message));
        }
        let at = self.names.iter().position(|known| known == name);
        let nth = at.unwrap_or(self.names.len());
        if at.is_none() {
            self.names.push(name.to_owned());
        }
        // What it is, Postgres cannot always tell. Writing into a string cannot fail.
        let _ = write!(self.sql, "(${}::text)", nth + 1);
        Ok(())
    }
}

/// `$$` or `$tag$` at the start of a text.
fn dollar_tag(text: &str) -> Option<&str> {
    let after = text.strip_prefix('$')?;
    let (tag, _) = after.split_once('$')?;
    let plain = !tag.starts_with(|c: char| c.is_ascii_digit())
        && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain {
        text.get(..tag.len() + 2)
    } else {
        None
    }
}
