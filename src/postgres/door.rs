//! The way in from the network, for those who only read: which address the server listens on, and whom it lets in.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::layout::Layout;
use super::{SUPERUSER, error::ClusterError};

/// Where the server listens beside its socket, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The address; its port also names the socket.
    pub address: SocketAddr,
    /// The only database that is reached through it.
    pub database: String,
    /// The role whose members are let in, with their passwords.
    pub group: String,
    /// The role that runs the service, which is not, whatever it is a member of.
    pub service: String,
}

impl Door {
    /// The rules: whoever enters the folder of the socket may do everything, as ever.
    fn rules(&self) -> String {
        format!(
            "# Written by ticketlog at each start of the server.\n\
             local all all trust\n\
             host all {SUPERUSER},{} all reject\n\
             host {} +{} all scram-sha-256\n",
            self.service, self.database, self.group
        )
    }

    /// Writes the rules to a file beside the cluster and gives its path.
    ///
    /// # Errors
    ///
    /// As the file system answers.
    pub(super) fn write(&self, layout: &Layout) -> Result<PathBuf, ClusterError> {
        let path = layout.root.join("pg_hba.conf");
        let fresh = layout.root.join("pg_hba.conf.new");
        let write = || -> io::Result<()> {
            fs::write(&fresh, self.rules())?;
            // There is no secret in it, and the server may run as another user.
            fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644))?;
            fs::rename(&fresh, &path)
        };
        write().map_err(ClusterError::io("writing", &path))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_come_in_from_the_network_and_only_with_their_passwords() {
        let door = Door {
            address: "127.0.0.1:6432".parse().unwrap(),
            database: "ticketlog".to_owned(),
            group: "ticketlog_reader".to_owned(),
            service: "ticketlog".to_owned(),
        };
        // The first line that fits counts; what none fits is refused.
        let rules = [
            "local all all trust",
            "host all postgres,ticketlog all reject",
            "host ticketlog +ticketlog_reader all scram-sha-256",
        ];
        let written = door.rules();
        let written: Vec<&str> = written.lines().skip(1).collect();
        assert_eq!(written, rules);
    }
}
