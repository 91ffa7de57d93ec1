//! A client of server-sent events that sees every frame as it came.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use crate::support::app::TestApp;

/// After this a test fails rather than hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What stands between two empty lines.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) id: Option<i64>,
    pub(super) event: Option<String>,
    pub(super) data: Option<String>,
    pub(super) retry: Option<String>,
    pub(super) comment: Option<String>,
}

impl Frame {
    fn parse(text: &str) -> Self {
        let mut frame = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(':').unwrap();
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            let place = match name {
                "id" => {
                    assert_eq!(frame.id.replace(value.parse().unwrap()), None, "{text}");
                    continue;
                }
                "event" => &mut frame.event,
                "data" => &mut frame.data,
                "retry" => &mut frame.retry,
                "" => &mut frame.comment,
                other => panic!("{other} in {text}"),
            };
            assert_eq!(place.replace(value), None, "{text}");
        }
        frame
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(self.data.as_ref().unwrap()).unwrap()
    }

    pub(super) fn is(&self, event: &str) -> bool {
        self.event.as_deref() == Some(event)
    }
}

/// A stream under way.
pub(super) struct Stream {
    response: Response,
    read: Vec<u8>,
    /// What was searched for the end of a frame already.
    searched: usize,
}

impl Stream {
    /// Begins after the event with this id, if one is given.
    pub(super) async fn open(app: &TestApp, path: &str, last: Option<i64>) -> Self {
        let request = app.http.get(format!("{}{path}", app.url));
        let mut request = request.bearer_auth(&app.token);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(headers["content-type"], "text/event-stream");
        assert_eq!(headers["x-accel-buffering"], "no");
        Self {
            response,
            read: Vec::new(),
            searched: 0,
        }
    }

    /// The next frame of any kind; `None` at the end.
    pub(super) async fn frame(&mut self) -> Option<Frame> {
        loop {
            let mut pairs = self.read[self.searched..].windows(2);
            let end = pairs.position(|pair| pair == b"\n\n");
            if let Some(end) = end {
                let end = self.searched + end;
                self.searched = 0;
                let frame: Vec<u8> = self.read.drain(..end + 2).collect();
                return Some(Frame::parse(std::str::from_utf8(&frame[..end]).unwrap()));
            }
            self.searched = self.read.len().saturating_sub(1);
            let chunk = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            let Some(chunk) = chunk.unwrap() else {
                assert!(self.read.is_empty(), "the last frame is cut");
                return None;
            };
            self.read.extend_from_slice(&chunk);
        }
    }

    /// The next frame that is no comment.
    pub(super) async fn named(&mut self) -> Option<Frame> {
        loop {
            match self.frame().await {
                Some(frame) if frame.comment.is_some() => {}
                other => return other,
            }
        }
    }

    /// The next event's position.
    pub(super) async fn position(&mut self) -> Option<i64> {
        loop {
            let frame = self.named().await?;
            if frame.is("event") {
                return frame.id;
            }
            assert!(frame.is("hello"), "{frame:?}");
        }
    }
}
