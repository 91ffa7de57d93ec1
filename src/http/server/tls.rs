//! TLS by a certificate and key in files, which can be read again while serving.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{Accept, TlsAcceptor};

/// Why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{} cannot be read", file.display())]
    Unreadable {
        /// Which one.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file can be read, but there is no such PEM section in it, or a broken one.
    #[error("{} holds no {wanted} in PEM", file.display())]
    NotPem {
        /// Which one.
        file: PathBuf,
        /// What should be in it.
        wanted: &'static str,
    },
    /// Both can be read, but not used together.
    #[error("the key in {} does not go with the certificate in {}", key.display(), cert.display())]
    Unusable {
        /// File of the certificate.
        cert: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// A certificate and its key; cheap to clone, and all clones change together.
#[derive(Clone)]
pub struct Tls(Arc<Files>);

struct Files {
    cert: PathBuf,
    key: PathBuf,
    live: watch::Sender<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads a chain of certificates, the server's first, and the key of the first, both PEM.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn load(cert: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let (live, _) = watch::channel(read(&cert, &key)?);
        Ok(Self(Arc::new(Files { cert, key, live })))
    }

    /// Reads both files again, for connections from now on.
    ///
    /// # Errors
    /// [`TlsError`]; then the old ones stay in force.
    pub fn reload(&self) -> Result<(), TlsError> {
        let Files { cert, key, live } = &*self.0;
        live.send_replace(read(cert, key)?);
        Ok(())
    }

    /// Starts a handshake, which takes as long as the client likes.
    pub(super) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        let live = Arc::clone(&self.0.live.borrow());
        TlsAcceptor::from(live).accept(stream)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| not_pem(cert, "certificate", error))?;
    if chain.is_empty() {
        return Err(not_pem(cert, "certificate", pem::Error::NoItemsFound));
    }
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| not_pem(key, "private key", error))?;
    let unusable = |source| TlsError::Unusable {
        cert: cert.to_owned(),
        key: key.to_owned(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, secret)
        })
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn not_pem(file: &Path, wanted: &'static str, error: pem::Error) -> TlsError {
    let file = file.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { file, source },
        // Other causes quote the file.
        _ => TlsError::NotPem { file, wanted },
    }
}
