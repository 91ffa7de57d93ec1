//! The two cookies: the session, which only we read, and the zone, which the script of our pages sets.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::domain::session::{LASTS, Session};

/// The name of the one with the session.
pub(in crate::http) const SESSION: &str = "ticketlog_session";
const ZONE: &str = "zone";

/// The session of a browser; `None` if its cookie is none that we gave.
pub(in crate::http) fn session(headers: &HeaderMap) -> Option<Session> {
    find(headers, SESSION).and_then(Session::parse)
}

/// The zone that the browser is in, whatever it says.
pub(super) fn zone(headers: &HeaderMap) -> Option<&str> {
    find(headers, ZONE)
}

fn find<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named.find_map(|(name, value)| (name == wanted).then_some(value))
}

/// Makes the browser keep a session: where no script and no other site can make use of it, and over an encrypted
/// connection if it came over one.
pub(super) fn keep(session: &Session, encrypted: bool) -> Option<HeaderValue> {
    let seconds = LASTS.as_secs();
    let text = format!("{SESSION}={}; Max-Age={seconds}", session.expose());
    let mut value = written(&text, encrypted)?;
    value.set_sensitive(true);
    Some(value)
}

/// Makes the browser forget it.
pub(super) fn forget(encrypted: bool) -> Option<HeaderValue> {
    written(&format!("{SESSION}=; Max-Age=0"), encrypted)
}

fn written(text: &str, encrypted: bool) -> Option<HeaderValue> {
    let secure = if encrypted { "; Secure" } else { "" };
    let text = format!("{text}; Path=/; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).ok()
}
