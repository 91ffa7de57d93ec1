//! From pieces to a tree.
//!
//! What was expected is noted at every piece that did not fit, whichever way the parser was going, and the
//! furthest of these places is where the mistake is.

mod grammar;
mod piece;

use std::cell::RefCell;

use winnow::{
    ModalResult, Parser,
    error::EmptyError,
    stream::{Stateful, TokenSlice},
};

use super::{
    Expr, MAX_DEPTH, MAX_QUERY_BYTES, Place, QueryError,
    error::{nearest, short},
    lex::{self, Lexeme, Token},
};
use crate::domain::history::Kind;

/// Where these are expected there is more to suggest than keywords.
const A_VALUE: &str = "a value";
const A_KIND: &str = "changed, initial, not_sent, set, touched";

type Tokens<'t> = Stateful<TokenSlice<'t, Token>, &'t RefCell<Furthest>>;
type Parsed<T> = ModalResult<T, EmptyError>;

/// The last place that was reached, and what would have fitted there.
#[derive(Debug)]
struct Furthest {
    /// Pieces that are left from there on.
    left: usize,
    expected: Vec<&'static str>,
}

/// Reads a query.
///
/// # Errors
/// A [`QueryError`] at the place where it is none, or without one if it is too long.
pub(super) fn parse(text: &str) -> Result<Expr, QueryError> {
    if text.len() > MAX_QUERY_BYTES {
        let what = format!("the query is longer than {MAX_QUERY_BYTES} bytes");
        return Err(QueryError::new("", Place::NONE, &what, None));
    }
    let tokens = lex::tokens(text)?;
    check_depth(text, &tokens)?;
    if tokens.is_empty() {
        return Ok(Expr::All(Vec::new()));
    }
    let furthest = RefCell::new(Furthest {
        left: tokens.len(),
        expected: Vec::new(),
    });
    let mut input = Stateful {
        input: TokenSlice::new(&tokens),
        state: &furthest,
    };
    let parsed = (grammar::any_of, piece::end).parse_next(&mut input);
    match parsed {
        Ok((expr, ())) => Ok(expr),
        Err(_) => Err(explain(text, &tokens, &furthest.into_inner())),
    }
}

/// Reading recurses at parentheses and at `not`, so their number bounds the stack.
fn check_depth(text: &str, tokens: &[Token]) -> Result<(), QueryError> {
    let (mut open, mut nots) = (0_usize, 0);
    for token in tokens {
        match token.lexeme {
            Lexeme::Sign("(") => open += 1,
            Lexeme::Sign(")") => open = open.saturating_sub(1),
            Lexeme::Keyword("not") => nots += 1,
            _ => {}
        }
        if open > MAX_DEPTH || nots > MAX_DEPTH {
            let what = format!(
                "there are at most {MAX_DEPTH} parentheses within each other, and {MAX_DEPTH} times \"not\""
            );
            return Err(QueryError::new(text, token.place(), &what, None));
        }
    }
    Ok(())
}

/// What is wrong at the furthest place, in words.
fn explain(text: &str, tokens: &[Token], furthest: &Furthest) -> QueryError {
    let index = tokens.len().saturating_sub(furthest.left);
    let list = shown(&furthest.expected);
    let Some(token) = tokens.get(index) else {
        let place = Place::new(text.len(), text.len());
        let what = format!("the query ends too early; expected {list}");
        return misspelt(text, place, &what, misspelt_before(tokens, index));
    };
    let written = text.get(token.from..token.until).unwrap_or_default();
    let what = format!("expected {list}, not {}", short(written));
    match meant(token, &furthest.expected) {
        Some(meant) => QueryError::new(text, token.place(), &what, Some(meant)),
        None => misspelt(text, token.place(), &what, misspelt_before(tokens, index)),
    }
}

/// An error at a place, and what the word before it may have been meant to be.
fn misspelt(
    text: &str,
    place: Place,
    what: &str,
    before: Option<(Place, &str, &'static str)>,
) -> QueryError {
    let suggest = before.map(|(_, word, near)| format!("{near} instead of {word}"));
    let mended = before.and_then(|(before, _, near)| before.replaced(text, near));
    QueryError::new(text, place, what, suggest).mended_by(mended)
}

/// What was expected, for people: no word twice, and those that say when as one.
fn shown(expected: &[&'static str]) -> String {
    const TIMES: [&str; 7] = ["after", "at", "before", "between", "on", "since", "until"];
    let mut words: Vec<String> = Vec::new();
    for word in expected {
        let word = match *word {
            word if TIMES.contains(&word) => "a time like after 2025-05-01".to_owned(),
            // The same as by.
            "actor" => continue,
            word if word.chars().all(|c| c.is_ascii_punctuation()) => format!("\"{word}\""),
            word => word.to_owned(),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}

/// What a word was meant to be, if it is near to what would fit.
fn meant(token: &Token, expected: &[&'static str]) -> Option<String> {
    let Lexeme::Word(word) = &token.lexeme else {
        return None;
    };
    let kinds = Kind::ALL.map(Kind::as_str);
    let kinds: &[&str] = if expected.contains(&A_KIND) {
        &kinds
    } else {
        &[]
    };
    let words = expected.iter().copied().filter_map(lex::keyword);
    match nearest(word, words.chain(kinds.iter().copied())) {
        Some(near) => Some(near.to_owned()),
        None if expected.contains(&A_VALUE) => Some(format!("\"{word}\"")),
        None if expected.contains(&"and") => Some(format!("and {word}")),
        None => None,
    }
}

/// A keyword, if the word before a mistake looks like a misspelling of one: then it was taken for a field,
/// and what follows it does not fit. Its place, it and the keyword.
fn misspelt_before(tokens: &[Token], index: usize) -> Option<(Place, &str, &'static str)> {
    let before = tokens.get(index.checked_sub(1)?)?;
    let Lexeme::Word(word) = &before.lexeme else {
        return None;
    };
    let near = nearest(word, lex::KEYWORDS)?;
    Some((before.place(), word, near))
}
