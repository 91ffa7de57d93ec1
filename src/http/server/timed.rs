//! A stream that ends by itself when its client is too slow.
//!
//! Time runs while a head is on its way, between requests, and while the client takes none of an answer.
//! It does not run while a request is being answered: bodies have a deadline of their own.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::Limits;

/// What a connection waits for, told by those who answer its requests.
#[derive(Debug, Default)]
pub(super) struct Phase(AtomicU8);

/// A head is awaited or on its way; so a connection starts.
const HEAD: u8 = 0;
/// A request is being answered.
const ANSWERING: u8 = 1;
/// The next request has not begun.
const WAITING: u8 = 2;

impl Phase {
    /// A head has come whole.
    pub(super) fn answering(&self) {
        self.0.store(ANSWERING, Ordering::Relaxed);
    }

    /// The answer is ready to be written. Ready at once.
    ///
    /// hyper does not look at a stream again that had nothing to read while it was answering, so the
    /// connection, whose task this runs in, is woken to do so: the deadline starts with that look.
    pub(super) fn waiting(&self) -> impl Future<Output = ()> {
        self.0.store(WAITING, Ordering::Relaxed);
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        })
    }

    fn now(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream whose reads and writes fail with [`io::ErrorKind::TimedOut`] once they take too long.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    /// What was read from the stream already.
    read: Bytes,
    phase: Arc<Phase>,
    limits: Limits,
    /// When the phase it was set for ends.
    deadline: Pin<Box<Sleep>>,
    deadline_of: u8,
    /// Set while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Timed<S> {
    /// Gives what was `read` before what the stream has.
    pub(super) fn new(stream: S, read: Bytes, phase: Arc<Phase>, limits: Limits) -> Self {
        Self {
            stream,
            read,
            phase,
            limits,
            deadline: Box::pin(sleep(limits.head)),
            deadline_of: HEAD,
            stalled: None,
        }
    }

    fn enter(&mut self, phase: u8, within: Duration) {
        self.deadline_of = phase;
        self.deadline.as_mut().reset(Instant::now() + within);
    }

    /// Fails a read that waits past the deadline of its phase.
    fn waits(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.phase.now() {
            ANSWERING => return Poll::Pending,
            WAITING if self.deadline_of != WAITING => self.enter(WAITING, self.limits.idle),
            _ => {}
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// After a write: waiting for the next request begins anew with the last byte of an answer.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() && self.deadline_of == WAITING {
            self.deadline_of = ANSWERING;
        }
        self.progress(cx, written)
    }

    /// Fails a write that has waited too long.
    fn progress<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limits.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.read.is_empty() {
            let length = this.read.len().min(buf.remaining());
            buf.put_slice(&this.read.split_to(length));
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => this.waits(cx),
            read @ Poll::Ready(_) => {
                // Only this end leaves the phase of waiting for it, so nothing is overwritten.
                if this.phase.now() == WAITING {
                    this.phase.0.store(HEAD, Ordering::Relaxed);
                    this.enter(HEAD, this.limits.head);
                }
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.written(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.progress(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.progress(cx, shut)
    }
}
