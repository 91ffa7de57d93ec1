//! The settings of the server, given on its command line, where no file overrides them.

use std::ffi::OsString;
use std::path::Path;

use super::socket::PORT;

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
    ("wal_compression", "off"),
    ("shared_buffers", "256MB"),
    ("max_connections", "100"),
    // Our statements are short; compiling them costs more than they take.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // Only by the socket, and only its owner.
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    // Into the file that is our child's standard error.
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    // The values of a row in the way are people's data.
    ("log_parameter_max_length_on_error", "0"),
    ("log_error_verbosity", "terse"),
];

/// The arguments of `postgres`. `tag` stands in the title of each of its processes.
pub(super) fn arguments(cluster: &Path, socket_dir: &Path, tag: &str) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("-D"), cluster.into()];
    let mut set = |name: &str, value: &Path| {
        let mut setting = OsString::from(format!("{name}="));
        setting.push(value);
        arguments.extend([OsString::from("-c"), setting]);
    };
    for (name, value) in FIXED {
        set(name, Path::new(value));
    }
    set("port", Path::new(&PORT.to_string()));
    set("unix_socket_directories", socket_dir);
    set("cluster_name", Path::new(tag));
    arguments
}
