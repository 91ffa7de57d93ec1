//! Sessions of browsers. A session is 256 random bits in a cookie; only their hash is kept, and never the token
//! that was given to log in.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// How long one lasts: a working day, so that a browser left open does not stay logged in overnight.
pub const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// Characters in the cookie: 256 bits, six a character.
const CHARS: usize = 43;

/// SHA-256 of a session.
pub type SessionHash = [u8; 32];

/// A session as its browser has it. Its Debug shows nothing.
#[derive(Clone)]
pub struct Session(SecretString);

impl Session {
    /// Writes random bits as a session: 43 of `A–Z a–z 0–9 _ -`.
    pub fn of(random: [u8; 32]) -> Self {
        Self(SecretString::from(URL_SAFE_NO_PAD.encode(random)))
    }

    /// Reads what has the shape of a session.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let shape = text.len() == CHARS && text.bytes().all(plain);
        shape.then(|| Self(SecretString::from(text)))
    }

    /// The session itself, for its cookie.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is kept of it.
    pub fn hash(&self) -> SessionHash {
        Sha256::digest(self.expose()).into()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_as_it_was_written_and_nothing_else_is() {
        let session = Session::of([7; 32]);
        let read = Session::parse(session.expose()).unwrap();
        assert_eq!(read.hash(), session.hash());
        assert_eq!(format!("{session:?}"), "Session");
        let (short, long) = ("A".repeat(42), "A".repeat(44));
        for bad in [
            "",
            &short,
            &long,
            &format!("{short};"),
            &format!("{short}="),
        ] {
            assert!(Session::parse(bad).is_none(), "{bad}");
        }
    }
}
