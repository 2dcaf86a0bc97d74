//! Reads a page of a server with the settings of a client, for the command line.

use std::sync::Arc;

use bytes::Bytes;
use http::header::ACCEPT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};

use super::ClientBuilder;
use crate::exchange::{AttemptTimeout, Exchange, ReceivedResponse};
use crate::failure::{Failure, FailureKind};
use crate::headers::ClientHeaders;
use crate::meter::Meter;
use crate::parts;
use crate::runtime::Instant;
use crate::transport::{ProbePurpose, Progress, Request};

const BAD_PATH: &str = "the path of a page must begin with `/` and be valid";

impl ClientBuilder {
    /// Sends one `GET` for a page at the host and port of the only endpoint, and returns the body of the response.
    ///
    /// It uses the HTTP and TLS settings, the headers, the deadline and the largest size of a response of this builder.
    /// It uses neither layers, credentials, retries nor redirects.
    ///
    /// # Errors
    ///
    /// - The builder has not exactly one endpoint with a URL, a setting is invalid, or the path is not a path.
    /// - The request fails, the status is not 2xx, or the response is too large.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    #[doc(hidden)]
    pub async fn get_page(self, path: &str) -> Result<Bytes, Failure> {
        if let Some(failure) = self.bad_header {
            return Err(failure);
        }
        let page = PathAndQuery::try_from(path).ok().filter(|_| path.starts_with('/'));
        let page = page.ok_or_else(|| Failure::new(FailureKind::Builder(BAD_PATH)))?;
        let transports = self.transports();
        let [endpoint] = <[_; 1]>::try_from(self.endpoints)
            .map_err(|_| Failure::new(FailureKind::Builder("a page is read from exactly one endpoint")))?;
        let endpoint = endpoint.connect(&transports)?;
        let http = endpoint.http.ok_or_else(|| {
            Failure::new(FailureKind::Builder("a page is read from an endpoint with an http or https URL"))
        })?;
        let (begun, deadline) = (Instant::now(), self.settings.deadline);
        let until = parts::deadline(deadline, begun);
        let mut headers = ClientHeaders::new(&self.headers, deadline).of_probe(&endpoint.settings.headers, None);
        accept_any(&mut headers, &self.headers);
        let progress = Progress::default();
        let request = Request {
            body: Bytes::new(),
            headers,
            deadline: until.into_std(),
            progress: progress.clone(),
            meter: Meter::default(),
            transport: None,
            subscription: None,
            purpose: ProbePurpose::Announcement,
        };
        let reply = Arc::clone(&http).get(&page, request);
        let timeout = AttemptTimeout { until, soft: None };
        let max_bytes = self.settings.max_response_bytes;
        let exchange = Exchange { reply, progress, begun, timeout, max_bytes };
        let ReceivedResponse { body, .. } = exchange.receive(|| true).await?;
        Ok(body)
    }
}

/// Accepts every type, unless the user says otherwise: many servers serve JSON files as plain text.
fn accept_any(headers: &mut HeaderMap, own: &HeaderMap) {
    if !own.contains_key(ACCEPT) {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*"));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use crate::Client;

    /// Answers one request. Returns the address, and the head of the request once it has arrived.
    async fn answer(response: &'static str) -> (String, impl Future<Output = String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rpc?key=1", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                head.push(char::from(stream.read_u8().await.unwrap()));
            }
            stream.write_all(response.as_bytes()).await.unwrap();
            head.to_lowercase()
        });
        (url, async { task.await.unwrap() })
    }

    #[tokio::test]
    async fn a_page_is_read_at_the_same_host_with_the_headers_of_the_client() {
        let (url, head) = answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let builder = Client::builder().endpoint(&url).header("authorization", "Bearer x");
        assert_eq!(&builder.get_page("/openrpc.json?a=1").await.unwrap()[..], b"{}");
        let head = head.await;
        assert!(head.starts_with("get /openrpc.json?a=1 http/1.1\r\n"), "{head}");
        for line in ["authorization: bearer x\r\n", "accept: application/json, */*\r\n"] {
            assert!(head.contains(line), "{head}");
        }
        assert!(!head.contains("content-type"), "{head}");
    }

    #[tokio::test]
    async fn an_error_status_and_a_large_page_are_failures() {
        let (url, _head) = answer("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        let failure = Client::builder().endpoint(url).get_page("/a").await.unwrap_err();
        assert_eq!(failure.status().map(|status| status.as_u16()), Some(404));
        let (url, _head) = answer("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n123").await;
        assert!(Client::builder().endpoint(url).max_response_bytes(2).get_page("/a").await.unwrap_err().is_too_large());
    }

    #[tokio::test]
    async fn a_page_needs_one_endpoint_and_a_path() {
        for path in ["", "a", "http://127.0.0.1/a", "/a b"] {
            assert!(Client::builder().endpoint("http://127.0.0.1:1").get_page(path).await.unwrap_err().is_builder());
        }
        assert!(Client::builder().get_page("/").await.unwrap_err().is_builder());
        assert!(Client::builder().endpoints(["http://a", "http://b"]).get_page("/").await.unwrap_err().is_builder());
    }
}
