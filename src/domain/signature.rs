//! The signature of a delivery: base64 of HMAC-SHA256 over the body as received.
//!
//! The key is the UTF-8 of the webhook's secret, never decoded first. No timestamp is signed, so a
//! captured delivery verifies for ever; only permanent deduplication protects from replay.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Header that carries the signature; header names compare without case.
pub const SIGNATURE_HEADER: &str = "x-superoffice-signature";

/// Bytes of a signature.
pub type Signature = [u8; 32];

/// A secret shared with SuperOffice, verbatim: blanks, commas and letters beyond ASCII count.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// `None` if the text is empty: everybody knows that one.
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty()).then(|| Self(SecretString::from(text)))
    }

    /// Signs a body as SuperOffice does.
    pub fn sign(&self, body: &[u8]) -> Signature {
        match self.mac(body) {
            Some(mac) => mac.finalize().into_bytes().into(),
            // HMAC takes a key of any length.
            None => [0; 32],
        }
    }

    fn verifies(&self, body: &[u8], claimed: &Signature) -> bool {
        // verify_slice compares in constant time.
        self.mac(body)
            .is_some_and(|mac| mac.verify_slice(claimed).is_ok())
    }

    fn mac(&self, body: &[u8]) -> Option<Hmac<Sha256>> {
        let key = self.0.expose_secret().as_bytes();
        Hmac::<Sha256>::new_from_slice(key)
            .ok()
            .map(|mac| mac.chain_update(body))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why a body is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is not there; a webhook that was set up without a secret sends none.
    #[error(
        "the header X-SuperOffice-Signature is missing: set a secret on the webhook in SuperOffice"
    )]
    Missing,
    /// The header is not the padded base64 of 32 bytes.
    #[error("the header X-SuperOffice-Signature is not the padded base64 of 32 bytes")]
    Malformed,
    /// No live secret of the hook gives this signature for these bytes.
    #[error("the signature does not fit the body under any live secret of this hook")]
    Wrong,
}

/// Reads the header: standard base64 with padding, 44 characters.
///
/// # Errors
/// [`SignatureError::Malformed`] for anything else.
pub fn decode(header: &[u8]) -> Result<Signature, SignatureError> {
    STANDARD
        .decode(header.trim_ascii())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(SignatureError::Malformed)
}

/// Writes a signature as the header holds it.
pub fn encode(signature: &Signature) -> String {
    STANDARD.encode(signature)
}

/// Checks a claimed signature against every live secret, each in constant time.
///
/// # Errors
/// [`SignatureError::Wrong`] if none fits.
pub fn verify(secrets: &[Secret], claimed: &Signature, body: &[u8]) -> Result<(), SignatureError> {
    let fits = secrets
        .iter()
        .fold(false, |fits, secret| secret.verifies(body, claimed) | fits);
    if fits {
        Ok(())
    } else {
        Err(SignatureError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, SignatureError, decode, encode, verify};

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned()).unwrap()
    }

    #[test]
    fn either_secret_of_a_rotation_verifies() {
        let (old, new) = (secret("old"), secret("new, with a comma "));
        let claimed = old.sign(b"body");
        assert_eq!(
            verify(&[new.clone(), old.clone()], &claimed, b"body"),
            Ok(())
        );
        assert_eq!(
            verify(&[new], &claimed, b"body"),
            Err(SignatureError::Wrong)
        );
        assert_eq!(verify(&[], &claimed, b"body"), Err(SignatureError::Wrong));
    }

    #[test]
    fn only_padded_standard_base64_of_32_bytes_is_a_signature() {
        let text = encode(&[0xfb; 32]);
        assert_eq!(decode(text.as_bytes()), Ok([0xfb; 32]));
        let url_safe = text.replace('+', "-").replace('/', "_");
        let unpadded = text.trim_end_matches('=').to_owned();
        // The last character before the padding carries two bits that no byte uses.
        let loose_bits = text.replace("s=", "t=");
        assert_ne!(loose_bits, text);
        for bad in [
            "",
            "AAAA",
            &url_safe,
            &unpadded,
            &loose_bits,
            &format!("{text}{text}"),
        ] {
            assert_eq!(
                decode(bad.as_bytes()),
                Err(SignatureError::Malformed),
                "{bad}"
            );
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", secret("hunter2")), "Secret");
    }
}
