//! The servers of streams. A client calls `ticks` or `subscribe_ticks` with the pace and the number of the items, and
//! gets each item in a notification of the same length.

#[cfg(feature = "peers")]
mod jsonrpsee;
mod ours;
mod raw;

use std::fmt;
use std::str::FromStr;

pub(crate) use ours::Audience;

use super::host::{exit_with_parent, runtime};
use crate::Result;
use crate::subscriber::Wire;
use crate::workload::TICK;

/// A server of streams that is measured.
///
/// Each transport of ours is a variant with its own [`Wire`]. All tables have a column for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamServer {
    /// Server-sent events, hand-written on hyper's `http1::Builder`: the baseline for all others.
    Raw,
    /// jsonrpsee's subscriptions over WebSocket, with its defaults.
    #[cfg(feature = "peers")]
    Jsonrpsee,
    /// Ours, standalone, over server-sent events.
    Ours,
    /// Ours, standalone, over a WebSocket of `rpc.v1`. The subscriber gives credit.
    OursWebSocket,
    /// Ours, standalone, over a WebSocket without a subprotocol: the older form, which other clients speak.
    OursOlder,
}

impl StreamServer {
    /// All servers, raw hyper first.
    pub(crate) const ALL: &[Self] = &[
        Self::Raw,
        #[cfg(feature = "peers")]
        Self::Jsonrpsee,
        Self::Ours,
        Self::OursWebSocket,
        Self::OursOlder,
    ];

    /// Returns its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Raw => "raw hyper, SSE",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee, WebSocket",
            Self::Ours => "**ours**, SSE",
            Self::OursWebSocket => "**ours**, WebSocket",
            Self::OursOlder => "**ours**, WebSocket, older form",
        }
    }

    /// Returns how its clients subscribe.
    pub(crate) fn wire(self) -> Wire {
        match self {
            Self::Raw | Self::Ours => Wire::Sse,
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => Wire::Subscriptions { subscribe: "subscribe_ticks" },
            Self::OursWebSocket => Wire::RpcV1,
            Self::OursOlder => Wire::Subscriptions { subscribe: TICK },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee",
            Self::Ours => "ours",
            Self::OursWebSocket => "ours-websocket",
            Self::OursOlder => "ours-older",
        }
    }
}

impl fmt::Display for StreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StreamServer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|server| server.name() == name);
        found.copied().ok_or_else(|| format!("{name} is no server of streams"))
    }
}

/// Serves until the parent closes this process's standard input. Prints the port as the first line.
pub(super) fn run(server: StreamServer) -> Result<()> {
    exit_with_parent();
    runtime(1)?.block_on(async {
        match server {
            StreamServer::Raw => raw::serve().await,
            #[cfg(feature = "peers")]
            StreamServer::Jsonrpsee => jsonrpsee::serve().await,
            StreamServer::Ours | StreamServer::OursWebSocket | StreamServer::OursOlder => ours::serve().await,
        }
    })
}
