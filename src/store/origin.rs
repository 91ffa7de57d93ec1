//! Where a body came from, as four columns say it.

use crate::domain::{log::Origin, signature::Signature};

/// Reads the columns `origin`, `hook`, `source` and `signature`; gives the name of one that does not fit.
pub(super) fn read(
    origin: &str,
    hook: Option<String>,
    source: Option<String>,
    signature: Option<Vec<u8>>,
) -> Result<Origin, &'static str> {
    let signature = signature.map(Signature::try_from).transpose();
    let signature = signature.map_err(|_| "signature")?;
    match (origin, hook, source, signature) {
        ("webhook", Some(hook), None, Some(signature)) => Ok(Origin::Webhook { hook, signature }),
        ("unsigned", Some(hook), None, None) => Ok(Origin::Unsigned { hook }),
        ("import", None, Some(source), None) => Ok(Origin::Import { source }),
        _ => Err("origin"),
    }
}
