//! [`WebSocketFraming`]: the messages of a session as the text frames of a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use super::close::CloseReason;
use super::frame::{FrameReader, begin_text, end_text, write_close, write_ping, write_pong};
use super::settings::WebSocketSettings;
use crate::Limits;
use crate::load::ConnectionLoad;
use crate::session::{InputEnd, MessageFraming, Received};

/// The frames of one WebSocket.
pub(super) struct WebSocketFraming {
    reader: FrameReader,
    ping_interval: Duration,
}

impl WebSocketFraming {
    pub(super) fn new(limits: &Limits, settings: &WebSocketSettings, load: &Arc<ConnectionLoad>) -> Self {
        Self { reader: FrameReader::new(limits.max_request_bytes, load), ping_interval: settings.ping_interval }
    }
}

impl MessageFraming for WebSocketFraming {
    type Reason = CloseReason;

    const NAME: &'static str = "a WebSocket";
    const AWAITS_CLOSE: bool = true;

    fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Received>, CloseReason> {
        self.reader.read(bytes)
    }

    fn finish(&mut self) -> InputEnd {
        InputEnd::Cut
    }

    fn is_within_message(&self) -> bool {
        self.reader.is_within_message()
    }

    fn begin_message(&self, output: &mut Vec<u8>) -> usize {
        begin_text(output)
    }

    fn end_message(&self, output: &mut Vec<u8>, start: usize) {
        end_text(output, start);
    }

    fn write_close(&self, output: &mut Vec<u8>, reason: &CloseReason) {
        tracing::debug!(code = reason.code(), "a WebSocket is closed: {}", reason.text());
        write_close(output, Some(reason.code()), reason.text());
    }

    fn write_close_reply(&self, output: &mut Vec<u8>, code: Option<u16>) {
        write_close(output, code, "");
    }

    fn write_ping(&self, output: &mut Vec<u8>) {
        write_ping(output);
    }

    fn write_pong(&self, output: &mut Vec<u8>, payload: &[u8]) {
        write_pong(output, payload);
    }

    fn ping_interval(&self) -> Duration {
        self.ping_interval
    }
}
