//! The servers. All answer `subtract` and `page` at `/` with async handlers.

#[cfg(feature = "peers")]
mod axum;
#[cfg(feature = "peers")]
mod jsonrpsee;
mod ours;
mod raw;

use std::fmt;
use std::str::FromStr;

use super::host::{exit_with_parent, listen, runtime};
use crate::Result;

/// A server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Hand-written on hyper's `http1::Builder`: the baseline for all others.
    Raw,
    /// The same code in an axum handler that takes and returns bytes.
    #[cfg(feature = "peers")]
    AxumBytes,
    /// An axum handler that takes and returns `Json<Value>`.
    #[cfg(feature = "peers")]
    AxumValue,
    /// jsonrpsee's server with its defaults, which include no logger.
    #[cfg(feature = "peers")]
    Jsonrpsee,
    /// jsonrpsee's server with its logger, to which nothing listens.
    #[cfg(feature = "peers")]
    JsonrpseeLogger,
    /// Ours, standalone.
    Ours,
    /// Ours, as an axum router.
    #[cfg(feature = "peers")]
    OursAxum,
    /// Ours as an axum router, inside one axum layer.
    #[cfg(feature = "peers")]
    OursOneLayer,
    /// Ours as an axum router, inside two axum layers.
    #[cfg(feature = "peers")]
    OursTwoLayers,
}

impl Server {
    /// All servers, raw hyper first.
    pub(crate) const ALL: &[Self] = &[
        Self::Raw,
        #[cfg(feature = "peers")]
        Self::AxumBytes,
        #[cfg(feature = "peers")]
        Self::AxumValue,
        #[cfg(feature = "peers")]
        Self::Jsonrpsee,
        #[cfg(feature = "peers")]
        Self::JsonrpseeLogger,
        Self::Ours,
        #[cfg(feature = "peers")]
        Self::OursAxum,
    ];

    /// Ours with an increasing number of layers.
    #[cfg(feature = "peers")]
    pub(crate) const LAYERED: &[Self] = &[Self::OursAxum, Self::OursOneLayer, Self::OursTwoLayers];
    #[cfg(not(feature = "peers"))]
    const LAYERED: &[Self] = &[];

    /// The JSON-RPC frameworks, as their users run them.
    pub(crate) const FRAMEWORKS: &[Self] = &[
        #[cfg(feature = "peers")]
        Self::Jsonrpsee,
        Self::Ours,
    ];

    /// Returns its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Raw => "raw hyper",
            #[cfg(feature = "peers")]
            Self::AxumBytes => "axum, bytes",
            #[cfg(feature = "peers")]
            Self::AxumValue => "axum `Json<Value>`",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee",
            #[cfg(feature = "peers")]
            Self::JsonrpseeLogger => "jsonrpsee, logger",
            Self::Ours => "**ours**",
            #[cfg(feature = "peers")]
            Self::OursAxum => "**ours** in axum",
            #[cfg(feature = "peers")]
            Self::OursOneLayer => "one layer",
            #[cfg(feature = "peers")]
            Self::OursTwoLayers => "two layers",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            #[cfg(feature = "peers")]
            Self::AxumBytes => "axum-bytes",
            #[cfg(feature = "peers")]
            Self::AxumValue => "axum-value",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee",
            #[cfg(feature = "peers")]
            Self::JsonrpseeLogger => "jsonrpsee-logger",
            Self::Ours => "ours",
            #[cfg(feature = "peers")]
            Self::OursAxum => "ours-axum",
            #[cfg(feature = "peers")]
            Self::OursOneLayer => "ours-axum-1",
            #[cfg(feature = "peers")]
            Self::OursTwoLayers => "ours-axum-2",
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().chain(Self::LAYERED).find(|server| server.name() == name);
        found.copied().ok_or_else(|| format!("{name} is no server"))
    }
}

/// Serves until the parent closes this process's standard input. Prints the port as the first line.
pub(super) fn run(server: Server, threads: usize) -> Result<()> {
    exit_with_parent();
    runtime(threads)?.block_on(async {
        match server {
            Server::Raw => raw::serve(listen().await?).await,
            #[cfg(feature = "peers")]
            Server::AxumBytes => axum::serve(listen().await?, axum::bytes()).await,
            #[cfg(feature = "peers")]
            Server::AxumValue => axum::serve(listen().await?, axum::value()).await,
            #[cfg(feature = "peers")]
            Server::Jsonrpsee => jsonrpsee::serve(false).await,
            #[cfg(feature = "peers")]
            Server::JsonrpseeLogger => jsonrpsee::serve(true).await,
            Server::Ours => ours::serve().await,
            #[cfg(feature = "peers")]
            Server::OursAxum => axum::serve(listen().await?, axum::ours(0)).await,
            #[cfg(feature = "peers")]
            Server::OursOneLayer => axum::serve(listen().await?, axum::ours(1)).await,
            #[cfg(feature = "peers")]
            Server::OursTwoLayers => axum::serve(listen().await?, axum::ours(2)).await,
        }
    })
}
