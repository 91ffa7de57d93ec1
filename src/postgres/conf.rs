//! The settings of the server, given on its command line, where no file overrides them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{
    door::Door,
    machine::{maintenance_workers, shared_buffers_mib},
};

/// Settings that are the same for every cluster.
const FIXED: [(&str, &str); 17] = [
    // Durable is what the sender is told.
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    // Random keys make the first write to a page after a checkpoint the main cost: few
    // checkpoints. Compressing those images took two thirds of the time of projecting ten million
    // events, and lz4, which would not, is not in every build.
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "30min"),
    // A file of the WAL that is made anew is written whole first, and what comes then waits 50 ms: as
    // many as this holds are used again, however long the service was quiet.
    ("min_wal_size", "1GB"),
    ("wal_compression", "off"),
    ("max_connections", "100"),
    // Our statements are short; compiling them costs more than they take.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // By the socket, only its owner.
    ("unix_socket_permissions", "0700"),
    // Also of the passwords that analysts choose themselves.
    ("password_encryption", "scram-sha-256"),
    // Into the file that is our child's standard error.
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    // The values of a row in the way are people's data.
    ("log_parameter_max_length_on_error", "0"),
    ("log_error_verbosity", "terse"),
];

/// Where the server listens: always on its socket, and on the network only where there is a door.
#[derive(Debug)]
pub(super) struct Listen<'a> {
    pub(super) socket_dir: &'a Path,
    /// Names the socket too.
    pub(super) port: u16,
    /// With the file of its rules.
    pub(super) door: Option<(&'a Door, PathBuf)>,
}

/// The arguments of `postgres`. `tag` stands in the title of each of its processes.
pub(super) fn arguments(cluster: &Path, listen: &Listen<'_>, tag: &str) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("-D"), cluster.into()];
    let mut set = |name: &str, value: &Path| {
        let mut setting = OsString::from(format!("{name}="));
        setting.push(value);
        arguments.extend([OsString::from("-c"), setting]);
    };
    for (name, value) in FIXED {
        set(name, Path::new(value));
    }
    let room = format!("{}MB", shared_buffers_mib());
    set("shared_buffers", Path::new(&room));
    let workers = maintenance_workers().to_string();
    set("max_parallel_maintenance_workers", Path::new(&workers));
    set("port", Path::new(&listen.port.to_string()));
    set("unix_socket_directories", listen.socket_dir);
    match &listen.door {
        Some((door, rules)) => {
            let address = door.address.ip().to_string();
            set("listen_addresses", Path::new(&address));
            set("hba_file", rules);
        }
        None => set("listen_addresses", Path::new("")),
    }
    set("cluster_name", Path::new(tag));
    arguments
}
