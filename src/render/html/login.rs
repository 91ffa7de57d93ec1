//! The page to log in on.

use maud::{DOCTYPE, html};

use super::{Frame, Place, assets, page};

/// What the page says.
#[derive(Debug, Clone, Copy)]
pub struct LogIn<'a> {
    /// Where to go on afterwards, a path of our own.
    pub next: &'a str,
    /// What was wrong with the last try, and what would be right.
    pub error: Option<&'a str>,
    /// What to know before.
    pub note: Option<&'a str>,
}

/// The page.
pub fn log_in(asked: LogIn<'_>) -> String {
    let content = html! {
        div.card {
            h1 { "Log in" }
            @if let Some(note) = asked.note { p.note { (note) } }
            form method="post" action="/login" {
                input type="hidden" name="next" value=(asked.next);
                label for="token" { "Token" }
                input #token type="password" name="token" required autocomplete="current-password"
                    spellcheck="false" autocapitalize="off" aria-invalid=[asked.error.map(|_| "true")]
                    aria-describedby=[asked.error.map(|_| "error")];
                @if let Some(error) = asked.error { p #error .error role="alert" { (error) } }
                button.primary { "Log in" }
            }
            p.hint {
                "A token begins with " code { "tl_" } ". Whoever runs this service makes one with "
                code { "ticketlog token create" } "."
            }
        }
    };
    let frame = Frame {
        title: "Log in",
        tenant: None,
        place: Place::Elsewhere,
        reader: None,
    };
    page(frame, &content)
}

/// A page that goes on by itself, to a path of our own: for who came by a link on another site, which does not
/// bring the session along.
pub fn way_in(path: &str) -> String {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content={ "0;url=" (path) };
                title { "One moment · ticketlog" }
                link rel="stylesheet" href=(assets::STYLE.url());
            }
            body { main { h1 { "One moment" } p { a href=(path) { "Go on" } } } }
        }
    };
    whole.into_string()
}
