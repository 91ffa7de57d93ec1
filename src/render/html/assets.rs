//! The style sheet, the script and the icon: inside the program, and under addresses that change with what they
//! hold, so that a browser may keep each for ever.

use std::{fmt::Write, sync::LazyLock};

use sha2::{Digest, Sha256};

/// Bytes of the digest in an address: enough that no two versions share one.
const DIGEST_BYTES: usize = 8;

/// A file that pages refer to.
#[derive(Debug)]
pub struct Asset {
    name: String,
    /// What it is.
    pub media_type: &'static str,
    /// What it holds.
    pub text: &'static str,
}

impl Asset {
    fn new((stem, ending): (&str, &str), media_type: &'static str, text: &'static str) -> Self {
        let mut name = format!("{stem}.");
        for byte in Sha256::digest(text).iter().take(DIGEST_BYTES) {
            // Writing into a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push('.');
        name.push_str(ending);
        Self {
            name,
            media_type,
            text,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// How pages look.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("assets/style.css");
    Asset::new(("style", "css"), "text/css; charset=utf-8", text)
});

/// What makes them more pleasant.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("assets/script.js");
    Asset::new(("script", "js"), "text/javascript; charset=utf-8", text)
});

/// In the browser's tab.
pub static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("assets/icon.svg");
    Asset::new(("icon", "svg"), "image/svg+xml", text)
});

/// The one of this name.
pub fn find(name: &str) -> Option<&'static Asset> {
    let all: [&'static Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    all.into_iter().find(|asset| asset.name == name)
}
