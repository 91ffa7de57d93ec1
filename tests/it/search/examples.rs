//! What is offered as an example can be searched for.

use ticketlog::domain::search::Query;

use crate::support::program::{printed, ticketlog};

/// The searches of the commands in a text, each with what the text shows in the line after it.
fn commands(text: &str) -> Vec<(String, &str)> {
    let mut lines = text.lines().peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some((_, rest)) = line.split_once("ticketlog search Cust10498 ") else {
            continue;
        };
        let quote = rest.chars().next().unwrap();
        assert!(matches!(quote, '\'' | '"'), "{line}");
        let query = rest.split(quote).nth(1).unwrap();
        found.push((query.to_owned(), lines.peek().copied().unwrap_or_default()));
    }
    found
}

/// Searches in back-quotes that name a field which stands for itself.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let of_a_field = |query: &&str| {
        let mut words = query.split_whitespace();
        words.any(|word| matches!(word, "status" | "priority"))
            && query.contains(' ')
            && !query.contains('\n')
    };
    quoted.filter(of_a_field).collect()
}

#[test]
fn every_search_that_docs_and_help_offer_can_be_read() {
    let output = ticketlog(["search", "--help"]).output().unwrap();
    let (help, _) = printed(&output);
    let docs = include_str!("../../../docs/search.md");
    let readme = include_str!("../../../README.md");
    let (of_help, of_docs) = (commands(&help), commands(docs));
    assert_eq!(of_help.len(), 3, "{help}");
    assert!(of_docs.len() > 15, "{}", of_docs.len());
    for (query, shown) in of_help.into_iter().chain(of_docs).chain(commands(readme)) {
        let read = Query::parse(&query);
        // Other errors are of what there is in the log.
        let is_refused = shown.starts_with("error: expected");
        assert_eq!(read.is_err(), is_refused, "{query}: {read:?}");
    }
    let named = named(docs);
    assert!(named.len() > 3, "{named:?}");
    for query in named {
        Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}
