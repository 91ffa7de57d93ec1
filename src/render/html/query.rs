//! The parameters of a page, for links to the same page with others.

use maud::{Markup, html};

/// Names and values in order; a name may stand more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// The first value of a name.
    pub fn first(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.0.iter().filter(move |(own, _)| own == name);
        own.map(|(_, value)| value.as_str())
    }

    /// True if one of these names has a value.
    pub fn has_any(&self, names: &[&str]) -> bool {
        self.0
            .iter()
            .any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The same with one value of a name instead of those it has.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut pairs = self.without(&[name]);
        pairs.0.push((name.to_owned(), value.into()));
        pairs
    }

    /// The same without these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let others = self.0.iter();
        let others = others.filter(|(name, _)| !names.contains(&name.as_str()));
        Self(others.cloned().collect())
    }

    /// The same with these names alone.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let own = self.0.iter();
        let own = own.filter(|(name, _)| names.contains(&name.as_str()));
        Self(own.cloned().collect())
    }

    /// A path with the parameters.
    pub fn link(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_owned();
        }
        format!("{path}?{}", self.encoded())
    }

    /// As a query string.
    pub fn encoded(&self) -> String {
        // Pairs of texts can always be written.
        serde_html_form::to_string(&self.0).unwrap_or_default()
    }

    /// As hidden fields of a form.
    pub(super) fn hidden(&self) -> Markup {
        html! {
            @for (name, value) in &self.0 {
                input type="hidden" name=(name) value=(value);
            }
        }
    }
}
