//! From text to words, values and signs, each with its place.

use jiff::civil::Date;
use serde_json::value::RawValue;
use winnow::{
    ModalResult, Parser,
    combinator::{alt, delimited, opt, preceded, repeat},
    error::EmptyError,
    stream::{Location, Stream},
    token::{any, one_of, take_while},
};

use super::{Place, QueryError};
use crate::domain::instant::OccurredAt;

/// Words of the language in small letters; a field of such a name stands in back-quotes.
pub(super) const KEYWORDS: [&str; 28] = [
    "actor",
    "after",
    "and",
    "at",
    "before",
    "between",
    "by",
    "changed",
    "declared",
    "ever",
    "false",
    "field",
    "from",
    "in",
    "is",
    "kind",
    "none",
    "not",
    "null",
    "on",
    "or",
    "since",
    "ticket",
    "to",
    "true",
    "undeclared",
    "until",
    "was",
];

/// Longest day: `yyyy-MM-dd`.
const DAY_LEN: usize = 10;

type Input<'a> = winnow::LocatingSlice<&'a str>;

/// A piece of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) lexeme: Lexeme,
    pub(super) from: usize,
    pub(super) until: usize,
}

impl Token {
    pub(super) fn place(&self) -> Place {
        Place::new(self.from, self.until)
    }
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// A keyword in small letters.
    Keyword(&'static str),
    /// A bare field, or a misspelt keyword.
    Word(String),
    /// In back-quotes.
    Field(String),
    /// In quotes.
    Text(String),
    /// JSON, but no string.
    Json(String),
    Day(Date),
    /// In ticks.
    Instant(i64),
    /// `(`, `)`, `,`, `=` or `!=`.
    Sign(&'static str),
}

/// All pieces of a text.
///
/// # Errors
/// At the first place where none begins.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut input = Input::new(text);
    let mut tokens = Vec::new();
    loop {
        skip_blanks(&mut input);
        if input.is_empty() {
            return Ok(tokens);
        }
        let from = input.current_token_start();
        let lexeme = lexeme.parse_next(&mut input);
        let until = input.current_token_start();
        let place = Place::new(from, until);
        let wrong = |what: &str| QueryError::new(text, place, what, None);
        match lexeme {
            Ok(Ok(lexeme)) => tokens.push(Token {
                lexeme,
                from,
                until,
            }),
            Ok(Err(what)) => return Err(wrong(what)),
            Err(_) => return Err(wrong(no_piece(&input))),
        }
    }
}

fn skip_blanks(input: &mut Input<'_>) {
    let blanks: ModalResult<&str, EmptyError> =
        take_while(0.., char::is_whitespace).parse_next(input);
    // It takes nothing where there is none.
    let _ = blanks;
}

/// Why no piece begins here.
fn no_piece(rest: &str) -> &'static str {
    match rest.chars().next() {
        Some('`') => "this back-quote is not closed",
        Some('"' | '\'') => "this quote is not closed",
        Some('[' | '{') => "this is no JSON",
        Some('<' | '>') => "there is no < or >: values are equal or not",
        _ => "this character is no part of the language",
    }
}

/// A piece, or what is wrong with something that has the shape of one.
type Piece = Result<Lexeme, &'static str>;

fn lexeme(input: &mut Input<'_>) -> ModalResult<Piece, EmptyError> {
    alt((sign, word, back_quoted, single_quoted, number_or_time, json)).parse_next(input)
}

fn sign(input: &mut Input<'_>) -> ModalResult<Piece, EmptyError> {
    alt(("!=", "(", ")", ",", "="))
        .map(|sign| {
            let signs = ["!=", "(", ")", ",", "="];
            let sign = signs.into_iter().find(|known| *known == sign);
            Ok(Lexeme::Sign(sign.unwrap_or_default()))
        })
        .parse_next(input)
}

