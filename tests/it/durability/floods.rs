//! Strangers: slow connections, junk, floods. What SuperOffice sends comes through all the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    place::{Place, drained},
    report,
    sender::Sender,
};
use crate::support::program::Serve;

/// Signed events a second.
const RATE: u32 = 500;

/// How hard strangers try.
#[derive(Clone, Copy)]
struct Flood {
    slow_connections: usize,
    junk_bytes: u64,
    unsigned: Duration,
    rate: u32,
    /// Bound of the 99th percentile of signed deliveries meanwhile.
    p99: Duration,
}

const SMALL: Flood = Flood {
    slow_connections: 300,
    junk_bytes: 64 << 20,
    unsigned: Duration::from_secs(2),
    rate: 50,
    p99: Duration::from_secs(4),
};

const FULL: Flood = Flood {
    slow_connections: 10_000,
    junk_bytes: 1 << 30,
    unsigned: Duration::from_secs(20),
    rate: RATE,
    p99: Duration::from_secs(1),
};

/// Most memory of the receiver, in KiB: 300 MB.
const MAX_RSS_KIB: u64 = 300_000_000 / 1024;

#[tokio::test]
async fn slow_connections_keep_no_delivery_out() {
    slow_connections(SMALL).await;
}

#[tokio::test]
async fn junk_keeps_no_delivery_out() {
    junk(SMALL).await;
}

