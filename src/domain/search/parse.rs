//! From pieces to a tree.
//!
//! What was expected is noted at every piece that did not fit, whichever way the parser was going, and the
//! furthest of these places is where the mistake is.

use std::cell::RefCell;

use winnow::{
    ModalResult, Parser,
    combinator::{alt, delimited, opt, preceded, repeat, separated},
    error::{EmptyError, ErrMode},
    stream::{Stateful, Stream, TokenSlice},
};

use super::{
    Expr, Field, Held, Holding, MAX_DEPTH, MAX_QUERY_BYTES, Move, Operand, Place, Predicate,
    QueryError, Span, Text, When, Who,
    error::{nearest, short},
    lex::{self, Lexeme, Token, backtrack},
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
    let parsed = (any_of, end).parse_next(&mut input);
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
        return QueryError::new(text, place, &what, misspelt_before(tokens, index));
    };
    let written = text.get(token.from..token.until).unwrap_or_default();
    let suggest = meant(token, &furthest.expected).or_else(|| misspelt_before(tokens, index));
    let what = format!("expected {list}, not {}", short(written));
    QueryError::new(text, token.place(), &what, suggest)
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
/// and what follows it does not fit.
fn misspelt_before(tokens: &[Token], index: usize) -> Option<String> {
    let before = tokens.get(index.checked_sub(1)?)?;
    let Lexeme::Word(word) = &before.lexeme else {
        return None;
    };
    let near = nearest(word, lex::KEYWORDS)?;
    Some(format!("{near} instead of {word}"))
}

// ---------------------------------------------------------------- pieces

/// A piece that fits, or a note of what would have.
fn piece<'t, T>(
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

fn note(input: &Tokens<'_>, expected: &'static str) {
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

fn word<'t>(word: &'static str) -> impl Parser<Tokens<'t>, (), ErrMode<EmptyError>> {
    piece(word, move |token| {
        (token.lexeme == Lexeme::Keyword(word)).then_some(())
    })
}

fn sign<'t>(sign: &'static str) -> impl Parser<Tokens<'t>, (), ErrMode<EmptyError>> {
    piece(sign, move |token| {
        (token.lexeme == Lexeme::Sign(sign)).then_some(())
    })
}

fn end(input: &mut Tokens<'_>) -> Parsed<()> {
    if input.peek_token().is_none() {
        return Ok(());
    }
    note(input, "the end");
    Err(backtrack())
}

