//! Names and texts in statements that take no parameters: those that make roles and databases.

/// An SQL identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An SQL text, the same whatever `standard_conforming_strings` says.
pub(super) fn text(text: &str) -> String {
    let doubled = text.replace('\\', "\\\\").replace('\'', "''");
    format!("E'{doubled}'")
}

#[cfg(test)]
mod tests {
    use super::{identifier, text};

    #[test]
    fn what_is_quoted_cannot_end_its_quotes() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(text("a'b\\'c"), "E'a''b\\\\''c'");
    }
}
