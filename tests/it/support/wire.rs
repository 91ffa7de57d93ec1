//! A connection whose bytes the test writes itself.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// After this a test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One TCP connection to the service.
pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) async fn connect(url: &str) -> Self {
        let (_, address) = url.split_once("://").unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// As long as the other end takes it.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        timeout(PATIENCE, self.0.write_all(bytes)).await.unwrap()
    }

    /// A `POST /webhook` that announces a body of this length, without the body.
    pub(crate) async fn announce(&mut self, signature: &str, length: usize) {
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: t\r\nX-SuperOffice-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
        );
        self.write(head).await;
    }

    /// Reads one answer with a `Content-Length`; the connection may go on after it.
    pub(crate) async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8(answer.clone()).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let (_, length) = head.split_once("content-length: ").unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if body.len() >= length {
                    return text;
                }
            }
            let read = timeout(PATIENCE, self.0.read_buf(&mut answer));
            let read = read.await.unwrap().unwrap();
            assert!(read > 0, "the connection ended after {text:?}");
        }
    }

    /// Waits for the other end to close; gives what it sent before, and how long it took.
    pub(crate) async fn closed(&mut self) -> (String, Duration) {
        let start = Instant::now();
        let rest = String::from_utf8(self.rest().await).unwrap();
        (rest, start.elapsed())
    }

    /// Waits for the other end to close without an answer in HTTP; TLS may have sent an alert.
    pub(crate) async fn closed_without_http(&mut self) {
        let rest = self.rest().await;
        assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        // A reset is an end too.
        assert!(ended.is_ok(), "the connection was not closed: {rest:?}");
        rest
    }
}
