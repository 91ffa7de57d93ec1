//! A PostgreSQL version, and how its programs say it.

use std::fmt;

/// Oldest major version whose `initdb` and server know what we ask of them.
pub(super) const OLDEST_MAJOR: u32 = 14;

/// A version such as 15.14; ordered as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Version {
    /// Reads what `postgres --version` prints: `postgres (PostgreSQL) 15.14 (Debian …)`.
    /// A version under development, as `19beta1`, has the minor 0.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let (_, rest) = printed.split_once("(PostgreSQL)")?;
        let word = rest.split_whitespace().next()?;
        let number = |text: &str| -> Option<u32> {
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            text.get(..end)?.parse().ok()
        };
        let (major, minor) = word.split_once('.').unwrap_or((word, ""));
        Some(Self {
            major: number(major)?,
            minor: number(minor).unwrap_or(0),
        })
    }

    /// Whether it can run a cluster made by `needed`, or a new one.
    pub(super) fn fits(self, needed: Option<u32>) -> bool {
        self.major >= OLDEST_MAJOR && needed.is_none_or(|needed| needed == self.major)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_packagers_print_them() {
        let parse = |text| Version::parse(text).map(|found| (found.major, found.minor));
        assert_eq!(
            parse("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some((15, 14))
        );
        assert_eq!(parse("postgres (PostgreSQL) 18.6"), Some((18, 6)));
        assert_eq!(parse("postgres (PostgreSQL) 19beta1"), Some((19, 0)));
        assert_eq!(parse("postgres (Other) 15.1"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn an_existing_cluster_fits_its_own_major_only() {
        let version = Version {
            major: 16,
            minor: 1,
        };
        assert!(version.fits(None));
        assert!(version.fits(Some(16)));
        assert!(!version.fits(Some(15)));
        assert!(
            !Version {
                major: 13,
                minor: 9
            }
            .fits(None)
        );
    }
}
