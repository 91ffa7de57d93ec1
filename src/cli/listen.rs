//! Where and how `serve` listens, from flags.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use ipnet::IpNet;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::http::{
    TrustedProxies,
    server::{Limits, Tls, listen},
};

/// Files that are no connections: of the database, of logs, of the private Postgres.
const OTHER_FILES: usize = 128;

/// Where and how to listen.
#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Address to listen on. Histories are shown to callers on this machine only.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(super) listen: SocketAddr,
    /// Answer over TLS with the certificates in this PEM file, the server's first; read again on SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM; read again on SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Believe the X-Forwarded-For of callers in this network (or of this address); may be repeated.
    /// Give it for a proxy on this machine, or its clients count as being on this machine too.
    #[arg(long, value_name = "CIDR", value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// Most open connections; more are closed at once. Lowered to what the limit of open files allows.
    #[arg(long, default_value_t = Limits::default().max_connections, value_name = "NUMBER", value_parser = at_least_one)]
    max_connections: usize,
}

/// What it takes to listen.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    pub(super) limits: Limits,
    pub(super) tls: Option<Tls>,
    pub(super) proxies: TrustedProxies,
    /// Where clients find it.
    pub(super) url: String,
}

impl ListenArgs {
    /// Binds the address and reads the certificate, if there is one.
    pub(super) fn open(&self) -> anyhow::Result<Listening> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some(Tls::load(cert.clone(), key.clone())?),
            _ => None,
        };
        let listener =
            listen(self.listen).with_context(|| format!("listening on {}", self.listen))?;
        let address = listener.local_addr().context("reading the address")?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let limits = Limits {
            max_connections: self.most_connections(),
            ..Limits::default()
        };
        Ok(Listening {
            listener,
            limits,
            tls,
            proxies: self.trusted_proxy.iter().copied().collect(),
            url: format!("{scheme}://{address}"),
        })
    }

    /// Raises the limit of open files as far as this process may, and keeps below it.
    fn most_connections(&self) -> usize {
        let files = raise_file_limit();
        let most = within(self.max_connections, files);
        if most < self.max_connections {
            tracing::warn!(
                files,
                "At most {most} connections: the limit of open files allows no more"
            );
        }
        most
    }
}

/// What of the wanted connections fits, beside everything else that is a file.
fn within(wanted: usize, files: usize) -> usize {
    wanted.min(files.saturating_sub(OTHER_FILES).max(files / 2))
}

/// Raises the soft limit of open files to the hard one; gives the soft one that then holds.
fn raise_file_limit() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return usize::MAX;
    };
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let limit = if raised { hard } else { soft };
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A network, or an address as a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
    text.parse::<IpNet>()
        .ok()
        .or_else(address)
        .ok_or_else(|| "neither a network like 10.0.0.0/8 nor an address".to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        assert_eq!(within(16_384, 1_048_576), 16_384);
        assert_eq!(within(16_384, 1024), 896);
        assert_eq!(within(16_384, 100), 50);
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
        assert!(network("proxy.example.com").is_err());
    }
}
