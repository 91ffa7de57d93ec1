//! Single pieces, each as what it stands for, and lists of them.

use winnow::{
    Parser,
    combinator::{alt, delimited, opt, preceded, separated},
    error::{EmptyError, ErrMode},
    stream::Stream,
};

use super::{A_KIND, A_VALUE, Parsed, Tokens};
use crate::domain::{
    history::Kind,
    search::{
        Field, Operand, Place, Text, When, Who,
        lex::{Lexeme, Token, backtrack},
    },
};

/// A piece that fits, or a note of what would have.
pub(super) fn piece<'t, T>(
    expected: &'static str,
    pick: impl Fn(&'t Token) -> Option<T>,
) -> impl Parser<Tokens<'t>, T, ErrMode<EmptyError>> {
    move |input: &mut Tokens<'t>| {
        let picked = input.peek_token().and_then(&pick);
        if picked.is_some() {
            input.next_token();
        } else {
            note(input, expected);
        }
        picked.ok_or_else(backtrack)
    }
}

pub(super) fn note(input: &Tokens<'_>, expected: &'static str) {
    let left = input.eof_offset();
    let mut furthest = input.state.borrow_mut();
    if left < furthest.left {
        furthest.expected.clear();
        furthest.left = left;
    }
    if left == furthest.left {
        furthest.expected.push(expected);
    }
}

pub(super) fn word<'t>(word: &'static str) -> impl Parser<Tokens<'t>, (), ErrMode<EmptyError>> {
    piece(word, move |token| {
        (token.lexeme == Lexeme::Keyword(word)).then_some(())
    })
}

pub(super) fn sign<'t>(sign: &'static str) -> impl Parser<Tokens<'t>, (), ErrMode<EmptyError>> {
    piece(sign, move |token| {
        (token.lexeme == Lexeme::Sign(sign)).then_some(())
    })
}

pub(super) fn end(input: &mut Tokens<'_>) -> Parsed<()> {
    if input.peek_token().is_none() {
        return Ok(());
    }
    note(input, "the end");
    Err(backtrack())
}

pub(super) fn field(input: &mut Tokens<'_>) -> Parsed<Field> {
    piece("a field", |token| {
        let (name, bare) = match &token.lexeme {
            Lexeme::Word(name) => (name, token.place()),
            Lexeme::Field(name) => (name, Place::NONE),
            _ => return None,
        };
        let name = name.clone();
        Some(Field { name, bare })
    })
    .parse_next(input)
}

pub(super) fn text(token: &Token) -> Option<Text> {
    let Lexeme::Text(text) = &token.lexeme else {
        return None;
    };
    let (text, at) = (text.clone(), token.place());
    Some(Text { text, at })
}

pub(super) fn value(input: &mut Tokens<'_>) -> Parsed<Operand> {
    piece(A_VALUE, |token| match &token.lexeme {
        Lexeme::Keyword("none") => Some(Operand::Nothing),
        Lexeme::Keyword(json @ ("null" | "true" | "false")) => {
            Some(Operand::Json((*json).to_owned()))
        }
        Lexeme::Json(json) => Some(Operand::Json(json.clone())),
        _ => text(token).map(Operand::Text),
    })
    .parse_next(input)
}

pub(super) fn number(token: &Token) -> Option<i64> {
    match &token.lexeme {
        Lexeme::Json(json) => json.parse().ok(),
        _ => None,
    }
}

pub(super) fn who(input: &mut Tokens<'_>) -> Parsed<Who> {
    piece("an actor's number or label", |token| match token.lexeme {
        Lexeme::Keyword("none") => Some(Who::Nobody),
        _ => number(token)
            .map(Who::Id)
            .or_else(|| text(token).map(Who::Named)),
    })
    .parse_next(input)
}

pub(super) fn kind(input: &mut Tokens<'_>) -> Parsed<Kind> {
    piece(A_KIND, |token| {
        let word = match &token.lexeme {
            Lexeme::Keyword(word) => *word,
            Lexeme::Word(word) => word,
            _ => return None,
        };
        let mut kinds = Kind::ALL.into_iter();
        kinds.find(|kind| word.eq_ignore_ascii_case(kind.as_str()))
    })
    .parse_next(input)
}

pub(super) fn when(input: &mut Tokens<'_>) -> Parsed<When> {
    piece("a day or an instant", |token| match token.lexeme {
        Lexeme::Day(day) => Some(When::Day(day)),
        Lexeme::Instant(ticks) => Some(When::Instant(ticks)),
        _ => None,
    })
    .parse_next(input)
}

/// `a`, `a, b`, `(a, b)`, `in (a, b)`
pub(super) fn list<'t, T>(
    item: impl Fn(&mut Tokens<'t>) -> Parsed<T> + Copy,
) -> impl Parser<Tokens<'t>, Vec<T>, ErrMode<EmptyError>> {
    let plain = move |input: &mut Tokens<'t>| separated(1.., item, sign(",")).parse_next(input);
    let list = alt((delimited(sign("("), plain, sign(")")), plain));
    preceded(opt(word("in")), list)
}
