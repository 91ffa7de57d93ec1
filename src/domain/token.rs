//! Tokens: who may read what. A token is 256 random bits as text, shown once; only its hash is kept.

use std::{collections::BTreeSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::ids::Tenant;

/// Begins every token, so that people and scanners for leaked secrets know one, and so that none begins
/// like an option of the command line.
const MARK: &str = "tl_";

/// Characters after the mark: 256 bits, six a character.
const RANDOM_CHARS: usize = 43;

/// Characters of a token that may be seen: 48 of its bits, so that hardly two begin alike.
const PREFIX_CHARS: usize = MARK.len() + 8;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Histories, and what is derived from them.
    Read,
    /// Reports.
    Report,
    /// All of the others, what is set, and how the service is.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Report, Self::Admin];

    /// Its word, as in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Report => "report",
            Self::Admin => "admin",
        }
    }

    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// What the bearer of a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The tenants it reaches; `None` for all.
    pub tenants: Option<BTreeSet<Tenant>>,
    /// At least one.
    pub scopes: BTreeSet<Scope>,
}

impl Access {
    /// True if one of its scopes is this one or includes it.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// True if the tenant is one of its own.
    pub fn reaches(&self, tenant: &Tenant) -> bool {
        self.tenants
            .as_ref()
            .is_none_or(|tenants| tenants.contains(tenant))
    }
}

/// A token as its bearer has it. Its Debug shows nothing.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// Writes random bits as a token: `tl_` and 43 of `A–Z a–z 0–9 _ -`.
    pub fn of(random: [u8; 32]) -> Self {
        let text = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(random));
        Self(SecretString::from(text))
    }

    /// Reads what has the shape of a token.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(MARK)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let shape = random.len() == RANDOM_CHARS && random.bytes().all(plain);
        shape.then(|| Self(SecretString::from(text)))
    }

    /// The token itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.expose()).into()
    }

    /// How it begins.
    pub fn prefix(&self) -> &str {
        self.expose().get(..PREFIX_CHARS).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Why the bearer of a request is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No header `Authorization`.
    #[error(
        "a token is needed: send the header Authorization: Bearer TOKEN; `ticketlog token create` makes one"
    )]
    Missing,
    /// The header is not `Bearer` and something that could be a token.
    #[error(
        "the header Authorization is not Bearer and a token: tl_ and 43 of A-Z, a-z, 0-9, _ and -"
    )]
    Malformed,
    /// No such token was made, or it has expired, or it was revoked: which, its bearer is not told.
    #[error("the token is not known, has expired or was revoked")]
    Unknown,
    /// The cookie of a browser whose session has ended, or whose token is no longer taken.
    #[error("the session has ended: log in again")]
    Over,
}

/// Reads the value of a header `Authorization`: `Bearer`, in any case, and a token.
///
/// # Errors
/// [`TokenError::Malformed`] for anything else.
pub fn bearer(header: &[u8]) -> Result<Token, TokenError> {
    let text = std::str::from_utf8(header).map_err(|_| TokenError::Malformed)?;
    text.split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .and_then(|(_, token)| Token::parse(token.trim_matches(' ')))
        .ok_or(TokenError::Malformed)
}

/// What is known of a token once it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSummary {
    /// Identity of the token; later ones are greater.
    pub token_id: Uuid,
    /// How the token begins.
    pub prefix: String,
    /// What its bearer may do.
    pub access: Access,
    /// What whoever made it wrote to know it by.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whether a token is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It is.
    Live,
    /// Its time is over.
    Expired,
    /// It was revoked, whether or not its time is over.
    Revoked,
}

impl TokenState {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl TokenSummary {
    /// Whether it is taken at an instant; at `expires_at` it no longer is.
    pub fn state(&self, now: Timestamp) -> TokenState {
        if self.revoked_at.is_some() {
            TokenState::Revoked
        } else if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            TokenState::Expired
        } else {
            TokenState::Live
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_bits_in_the_letters_that_may_stand_anywhere() {
        // Independent of the encoder: 43 characters of six bits, the last with two bits to spare.
        assert_eq!(
            Token::of([0; 32]).expose(),
            format!("tl_{}", "A".repeat(43))
        );
        assert_eq!(
            Token::of([0xff; 32]).expose(),
            format!("tl_{}8", "_".repeat(42))
        );
        assert_eq!(Token::of([0; 32]).prefix(), "tl_AAAAAAAA");
    }

    #[test]
    fn debug_shows_no_token() {
        assert_eq!(format!("{:?}", Token::of([7; 32])), "Token");
    }

    #[test]
    fn only_bearer_and_a_token_are_read() {
        let token = Token::of([7; 32]);
        let text = token.expose();
        for good in [
            format!("Bearer {text}"),
            format!("bearer {text}"),
            format!("BEARER   {text} "),
        ] {
            let read = bearer(good.as_bytes()).unwrap();
            assert_eq!(read.hash(), token.hash(), "{good}");
        }
        let short = text.strip_suffix(|_| true).unwrap();
        for bad in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            text.to_owned(),
            format!("Basic {text}"),
            format!("Bearer\t{text}"),
            format!("Bearer {short}"),
            format!("Bearer {text}A"),
            format!("Bearer {short}="),
            format!("Bearer {short}é"),
            format!("Bearer {text} {text}"),
            format!("Bearer \"{text}\""),
            format!("Bearer {}", text.replace("tl_", "TL_")),
        ] {
            assert_eq!(
                bearer(bad.as_bytes()).unwrap_err(),
                TokenError::Malformed,
                "{bad}"
            );
        }
        assert_eq!(bearer(b"Bearer \xff").unwrap_err(), TokenError::Malformed);
    }

    #[test]
    fn admin_includes_the_other_scopes_and_they_nothing_else() {
        for held in Scope::ALL {
            for asked in Scope::ALL {
                let access = Access {
                    tenants: None,
                    scopes: BTreeSet::from([held]),
                };
                let expected = held == asked || held == Scope::Admin;
                assert_eq!(access.allows(asked), expected, "{held:?} {asked:?}");
            }
        }
    }
}
