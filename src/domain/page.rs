//! Cursors: opaque to the client, and good only for the query that gave them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// Items in a page if the client names no number.
pub const DEFAULT_LIMIT: u16 = 100;

/// Most items in a page.
pub const MAX_LIMIT: u16 = 1000;

/// Why a cursor is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not something we made.
    #[error("the cursor is damaged: pass the value of `next` unchanged")]
    Damaged,
    /// Made by another query, for another tenant or by another version.
    #[error("the cursor belongs to another query: repeat the parameters of the first page with it")]
    Foreign,
}

#[derive(Serialize, Deserialize)]
struct Token<T> {
    query: String,
    at: T,
}

/// Makes a cursor that goes on at `at` in the query described by `query`: its path and all parameters
/// but the cursor and the limit.
pub fn encode_cursor<T: Serialize>(query: &str, at: &T) -> String {
    let token = Token {
        query: digest(query),
        at,
    };
    // Serialising strings and numbers into memory cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

/// Reads a cursor made by [`encode_cursor`] for the same query; made again, it is the same text.
///
/// # Errors
/// [`CursorError::Damaged`] if it is none of ours, [`CursorError::Foreign`] if the query is another.
pub fn decode_cursor<T: DeserializeOwned + Serialize>(
    query: &str,
    cursor: &str,
) -> Result<T, CursorError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| CursorError::Damaged)?;
    let token: Token<serde_json::Value> =
        serde_json::from_slice(&bytes).map_err(|_| CursorError::Damaged)?;
    if token.query != digest(query) {
        return Err(CursorError::Foreign);
    }
    let at = serde_json::from_value(token.at).map_err(|_| CursorError::Damaged)?;
    // Blanks, further keys and numbers written otherwise are not ours.
    if encode_cursor(query, &at) == cursor {
        Ok(at)
    } else {
        Err(CursorError::Damaged)
    }
}

/// [`decode_cursor`] where there is one; `None` for the first page.
///
/// # Errors
/// As [`decode_cursor`].
pub fn find_cursor<T: DeserializeOwned + Serialize>(
    query: &str,
    cursor: Option<&str>,
) -> Result<Option<T>, CursorError> {
    cursor
        .map(|cursor| decode_cursor(query, cursor))
        .transpose()
}

/// Cuts what was read, one item more than a page holds, to the page; gives its last item if others follow.
pub fn cut<T>(found: &mut Vec<T>, limit: impl Into<usize>) -> Option<&T> {
    let limit = limit.into();
    let more = found.len() > limit;
    found.truncate(limit);
    found.last().filter(|_| more)
}

/// Enough of a digest to tell queries apart; a cursor grants nothing, so nobody gains by forging one.
fn digest(query: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(query.as_bytes()).into();
    URL_SAFE_NO_PAD.encode(digest.first_chunk::<9>().unwrap_or(&[0; 9]))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::{CursorError, decode_cursor, encode_cursor};

    #[test]
    fn a_cursor_is_good_only_for_its_query() {
        let cursor = encode_cursor("timeline T 1", &(1_i64, "a"));
        assert_eq!(
            decode_cursor("timeline T 1", &cursor),
            Ok((1_i64, "a".to_owned()))
        );
        let other: Result<(i64, String), _> = decode_cursor("timeline U 1", &cursor);
        assert_eq!(other, Err(CursorError::Foreign));
        for bad in ["", "x", "!", &format!("x{cursor}"), "eyJhIjoxfQ"] {
            let read: Result<(i64, String), _> = decode_cursor("timeline T 1", bad);
            assert_eq!(read, Err(CursorError::Damaged), "{bad}");
        }
    }

    #[test]
    fn what_only_reads_like_a_cursor_is_none() {
        let ours = URL_SAFE_NO_PAD.decode(encode_cursor("q", &7_i64)).unwrap();
        let ours = String::from_utf8(ours).unwrap();
        for forged in [
            ours.replace(":7", ": 7"),
            ours.replace("\"at\"", "\"more\":1,\"at\""),
            format!("{ours} "),
        ] {
            let cursor = URL_SAFE_NO_PAD.encode(&forged);
            let read: Result<i64, _> = decode_cursor("q", &cursor);
            assert_eq!(read, Err(CursorError::Damaged), "{forged}");
        }
    }
}
