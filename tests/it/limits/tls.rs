//! TLS by `serve` itself.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use reqwest::{Certificate, Client, redirect::Policy};
use tempfile::TempDir;
use ticketlog::domain::token::Scope;
use tokio::time::{sleep, timeout};

use crate::support::{
    app::new_token,
    cluster::TestDb,
    program::{Serve, printed, ticketlog},
    wire::Wire,
};

/// After this a test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate for this machine and its key, in files.
struct Files {
    folder: TempDir,
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            cert: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
            folder,
        }
    }

    /// A client that believes the new certificate alone.
    fn renew(&self) -> Client {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let cert = made.cert.pem();
        fs::write(&self.cert, &cert).unwrap();
        fs::write(&self.key, made.signing_key.serialize_pem()).unwrap();
        let cert = Certificate::from_pem(cert.as_bytes()).unwrap();
        // Fails if another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(Policy::none());
        let client = client.tls_certs_only([cert]);
        // Each request shakes hands anew.
        client.pool_max_idle_per_host(0).build().unwrap()
    }

    fn serve(&self, db: &TestDb) -> Serve {
        let url = db.url();
        let [cert, key] = [&self.cert, &self.key].map(|file| file.to_str().unwrap());
        let arguments = ["--database-url", &url, "--tls-cert", cert, "--tls-key", key];
        Serve::spawn_listening(Serve::command(&self.folder.path().join("data"), &arguments))
    }
}

async fn health(client: &Client, serve: &Serve) -> reqwest::Result<String> {
    let response = client.get(format!("{}/healthz", serve.url)).send().await?;
    response.text().await
}

#[tokio::test]
async fn a_certificate_is_served_and_read_again_on_sighup() {
    let files = Files::new();
    let first = files.renew();
    let db = TestDb::create().await;
    let serve = files.serve(&db);
    assert!(serve.url.starts_with("https://"), "{}", serve.url);
    assert_eq!(health(&first, &serve).await.unwrap(), "ok\n");

    let second = files.renew();
    assert!(health(&second, &serve).await.is_err());
    serve.signal(Signal::SIGHUP);
    let renewed = async { while health(&second, &serve).await.is_err() {} };
    timeout(PATIENCE, renewed).await.unwrap();
    assert!(health(&first, &serve).await.is_err());

    fs::write(&files.key, "no key").unwrap();
    serve.signal(Signal::SIGHUP);
    // Nothing that could be seen from outside changes.
    sleep(Duration::from_millis(300)).await;
    assert_eq!(health(&second, &serve).await.unwrap(), "ok\n");
    let (status, log) = serve.stop();
    assert!(status.success(), "{log}");
    let not_changed = format!(
        "The certificate was not changed: {} holds no private key in PEM",
        files.key.display()
    );
    assert!(log.contains(&not_changed), "{log}");
}

#[tokio::test]
async fn without_tls_nobody_is_answered_and_no_handshake_lasts() {
    let files = Files::new();
    files.renew();
    let db = TestDb::create().await;
    let serve = files.serve(&db);
    let mut plain = Wire::connect(&serve.url).await;
    plain.write("GET /healthz HTTP/1.1\r\n\r\n").await;
    plain.closed_without_http().await;
    // A handshake has 5 s.
    let mut silent = Wire::connect(&serve.url).await;
    silent.closed_without_http().await;
}

#[tokio::test]
async fn the_session_of_a_browser_is_for_encrypted_connections_alone() {
    let files = Files::new();
    let client = files.renew();
    let db = TestDb::create().await;
    let (token, made) = new_token(None, &[Scope::Read]);
    db.store.insert_token(&token.hash(), &made).await.unwrap();
    let serve = files.serve(&db);
    let form = serde_html_form::to_string([("token", token.expose())]).unwrap();
    let request = client.post(format!("{}/login", serve.url)).body(form);
    let answer = request.header("Sec-Fetch-Site", "same-origin").send();
    let answer = answer.await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("ticketlog_session="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
}

fn refused(cert: &Path, key: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = ticketlog(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    serve.arg(folder.path());
    let output = serve.arg("--tls-cert").arg(cert).arg("--tls-key").arg(key);
    let output = output.output().unwrap();
    assert!(!output.status.success());
    printed(&output).1
}

#[test]
fn a_file_that_cannot_be_used_is_named_at_start() {
    let files = Files::new();
    files.renew();
    let other = Files::new();
    other.renew();
    let (cert, key) = (files.cert.display(), files.key.display());

    let error = refused(&files.key, &files.key);
    assert!(error.contains(&format!("{key} holds no certificate in PEM")));
    let error = refused(&files.cert, &files.cert);
    assert!(error.contains(&format!("{cert} holds no private key in PEM")));
    let error = refused(Path::new("/nowhere/cert.pem"), &files.key);
    assert!(
        error.contains("/nowhere/cert.pem cannot be read"),
        "{error}"
    );
    let error = refused(&files.cert, &other.key);
    let mismatch = format!("does not go with the certificate in {cert}");
    assert!(error.contains(&mismatch), "{error}");
}

#[test]
fn a_certificate_without_a_key_is_a_usage_error() {
    let output = ticketlog(["serve", "--tls-cert", "cert.pem"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(printed(&output).1.contains("--tls-key"));
}