/// `[A-Za-z_][A-Za-z0-9_.]*`
fn word(input: &mut Input<'_>) -> ModalResult<Piece, EmptyError> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let other = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    (one_of(first), take_while(0.., other))
        .take()
        .map(|word: &str| {
            Ok(keyword(word).map_or_else(|| Lexeme::Word(word.to_owned()), Lexeme::Keyword))
        })
        .parse_next(input)
}

/// The keyword that a word is, however it is written.
pub(super) fn keyword(word: &str) -> Option<&'static str> {
    KEYWORDS
        .into_iter()
        .find(|known| word.eq_ignore_ascii_case(known))
}

/// A field of any name; two back-quotes stand for one.
fn back_quoted(input: &mut Input<'_>) -> ModalResult<Piece, EmptyError> {
    quoted('`')
        .map(|name| Ok(Lexeme::Field(name)))
        .parse_next(input)
}

/// A text for those whose shell takes double quotes; two quotes stand for one.
fn single_quoted(input: &mut Input<'_>) -> ModalResult<Piece, EmptyError> {
    quoted('\'')
        .map(|text| Ok(Lexeme::Text(text)))
        .parse_next(input)
}

fn quoted<'a>(quote: char) -> impl Parser<Input<'a>, String, winnow::error::ErrMode<EmptyError>> {
    let doubled = (quote, quote).value(quote);
    let inside = alt((doubled, any.verify(move |c| *c != quote)));
    delimited(quote, repeat(0.., inside), quote)
}

/// `-12`, `1.50`, `2025-06-30`, `2025-06-30T12:00:00+02:00`.
fn number_or_time(input: &mut Input<'_>) -> ModalResult<Piece, EmptyError> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '+' | '-' | '_');
    let signed = preceded(opt('-'), one_of(|c: char| c.is_ascii_digit()));
    (signed, take_while(0.., part))
        .take()
        .map(|text: &str| {
            if is_dated(text) {
                return time(text);
            }
            let number: Result<&RawValue, _> = serde_json::from_str(text);
            match number {
                Ok(_) => Ok(Lexeme::Json(text.to_owned())),
                Err(_) => Err("this is neither a number nor a day like 2025-06-30"),
            }
        })
        .parse_next(input)
}

/// True for what begins like `2025-06`, which no number does.
fn is_dated(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().take(4).all(u8::is_ascii_digit) && bytes.get(4) == Some(&b'-')
}

fn time(text: &str) -> Piece {
    let is_day = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if text.len() == DAY_LEN && is_day(text) {
        let day = text.parse().map_err(|_| "there is no such day")?;
        return Ok(Lexeme::Day(day));
    }
    let zoned =
        text.ends_with(['Z', 'z']) || text.get(19..).is_some_and(|s| s.contains(['+', '-']));
    match OccurredAt::parse(text) {
        Some(at) if zoned => Ok(Lexeme::Instant(at.ticks())),
        Some(_) => Err("an instant has a Z or an offset like +02:00 at its end"),
        None => Err("this is no day like 2025-06-30 and no instant like 2025-06-30T12:00:00Z"),
    }
}

/// A string, an array or an object.
fn json(input: &mut Input<'_>) -> ModalResult<Piece, EmptyError> {
    let rest: &str = input;
    if !rest.starts_with(['"', '[', '{']) {
        return Err(backtrack());
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
    let Some(Ok(value)) = values.next() else {
        return Err(backtrack());
    };
    // Neither has blanks before it, so this is where it ends.
    input.next_slice(value.get().len());
    Ok(if value.get().starts_with('"') {
        let text = serde_json::from_str(value.get());
        text.map(Lexeme::Text).map_err(|_| "this is no text")
    } else {
        Ok(Lexeme::Json(value.get().to_owned()))
    })
}

pub(super) fn backtrack() -> winnow::error::ErrMode<EmptyError> {
    winnow::error::ErrMode::Backtrack(EmptyError)
}
