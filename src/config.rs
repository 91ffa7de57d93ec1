//! Settings that every command shares, read once from flags and environment.

use std::{env, ffi::OsString, fmt, path::PathBuf};

use clap::Args;

use crate::postgres;

/// Where a service of the whole machine keeps its state.
const ROOT_DATA_DIR: &str = "/var/lib/ticketlog";

/// Settings that every command shares. They may stand before or after the sub-command.
#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// Folder of everything local: private Postgres, secret, spool, locks. Default:
    /// `$XDG_DATA_HOME/ticketlog`, as root `/var/lib/ticketlog`.
    #[arg(
        long,
        global = true,
        env = "TICKETLOG_DATA_DIR",
        value_name = "DIR",
        help_heading = "Shared options"
    )]
    data_dir: Option<PathBuf>,
    /// Use this database instead of a private Postgres, like `postgres://user:password@host/database`.
    #[arg(
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Shared options"
    )]
    pub database_url: Option<DatabaseUrl>,
    /// Folder that holds `postgres` and `initdb`, for the private Postgres.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Shared options"
    )]
    pg_bin_dir: Option<PathBuf>,
    /// Never fetch Postgres; fail if none is installed.
    #[arg(long, global = true, help_heading = "Shared options")]
    offline: bool,
    /// What to log, to standard error: `error`, `warn`, `info`, `debug`, or filters like
    /// `ticketlog=debug,sqlx=warn`.
    #[arg(
        long,
        global = true,
        env = "TICKETLOG_LOG",
        default_value = "info,sqlx::postgres::notice=warn,sqlx::query=error",
        value_name = "FILTER",
        help_heading = "Shared options"
    )]
    pub log: String,
    /// One JSON object a log line.
    #[arg(long, global = true, help_heading = "Shared options")]
    pub log_json: bool,
}

/// The address of a database, which may hold a password: its Debug shows nothing.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL, password and all.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

impl Shared {
    /// The folder of everything local; `None` if it is not given and there is no home folder.
    pub fn data_dir(&self) -> Option<PathBuf> {
        if self.data_dir.is_some() {
            return self.data_dir.clone();
        }
        if nix::unistd::geteuid().is_root() {
            return Some(PathBuf::from(ROOT_DATA_DIR));
        }
        let absolute = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|dir| dir.is_absolute())
        };
        let data_home = absolute("XDG_DATA_HOME");
        let data_home =
            data_home.or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        data_home.map(|dir| dir.join("ticketlog"))
    }

    /// What another command needs to work on the same data, if it cannot guess it: ` --data-dir DIR`. A
    /// database that was named has a name that may hold a password, and is known to whoever gave it.
    pub fn elsewhere(&self) -> String {
        match &self.data_dir {
            Some(dir) if self.database_url.is_none() => format!(" --data-dir {}", dir.display()),
            _ => String::new(),
        }
    }

    /// True if the user said which log is meant, instead of taking the default.
    pub fn names_a_log(&self) -> bool {
        let url = self.database_url.as_ref().map(DatabaseUrl::expose);
        self.data_dir.is_some() || url.is_some_and(|url| !url.is_empty())
    }

    /// Settings of the private Postgres in this folder.
    pub fn postgres(&self, data_dir: PathBuf) -> postgres::Settings {
        postgres::Settings {
            data_dir,
            bin_dir: self.pg_bin_dir.clone(),
            offline: self.offline,
            search_path: search_path(),
            runtime_dir: env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
            door: None,
        }
    }
}

/// The value of `PATH`.
pub fn search_path() -> Option<OsString> {
    env::var_os("PATH")
}
