//! The command that installs PostgreSQL on this platform, for an error to print.

/// The command for this machine; `major` asks for one version where packages have it.
pub(super) fn line(major: Option<u32>) -> String {
    if cfg!(target_os = "macos") {
        return format!("brew install postgresql@{}", major.unwrap_or(17));
    }
    let release = ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok());
    line_for(&release.unwrap_or_default(), major)
}

/// The command for the Linux that an `os-release` file describes.
fn line_for(release: &str, major: Option<u32>) -> String {
    let version = major.map(|major| major.to_string()).unwrap_or_default();
    for name in names(release) {
        return match name {
            "debian" | "ubuntu" if major.is_some() => {
                format!("sudo apt-get install postgresql-{version}")
            }
            "debian" | "ubuntu" => "sudo apt-get install postgresql".to_owned(),
            "fedora" | "rhel" | "centos" => "sudo dnf install postgresql-server".to_owned(),
            "alpine" => format!("sudo apk add postgresql{version}"),
            "arch" => "sudo pacman -S postgresql".to_owned(),
            "suse" | "opensuse" => format!("sudo zypper install postgresql{version}-server"),
            _ => continue,
        };
    }
    "see https://www.postgresql.org/download/".to_owned()
}

/// The names a system goes by: its own first, then those it resembles.
fn names(release: &str) -> Vec<&str> {
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches(['"', '\''])
    };
    let own = value("ID=");
    std::iter::once(own)
        .chain(value("ID_LIKE=").split_whitespace())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_that_of_the_system() {
        let cases = [
            ("NAME=x\nID=debian\n", "sudo apt-get install postgresql"),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                "sudo apt-get install postgresql",
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                "sudo dnf install postgresql-server",
            ),
            ("ID=fedora\n", "sudo dnf install postgresql-server"),
            ("ID=alpine\n", "sudo apk add postgresql"),
            ("ID=arch\n", "sudo pacman -S postgresql"),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
                "sudo zypper install postgresql-server",
            ),
            ("", "see https://www.postgresql.org/download/"),
        ];
        for (release, expected) in cases {
            assert_eq!(line_for(release, None), expected, "{release:?}");
        }
    }

    #[test]
    fn the_command_names_the_version_that_is_needed() {
        assert_eq!(
            line_for("ID=ubuntu\n", Some(16)),
            "sudo apt-get install postgresql-16"
        );
        assert_eq!(
            line_for("ID=alpine\n", Some(16)),
            "sudo apk add postgresql16"
        );
    }
}
