//! A client of Server-Sent Events.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// What lies between two empty lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<Value>,
    pub(crate) comment: Option<String>,
    pub(crate) retry: Option<u64>,
}

impl Frame {
    fn of(text: &str) -> Self {
        let mut frame = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(':').unwrap();
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "id" => frame.id = Some(value),
                "event" => frame.event = Some(value),
                "data" => frame.data = Some(serde_json::from_str(&value).unwrap()),
                "" => frame.comment = Some(value),
                "retry" => frame.retry = Some(value.parse().unwrap()),
                _ => panic!("{line}"),
            }
        }
        frame
    }

    pub(crate) fn event_id(&self) -> String {
        self.data.as_ref().unwrap()["event_id"].as_str().unwrap().to_owned()
    }
}

pub(crate) struct Reader {
    pub(crate) response: reqwest::Response,
    unread: String,
}

impl Reader {
    /// The stream must be there.
    pub(crate) fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200, "{response:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, unread: String::new() }
    }

    /// What comes next; `None`: the stream ended.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.unread.split_once("\n\n") {
                let frame = Frame::of(frame);
                self.unread = rest.to_owned();
                return Some(frame);
            }
            let chunk = timeout(PATIENCE, self.response.chunk());
            let chunk = chunk.await.expect("something in time").ok().flatten()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event, without comments.
    pub(crate) async fn event(&mut self) -> Option<Frame> {
        let event = timeout(PATIENCE, async {
            loop {
                let frame = self.frame().await?;
                if frame.event.is_some() {
                    return Some(frame);
                }
            }
        });
        event.await.expect("an event in time")
    }

    pub(crate) async fn events(&mut self, count: usize) -> Vec<Frame> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await.unwrap_or_else(|| panic!("ended: {events:?}")));
        }
        events
    }

    /// Waits for a comment with these words.
    pub(crate) async fn comment(&mut self, words: &str) -> Frame {
        loop {
            let frame = self.frame().await.unwrap_or_else(|| panic!("ended without: {words}"));
            assert_eq!(frame.event, None, "{frame:?}");
            if frame.comment.as_ref().is_some_and(|comment| comment.contains(words)) {
                return frame;
            }
        }
    }
}

/// What types the events have.
pub(crate) fn types(events: &[Frame]) -> Vec<&str> {
    events.iter().map(|event| event.event.as_deref().unwrap()).collect()
}