fn field(input: &mut Tokens<'_>) -> Parsed<Field> {
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

fn text(token: &Token) -> Option<Text> {
    let Lexeme::Text(text) = &token.lexeme else {
        return None;
    };
    let (text, at) = (text.clone(), token.place());
    Some(Text { text, at })
}

fn value(input: &mut Tokens<'_>) -> Parsed<Operand> {
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

fn number(token: &Token) -> Option<i64> {
    match &token.lexeme {
        Lexeme::Json(json) => json.parse().ok(),
        _ => None,
    }
}

fn who(input: &mut Tokens<'_>) -> Parsed<Who> {
    piece("an actor's number or label", |token| match token.lexeme {
        Lexeme::Keyword("none") => Some(Who::Nobody),
        _ => number(token)
            .map(Who::Id)
            .or_else(|| text(token).map(Who::Named)),
    })
    .parse_next(input)
}

fn kind(input: &mut Tokens<'_>) -> Parsed<Kind> {
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

fn when(input: &mut Tokens<'_>) -> Parsed<When> {
    piece("a day or an instant", |token| match token.lexeme {
        Lexeme::Day(day) => Some(When::Day(day)),
        Lexeme::Instant(ticks) => Some(When::Instant(ticks)),
        _ => None,
    })
    .parse_next(input)
}

/// `a`, `a, b`, `(a, b)`, `in (a, b)`
fn list<'t, T>(
    item: impl Fn(&mut Tokens<'t>) -> Parsed<T> + Copy,
) -> impl Parser<Tokens<'t>, Vec<T>, ErrMode<EmptyError>> {
    let plain = move |input: &mut Tokens<'t>| separated(1.., item, sign(",")).parse_next(input);
    let list = alt((delimited(sign("("), plain, sign(")")), plain));
    preceded(opt(word("in")), list)
}

// ---------------------------------------------------------------- the grammar

fn any_of(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let parts: Vec<Expr> = separated(1.., all_of, word("or")).parse_next(input)?;
    Ok(alone_or(parts, Expr::Any))
}

fn all_of(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let parts: Vec<Expr> = separated(1.., term, word("and")).parse_next(input)?;
    Ok(alone_or(parts, Expr::All))
}

/// One part is itself, several are joined.
fn alone_or(parts: Vec<Expr>, join: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    match <[Expr; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => join(parts),
    }
}

fn term(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let not = preceded(word("not"), term).map(|term| Expr::Not(Box::new(term)));
    alt((not, clause)).parse_next(input)
}

/// A statement or a group, and what narrows it without an `and`.
fn clause(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let group = delimited(sign("("), any_of, sign(")"));
    let first = alt((group, of_ticket_or_field, qualifier)).parse_next(input)?;
    let more: Vec<Expr> = repeat(0.., qualifier).parse_next(input)?;
    let parts = [first].into_iter().chain(more).collect();
    Ok(alone_or(parts, Expr::All))
}

/// `by 19`, `ticket 45`, `kind set`, `after 2025-05-01`
fn qualifier(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let by = preceded(alt((word("by"), word("actor"))), list(who)).map(Predicate::Actor);
    let ticket = preceded(word("ticket"), list(ticket)).map(Predicate::Ticket);
    let kind = preceded(word("kind"), list(kind)).map(Predicate::Kind);
    let time = span.map(Predicate::Time);
    alt((by, ticket, kind, time))
        .map(Expr::Is)
        .parse_next(input)
}

fn ticket(input: &mut Tokens<'_>) -> Parsed<i64> {
    piece("a ticket's number", number).parse_next(input)
}

fn of_ticket_or_field(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let declared = preceded(word("declared"), opt(field)).map(Predicate::Declared);
    let undeclared = preceded(word("undeclared"), opt(field)).map(Predicate::Undeclared);
    let of_field = preceded(word("field"), list(field)).map(Predicate::Field);
    let plain = alt((ever, declared, undeclared, of_field)).map(Expr::Is);
    alt((plain, field_clause)).parse_next(input)
}

/// `ever priority in (1, 2)`
fn ever(input: &mut Tokens<'_>) -> Parsed<Predicate> {
    let (field, values) = preceded(word("ever"), (field, equal_to)).parse_next(input)?;
    let when = Holding::Ever;
    Ok(Predicate::Held(Held {
        field,
        values,
        when,
    }))
}

/// `= 1`, `is 1`, `was 1`, `in (1, 2)`
fn equal_to(input: &mut Tokens<'_>) -> Parsed<Vec<Operand>> {
    let equal = alt((word("is"), word("was"), sign("=")));
    alt((preceded(equal, list(value)), in_list)).parse_next(input)
}

fn in_list(input: &mut Tokens<'_>) -> Parsed<Vec<Operand>> {
    let several = separated(1.., value, sign(","));
    preceded(word("in"), delimited(sign("("), several, sign(")"))).parse_next(input)
}

/// What begins with a field.
fn field_clause(input: &mut Tokens<'_>) -> Parsed<Expr> {
    let field = field.parse_next(input)?;
    let held = |values, when| {
        Expr::Is(Predicate::Held(Held {
            field: field.clone(),
            values,
            when,
        }))
    };
    let is_not = preceded(
        alt(((word("is"), word("not")).void(), sign("!="))),
        list(value),
    )
    .map(|values| Expr::Not(Box::new(held(values, Holding::Now))));
    let is = preceded(alt((word("is"), sign("="))), list(value));
    let is = alt((is, in_list)).map(|values| held(values, Holding::Now));
    let was = preceded(word("was"), (list(value), span));
    let was = was.map(|(values, span)| held(values, Holding::During(span)));
    let moved = moved.map(|(changed, from, to)| {
        let field = field.clone();
        Expr::Is(Predicate::Move(Move {
            field,
            changed,
            from,
            to,
        }))
    });
    alt((is_not, is, was, moved)).parse_next(input)
}

/// `changed`, `changed from 1 to 2`, `to 2`
fn moved(input: &mut Tokens<'_>) -> Parsed<(bool, Vec<Operand>, Vec<Operand>)> {
    let changed = opt(word("changed")).parse_next(input)?.is_some();
    let from = opt(preceded(word("from"), list(value))).parse_next(input)?;
    let to = opt(preceded(word("to"), list(value))).parse_next(input)?;
    if !changed && from.is_none() && to.is_none() {
        return Err(backtrack());
    }
    Ok((changed, from.unwrap_or_default(), to.unwrap_or_default()))
}

fn span(input: &mut Tokens<'_>) -> Parsed<Span> {
    alt((
        preceded(alt((word("before"), word("until"))), when).map(Span::Before),
        preceded(word("after"), when).map(Span::After),
        preceded(word("since"), when).map(Span::Since),
        preceded(alt((word("on"), word("at"))), when).map(Span::On),
        preceded(word("between"), (when, preceded(word("and"), when)))
            .map(|(first, last)| Span::Between(first, last)),
    ))
    .parse_next(input)
}
