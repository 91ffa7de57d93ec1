//! Passwords of SQL users: 256 random bits as text, and what Postgres keeps of one.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Letters and digits: they stand in a URL, a connection string of ODBC and a shell as they are.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Digits of base 62 that hold 256 bits.
const CHARS: usize = 43;

/// Rounds of SCRAM: what Postgres takes by itself. More would slow down who guesses, but nobody guesses 256 bits.
const ROUNDS: u32 = 4096;

/// A password. Its Debug shows nothing.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Writes random bits as 43 of `A–Z a–z 0–9`.
    pub fn of(random: [u8; 32]) -> Self {
        let mut number = random;
        let digits = (0..CHARS).map(|_| char::from(next_digit(&mut number)));
        Self(SecretString::from(digits.collect::<String>()))
    }

    /// The password itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What Postgres keeps of it (RFC 5803): made here, so that no statement, and so no log of statements, ever
    /// holds the password, and so that it is SCRAM-SHA-256 whatever `password_encryption` says.
    pub fn verifier(&self, salt: [u8; 16]) -> String {
        let salted = salted(self.expose().as_bytes(), &salt);
        let client_key = mac(&salted, &[b"Client Key"]);
        let stored_key = Sha256::digest(client_key);
        let server_key = mac(&salted, &[b"Server Key"]);
        format!(
            "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
            STANDARD.encode(salt),
            STANDARD.encode(stored_key),
            STANDARD.encode(server_key)
        )
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Divides a number of base 256 by 62; gives the digit of the remainder.
fn next_digit(number: &mut [u8; 32]) -> u8 {
    let mut remainder = 0;
    for byte in number {
        let value = remainder * 256 + usize::from(*byte);
        // Below 256, for the remainder is below 62.
        *byte = u8::try_from(value / ALPHABET.len()).unwrap_or_default();
        remainder = value % ALPHABET.len();
    }
    ALPHABET.get(remainder).copied().unwrap_or_default()
}

/// `Hi` of RFC 5802: PBKDF2 with one block.
fn salted(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut round = mac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut sum = round;
    for _ in 1..ROUNDS {
        round = mac(password, &[&round]);
        for (byte, more) in sum.iter_mut().zip(round) {
            *byte ^= more;
        }
    }
    sum
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_its_bits_in_letters_and_digits() {
        assert_eq!(Password::of([0; 32]).expose(), "A".repeat(43));
        // 62 * 2 + 3, the last digit first.
        let mut random = [0; 32];
        random[31] = 127;
        let expected = format!("DC{}", "A".repeat(41));
        assert_eq!(Password::of(random).expose(), expected);
        let all = Password::of([0xff; 32]);
        assert_eq!(all.expose().len(), 43);
        assert!(all.expose().chars().all(|c| c.is_ascii_alphanumeric()));
        assert_ne!(
            all.expose().as_bytes()[42],
            b'A',
            "the last digit is needed"
        );
    }

    #[test]
    fn debug_shows_no_password() {
        assert_eq!(format!("{:?}", Password::of([7; 32])), "Password");
    }

    #[test]
    fn the_verifier_is_that_of_the_example_in_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let password = Password(SecretString::from("pencil"));
        assert_eq!(
            password.verifier(salt.try_into().unwrap()),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
