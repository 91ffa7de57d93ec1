//! Slow, idle and too many connections.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::StatusCode;
use ticketlog::http::server::Limits;
use tokio::time::{sleep, timeout};

use crate::support::{
    app::{SECRET, Setup, TestApp, sign},
    cluster::TestDb,
    payload,
    program::Serve,
    wire::Wire,
};

const SHORT: Duration = Duration::from_millis(300);

/// Never comes in a test.
const LONG: Duration = Duration::from_mins(1);

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n";

async fn start(limits: Limits) -> TestApp {
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    TestApp::set_up(TestDb::create().await, setup).await
}

#[tokio::test]
async fn a_head_must_come_whole_however_often_a_byte_of_it_comes() {
    let app = start(Limits {
        head: SHORT,
        idle: LONG,
        ..Limits::default()
    })
    .await;
    let mut silent = Wire::connect(&app.url).await;
    let (answer, after) = silent.closed().await;
    assert_eq!(answer, "");
    assert!(after < LONG, "{after:?}");

    let mut trickling = Wire::connect(&app.url).await;
    let trickle = async {
        while trickling.try_write(b"G").await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    timeout(LONG / 2, trickle).await.unwrap();
}

#[tokio::test]
async fn heads_may_come_in_pieces_and_together() {
    let app = start(Limits::default()).await;
    let mut wire = Wire::connect(&app.url).await;
    for piece in ["GET /health", "z HTTP/1.1\r\nHost: t\r\n", "\r", "\n"] {
        wire.write(piece).await;
        tokio::task::yield_now().await;
    }
    wire.answer().await;
    wire.write(format!(
        "{HEALTH}GET /nowhere HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
    ))
    .await;
    let (answers, _) = wire.closed().await;
    assert!(answers.starts_with("HTTP/1.1 200 OK"), "{answers}");
    assert!(answers.contains("HTTP/1.1 404 Not Found"), "{answers}");
}

#[tokio::test]
async fn what_is_no_http_is_answered_at_once() {
    let app = start(Limits {
        head: LONG,
        ..Limits::default()
    })
    .await;
    for junk in [&b"\x16\x03\x01"[..], &[b'x'; 9000]] {
        let mut wire = Wire::connect(&app.url).await;
        wire.write(junk).await;
        let (answer, after) = wire.closed().await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
        assert!(after < LONG, "{after:?}");
    }
}

#[tokio::test]
async fn between_requests_a_connection_may_rest_longer_than_a_head_may_take() {
    let app = start(Limits {
        head: SHORT,
        idle: LONG,
        ..Limits::default()
    })
    .await;
    let mut wire = Wire::connect(&app.url).await;
    wire.write(HEALTH).await;
    wire.answer().await;
    sleep(SHORT * 2).await;
    wire.write(HEALTH).await;
    wire.answer().await;
    // The second head is held to its deadline as the first is.
    wire.write("GET /healthz").await;
    let (answer, after) = wire.closed().await;
    assert_eq!(answer, "");
    assert!(after < LONG, "{after:?}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let app = start(Limits {
        head: LONG,
        idle: SHORT,
        ..Limits::default()
    })
    .await;
    let mut wire = Wire::connect(&app.url).await;
    wire.write(HEALTH).await;
    wire.answer().await;
    let (_, after) = wire.closed().await;
    assert!(after < LONG, "{after:?}");
}

#[tokio::test]
async fn whoever_takes_none_of_the_answers_is_cut_off() {
    let app = start(Limits {
        stall: SHORT,
        ..Limits::default()
    })
    .await;
    // A 404 that repeats a long path fills the buffers of both ends soon.
    let request = format!("GET /{} HTTP/1.1\r\nHost: t\r\n\r\n", "x".repeat(8000));
    let mut wire = Wire::connect(&app.url).await;
    while wire.try_write(request.as_bytes()).await.is_ok() {}
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_at_once() {
    let app = start(Limits {
        max_connections: 2,
        ..Limits::default()
    })
    .await;
    let mut first = Wire::connect(&app.url).await;
    let mut second = Wire::connect(&app.url).await;
    for wire in [&mut first, &mut second] {
        wire.write(HEALTH).await;
        wire.answer().await;
    }
    let (answer, _) = Wire::connect(&app.url).await.closed().await;
    assert_eq!(answer, "");
    drop(first);
    // The server hears of the end in its own time.
    let again = async {
        while app.http.get(&app.url).send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG / 2, again).await.unwrap();
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_finishes_what_is_under_way() {
    let app = start(Limits::default()).await;
    let mut idle = Wire::connect(&app.url).await;
    idle.write(HEALTH).await;
    idle.answer().await;
    let body = bytes::Bytes::from(payload::created(1));
    let (start, rest) = body.split_at(10);
    let mut under_way = Wire::connect(&app.url).await;
    under_way.announce(&sign(SECRET, &body), body.len()).await;
    under_way.write(start).await;
    // Its head is read before this one's, which is on a later connection.
    app.get("/healthz").await;

    app.server.stop(LONG);
    let (answer, _) = idle.closed().await;
    assert_eq!(answer, "");
    under_way.write(rest).await;
    let (answer, _) = under_way.closed().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains(r#""outcome":"stored""#), "{answer}");
    let refused = app.http.get(&app.url).send().await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn what_does_not_finish_before_the_deadline_is_cut() {
    let app = start(Limits::default()).await;
    let mut slow = Wire::connect(&app.url).await;
    slow.announce(&sign(SECRET, b"never"), 5).await;
    app.get("/healthz").await;
    app.server.stop(SHORT);
    let (answer, _) = slow.closed().await;
    assert_eq!(answer, "");
}

/// Slow connections that a service must bear.
const SLOW_CONNECTIONS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figure, or why there is none")]
async fn ten_thousand_slow_connections_take_little_memory() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    if hard < 11_000 {
        println!("skipped: this process may have {hard} files only");
        return;
    }
    // Fails if another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let db = TestDb::create().await;
    let serve = Serve::start(&folder.path().join("data"), &["--database-url", &db.url()]);
    let address: SocketAddr = serve.url.split_once("://").unwrap().1.parse().unwrap();
    let before = resident_kib(serve.pid());
    let connections = tokio::task::spawn_blocking(move || {
        let connections: Vec<_> = (0..SLOW_CONNECTIONS).map(|_| slow(address)).collect();
        connections
    });
    let connections = connections.await.unwrap();

    // Who signs is served all the same.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = bytes::Bytes::from(payload::created(1));
    let request = http
        .post(format!("{}/webhook", serve.url))
        .header("X-SuperOffice-Signature", sign(SECRET, &body));
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let after = resident_kib(serve.pid());
    println!(
        "{before} KiB without, {after} KiB with {} connections",
        connections.len()
    );
    assert!(after < 200 * 1024, "{after} KiB");
}

fn slow(address: SocketAddr) -> TcpStream {
    use std::io::Write;

    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"POST /webhook HTTP/1.1\r\nHost: t\r\nX-SuperOffice-Sig")
        .unwrap();
    stream
}

/// `VmRSS` of a process.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}
