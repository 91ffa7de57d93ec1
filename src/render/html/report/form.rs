//! What a report can be asked with, as a form: a field for each parameter that its file declares.

use maud::{Markup, html};

use super::ReportPage;
use crate::{
    domain::{
        fields::TICKET_FIELDS,
        history,
        instant::OccurredAt,
        report::{ArgumentError, Kind, Parameter},
    },
    render::html::parts::start,
};

impl ReportPage<'_> {
    pub(super) fn form(&self) -> Markup {
        let parameters = &self.report.parameters;
        if parameters.is_empty() {
            return html! {};
        }
        let has_fields = parameters.iter().any(|one| one.kind == Kind::Field);
        html! {
            form.parameters method="get" action=(self.path()) aria-label="Parameters" {
                @for parameter in parameters { (self.parameter(parameter)) }
                @if has_fields {
                    datalist #fields { @for name in TICKET_FIELDS { option value=(name) {} } }
                }
                div.send {
                    button.primary { "Answer" }
                    @if !self.query.0.is_empty() { a.button href=(self.path()) { "As it begins" } }
                }
            }
        }
    }

    /// What is wrong with a parameter.
    fn fault(&self, name: &str) -> Option<&ArgumentError> {
        let mut faults = self.faults.iter();
        faults.find(|fault| fault.parameter == name)
    }

    /// What is wrong with what has no field here.
    pub(super) fn other_faults(&self) -> Markup {
        let known = |name: &str| self.report.parameters.iter().any(|own| own.name == name);
        let others = self.faults.iter().filter(|fault| !known(&fault.parameter));
        html! {
            @for fault in others { p.error role="alert" { bdi { (start(&fault.to_string())) } } }
        }
    }

    fn parameter(&self, parameter: &Parameter) -> Markup {
        let Parameter {
            name, kind, about, ..
        } = parameter;
        let (id, hint) = (format!("p-{name}"), format!("hint-{name}"));
        let fault = self.fault(name);
        let names = html! { bdi { (name) } };
        html! {
            @if *kind == Kind::Kinds {
                fieldset.parameter aria-describedby=(hint) {
                    legend { (names) }
                    div.ticks { (self.kinds(parameter)) }
                    (said(&hint, about, kind, fault))
                }
            } @else {
                div.parameter {
                    label for=(id) { (names) }
                    @match kind {
                        Kind::Group | Kind::Choice(_) => (self.choice(parameter, &id, &hint)),
                        _ => (self.field(parameter, &id, &hint)),
                    }
                    (said(&hint, about, kind, fault))
                }
            }
        }
    }

    fn given<'a>(&'a self, parameter: &'a Parameter) -> &'a str {
        let given = self.query.first(&parameter.name);
        given.unwrap_or(&parameter.default)
    }

    fn field(&self, parameter: &Parameter, id: &str, hint: &str) -> Markup {
        let given = self.given(parameter);
        let fault = self.fault(&parameter.name);
        // What is wrong can be mended only where it can be seen.
        let (kind, value, step) = match parameter.kind {
            Kind::Instant if fault.is_none() || given.is_empty() => {
                let at = OccurredAt::parse_zoned(given);
                let value = at.map(|at| self.around.reader.field(at.ticks()));
                ("datetime-local", value.unwrap_or_default(), Some("1"))
            }
            Kind::Date if fault.is_none() => ("date", given.to_owned(), None),
            Kind::Integer if fault.is_none() => ("number", given.to_owned(), Some("1")),
            _ => ("text", given.to_owned(), None),
        };
        let list = (parameter.kind == Kind::Field).then_some("fields");
        html! {
            input id=(id) type=(kind) name=(parameter.name) value=(value) step=[step] list=[list]
                aria-describedby=(hint) aria-invalid=[fault.is_some().then_some("true")] autocomplete="off"
                spellcheck="false";
        }
    }

    fn choice(&self, parameter: &Parameter, id: &str, hint: &str) -> Markup {
        let given = self.given(parameter);
        let fault = self.fault(&parameter.name);
        let words = parameter.kind.words();
        html! {
            select id=(id) name=(parameter.name) aria-describedby=(hint)
                aria-invalid=[fault.is_some().then_some("true")] {
                @if parameter.default.is_empty() { option value="" { "–" } }
                @if fault.is_some() && !words.contains(&given) {
                    option value=(given) selected { (start(given)) }
                }
                @for word in words { option value=(word) selected[word == given] { (word) } }
            }
        }
    }

    fn kinds(&self, parameter: &Parameter) -> Markup {
        let name = &parameter.name;
        let default = parameter.default.as_str();
        let given: Vec<&str> = match self.query.first(name) {
            None => default.split(',').collect(),
            Some(_) => self
                .query
                .all(name)
                .flat_map(|words| words.split(','))
                .collect(),
        };
        let words = history::Kind::ALL.map(history::Kind::as_str);
        html! {
            @for word in words {
                label.tick {
                    input type="checkbox" name=(name) value=(word) checked[given.iter().any(|own| own.trim() == word)];
                    (word)
                }
            }
        }
    }
}

/// What a parameter does and takes, or what is wrong with what was given.
fn said(id: &str, about: &str, kind: &Kind, fault: Option<&ArgumentError>) -> Markup {
    let typed = matches!(
        kind,
        Kind::Field | Kind::Zone | Kind::Hours | Kind::Dates | Kind::Percentiles | Kind::Integer
    );
    html! {
        p.hint id=(id) {
            @if let Some(fault) = fault { strong.error role="alert" { bdi { (start(&fault.to_string())) } } " " }
            (about)
            @if typed { " It takes " (kind.expects()) "." }
        }
    }
}