#[tokio::test]
async fn unsigned_requests_keep_no_delivery_out() {
    unsigned(SMALL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: the full size"]
async fn full_slow_connections() {
    slow_connections(FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: the full size"]
async fn full_junk() {
    junk(FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: the full size"]
async fn full_unsigned_requests() {
    unsigned(FULL).await;
}

/// Heads that come in drop by drop and never end; who is cut off comes again.
#[expect(
    clippy::print_stderr,
    reason = "the figures are what a full run is for"
)]
async fn slow_connections(flood: Flood) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    // The receiver has the same limit, less what it keeps for itself.
    let count = flood
        .slow_connections
        .min(usize::try_from(hard).unwrap() / 2);
    let open = Arc::new(AtomicU64::new(0));
    meanwhile("slow connections", flood, async |serve| {
        let mut slow = JoinSet::new();
        for _ in 0..count {
            slow.spawn(drip(address(serve), Arc::clone(&open)));
        }
        // Long enough that all were cut off and came back.
        let end = Instant::now() + Duration::from_secs(12);
        let mut most = 0;
        while Instant::now() < end {
            most = most.max(open.load(Ordering::Relaxed));
            sleep(Duration::from_millis(100)).await;
        }
        eprintln!("slow connections: at most {most} open at a time, of {count}");
        assert!(most >= u64::try_from(count).unwrap() * 9 / 10, "{most}");
    })
    .await;
}

async fn drip(address: String, open: Arc<AtomicU64>) {
    loop {
        let Ok(mut stream) = TcpStream::connect(&address).await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        open.fetch_add(1, Ordering::Relaxed);
        let mut drop = &b"POST /webhook HTTP/1.1\r\nHost: x\r\n"[..];
        while stream.write_all(drop).await.is_ok() {
            drop = b"X-Drop: x\r\n";
            // Ends when the other side does.
            if timeout(Duration::from_secs(1), stream.read_u8())
                .await
                .is_ok()
            {
                break;
            }
        }
        open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Large bodies with a signature that could be one.
async fn junk(flood: Flood) {
    const BODY: usize = 8 << 20;
    const AT_A_TIME: u64 = 16;
    let each = flood.junk_bytes / AT_A_TIME;
    meanwhile("junk", flood, async |serve| {
        let mut senders = JoinSet::new();
        for _ in 0..AT_A_TIME {
            let address = address(serve);
            senders.spawn(async move {
                let head = format!(
                    "POST /webhook HTTP/1.1\r\nHost: x\r\nX-SuperOffice-Signature: {}=\r\n\
                     Content-Length: {BODY}\r\n\r\n",
                    "A".repeat(43)
                );
                let mut sent = 0;
                while sent < each {
                    let Ok(mut stream) = TcpStream::connect(&address).await else {
                        continue;
                    };
                    let mut answer = Vec::new();
                    let body = vec![b'x'; BODY];
                    // It may be cut off in the middle.
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.write_all(&body).await;
                    let _ = timeout(Duration::from_secs(10), stream.read_buf(&mut answer)).await;
                    sent += u64::try_from(BODY).unwrap();
                }
            });
        }
        senders.join_all().await;
    })
    .await;
}

/// Requests without a signature, as many as one thread can write.
#[expect(
    clippy::print_stderr,
    reason = "the figures are what a full run is for"
)]
async fn unsigned(flood: Flood) {
    meanwhile("unsigned requests", flood, async |serve| {
        let address = address(serve);
        let requests =
            std::thread::spawn(move || flood_without_signature(&address, flood.unsigned));
        while !requests.is_finished() {
            sleep(Duration::from_millis(10)).await;
        }
        let requests = requests.join().unwrap();
        eprintln!("unsigned requests: {requests} answered");
        assert!(requests > 100, "{requests}");
    })
    .await;
}

fn flood_without_signature(address: &str, time: Duration) -> u64 {
    use std::io::{Read, Write};
    const PIPELINED: usize = 16;
    let one = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    let requests = one.repeat(PIPELINED);
    let end = Instant::now() + time;
    let mut answered = 0;
    while Instant::now() < end {
        let Ok(mut stream) = std::net::TcpStream::connect(address) else {
            continue;
        };
        let mut answers = vec![0; 1 << 16];
        while Instant::now() < end && stream.write_all(requests.as_bytes()).is_ok() {
            match stream.read(&mut answers) {
                Ok(0) | Err(_) => break,
                Ok(length) => {
                    let text = String::from_utf8_lossy(&answers[..length]);
                    answered += u64::try_from(text.matches("HTTP/1.1 4").count()).unwrap();
                }
            }
        }
    }
    answered
}

/// Signed deliveries while strangers do something: all are taken, in time, and the memory stays small.
#[expect(
    clippy::print_stderr,
    reason = "the figures are what a full run is for"
)]
async fn meanwhile(name: &str, flood: Flood, strangers: impl AsyncFnOnce(&Serve)) {
    let mut place = Place::new().await;
    let serve = place.serve("a");
    drained(&serve).await;
    let sender = Sender::start(&serve.url, flood.rate);
    sender.more(50).await;
    let over = Arc::new(AtomicBool::new(false));
    let memory = watch_memory(serve.pid(), Arc::clone(&over));
    let from = Instant::now();
    strangers(&serve).await;
    let until = Instant::now();
    over.store(true, Ordering::Relaxed);
    let most_kib = memory.join().unwrap();
    let run = sender.stop().await;
    drained(&serve).await;
    report(name, &run, from, until);
    eprintln!(
        "{name}: at most {} MB of memory",
        most_kib * 1024 / 1_000_000
    );
    assert_eq!(run.not_200(), 0);
    assert!(
        run.p99(from, until) < flood.p99,
        "{:?}",
        run.p99(from, until)
    );
    assert!(most_kib < MAX_RSS_KIB, "{most_kib} KiB");
    place.settle(&run).await;
    drop(serve);
    place.stop_postgres().await;
}

/// The largest resident size of a process until it is over, in KiB.
fn watch_memory(pid: u32, over: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut most = 0;
        while !over.load(Ordering::Relaxed) {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            let line = status
                .lines()
                .find(|line| line.starts_with("VmRSS:"))
                .unwrap();
            let kib = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            most = most.max(kib);
            std::thread::sleep(Duration::from_millis(50));
        }
        most
    })
}

fn address(serve: &Serve) -> String {
    serve.url.strip_prefix("http://").unwrap().to_owned()
}
