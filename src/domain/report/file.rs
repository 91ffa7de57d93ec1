//! From a report file to a report.

use super::{
    DRILL, Kind, Parameter, Report, TENANT,
    statement::{Branch, Part},
};

/// A file that is no report, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl FileError {
    /// Something about a line, counted from 0.
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line: line + 1,
            message: message.into(),
        }
    }
}

impl Report {
    /// Reads a report file. What its SQL is worth, only Postgres can tell.
    ///
    /// # Errors
    /// [`FileError`] at the first line that is not as a report file has to be.
    pub fn parse(name: &str, text: &str) -> Result<Self, FileError> {
        let lines: Vec<&str> = text.lines().collect();
        let mut head = Head::default();
        let mut at = 0;
        while let Some(line) = lines.get(at).map(|line| line.trim()) {
            if let Some(comment) = line.strip_prefix("--") {
                head.comment(comment.trim());
            } else if let Some(directive) = line.strip_prefix("\\if :{?") {
                if directive.starts_with(DRILL) {
                    break;
                }
                head.parameter(at, directive)?;
            } else if !line.is_empty() {
                break;
            }
            at += 1;
        }
        let parts = body(&lines, at)?;
        let mut report = Self {
            name: name.to_owned(),
            question: String::new(),
            definition: String::new(),
            parameters: head.parameters,
            plot: None,
            own: false,
            drills: parts.iter().any(|part| part.branch == Branch::Evidence),
            parts,
        };
        if !head.tenant {
            let message = "it takes no tenant: a report begins with `-- tenant: tenant. Whose tickets.` and its \\if line";
            return Err(FileError::new(0, message));
        }
        report.introduce(&head.text);
        if report.question.is_empty() {
            let message =
                "it says no question: the first line is a comment with what the report answers";
            return Err(FileError::new(0, message));
        }
        report.check()?;
        Ok(report)
    }

    /// [`Report::parse`] of a file of the operator's.
    ///
    /// # Errors
    /// The same.
    pub fn parse_own(name: &str, text: &str) -> Result<Self, FileError> {
        let report = Self::parse(name, text)?;
        Ok(Self {
            own: true,
            ..report
        })
    }

    /// Takes the comments before the parameters apart.
    fn introduce(&mut self, comments: &[String]) {
        let mut lines = Vec::new();
        for line in comments {
            match line.strip_prefix("plot: ") {
                Some(column) => self.plot = Some(column.trim_end_matches('.').to_owned()),
                None => lines.push(line.as_str()),
            }
        }
        let text = lines.join("\n");
        let (question, definition) = text.split_once("\n\n").unwrap_or((&text, ""));
        question
            .replace('\n', " ")
            .trim()
            .clone_into(&mut self.question);
        let paragraphs = definition.split("\n\n");
        let paragraphs: Vec<String> = paragraphs
            .map(|lines| lines.replace('\n', " ").trim().to_owned())
            .filter(|paragraph| !paragraph.is_empty())
            .collect();
        self.definition = paragraphs.join("\n\n");
    }
}

/// What stands before the statement.
#[derive(Default)]
struct Head {
    /// Comments that belong to no parameter.
    text: Vec<String>,
    /// Comments since the last directive.
    recent: Vec<String>,
    parameters: Vec<Parameter>,
    tenant: bool,
}

impl Head {
    fn comment(&mut self, text: &str) {
        self.recent.push(text.to_owned());
    }

    /// A line that begins with `\if :{?`, after that: `name} \else \set name default \endif`.
    fn parameter(&mut self, line: usize, directive: &str) -> Result<(), FileError> {
        let shape = || {
            let message =
                "a parameter is one line: \\if :{?name} \\else \\set name default \\endif";
            FileError::new(line, message)
        };
        let (name, rest) = directive.split_once('}').ok_or_else(shape)?;
        let rest = rest.trim().strip_prefix("\\else").ok_or_else(shape)?;
        let rest = rest.strip_suffix("\\endif").ok_or_else(shape)?.trim();
        let (kind, about) = self.describe(line, name)?;
        if name == TENANT {
            let required = kind == TENANT && rest.starts_with("\\echo") && rest.ends_with("\\quit");
            if !required {
                let message = "the tenant must be given: `-- tenant: tenant. …` and \\if :{?tenant} \\else \\echo '…' \\quit \\endif";
                return Err(FileError::new(line, message));
            }
            self.tenant = true;
            return Ok(());
        }
        let kind = Kind::parse(&kind).ok_or_else(|| {
            let message = format!("\"{kind}\" is no type of a parameter: text would be one");
            FileError::new(line, message)
        })?;
        let default = rest.strip_prefix("\\set").map(str::trim_start);
        let default = default.and_then(|rest| rest.strip_prefix(name));
        let default = unquoted(default.ok_or_else(shape)?.trim()).ok_or_else(shape)?;
        if self.parameters.iter().any(|known| known.name == name) {
            let message = format!("the parameter {name} stands twice");
            return Err(FileError::new(line, message));
        }
        self.parameters.push(Parameter {
            name: name.to_owned(),
            kind,
            about,
            default,
        });
        Ok(())
    }

    /// The type of a parameter and what it does, from the comment before it: `name: type. What it does.`
    fn describe(&mut self, line: usize, name: &str) -> Result<(String, String), FileError> {
        let recent = std::mem::take(&mut self.recent);
        let prefix = format!("{name}: ");
        let Some(at) = recent.iter().rposition(|line| line.starts_with(&prefix)) else {
            let message = format!("before it has to stand `-- {name}: type. What it does.`");
            return Err(FileError::new(line, message));
        };
        let (text, about) = recent.split_at(at);
        self.text.extend_from_slice(text);
        let about = about.join(" ");
        let about = about.strip_prefix(&prefix).unwrap_or(&about);
        let (kind, about) = about.split_once('.').unwrap_or((about, ""));
        Ok((kind.trim().to_owned(), about.trim().to_owned()))
    }
}

/// A default: `word`, `'anything'` or `''`.
fn unquoted(text: &str) -> Option<String> {
    let inner = text
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''));
    let plain = inner.unwrap_or(text);
    (!plain.contains(['\'', '\\'])).then(|| plain.to_owned())
}

/// The lines of the statement, each with when it counts.
fn body(lines: &[&str], from: usize) -> Result<Vec<Part>, FileError> {
    let mut branch = Branch::Both;
    let mut parts = Vec::new();
    for (number, line) in lines.iter().enumerate().skip(from) {
        let Some(directive) = line.trim().strip_prefix('\\') else {
            parts.push(Part {
                branch,
                number,
                text: (*line).to_owned(),
            });
            continue;
        };
        branch = match (directive.trim_end(), branch) {
            ("if :{?drill}", Branch::Both) => Branch::Evidence,
            ("else", Branch::Evidence) => Branch::Answer,
            ("endif", Branch::Answer) => Branch::Both,
            _ => {
                let message = "of psql's own commands a statement has \\if :{?drill}, \\else and \\endif, in this order";
                return Err(FileError::new(number, message));
            }
        };
    }
    if branch != Branch::Both {
        let message = "the \\if :{?drill} has no \\endif";
        return Err(FileError::new(lines.len().saturating_sub(1), message));
    }
    if parts.iter().all(|part| part.text.trim().is_empty()) {
        return Err(FileError::new(from, "there is no statement"));
    }
    Ok(parts)
}
