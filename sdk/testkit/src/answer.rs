//! What an HTTP service answers.

use std::collections::BTreeMap;

use orderly_web::ProblemBody;
use reqwest::RequestBuilder;
use serde_json::Value;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers; of several of one name the last.
    pub headers: BTreeMap<String, String>,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The answer to a request. That there is one is taken for granted.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        Self { status, headers, body: response.text().await.unwrap() }
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The ETag that there has to be.
    pub fn etag(&self) -> &str {
        self.header("etag").unwrap_or_else(|| panic!("{self:?}"))
    }

    /// The body of an answer that has to have this status.
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The problem of this kind that this has to be.
    pub fn problem(&self, status: u16, name: &str) -> ProblemBody {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: ProblemBody = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.r#type, format!("/problems/{name}"), "{problem:?}");
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        assert_eq!(status == 503, self.header("retry-after").is_some(), "{self:?}");
        problem
    }
}
