//! The part of a call that a function's instructions belong to, found by the function's name.

use serde::{Deserialize, Serialize};

/// A part of a call, in the order of the tables.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) enum CallPart {
    Runtime,
    Http,
    Axum,
    Jsonrpsee,
    Serve,
    Face,
    Codec,
    Dispatch,
    Params,
    Handler,
    Serde,
    Allocator,
    Memory,
    Other,
}

impl CallPart {
    /// All parts, in order.
    pub(crate) const ALL: &[Self] = &[
        Self::Runtime,
        Self::Http,
        Self::Axum,
        Self::Jsonrpsee,
        Self::Serve,
        Self::Face,
        Self::Codec,
        Self::Dispatch,
        Self::Params,
        Self::Handler,
        Self::Serde,
        Self::Allocator,
        Self::Memory,
        Self::Other,
    ];

    /// Returns its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Runtime => "tokio, mio",
            Self::Http => "hyper, http",
            Self::Axum => "axum, tower",
            Self::Jsonrpsee => "jsonrpsee",
            Self::Serve => "ours: connections",
            Self::Face => "ours: HTTP face",
            Self::Codec => "ours: codec",
            Self::Dispatch => "ours: dispatch",
            Self::Params => "ours: params",
            Self::Handler => "handler, code by hand",
            Self::Serde => "serde, serde_json",
            Self::Allocator => "allocator",
            Self::Memory => "memory copied, compared",
            Self::Other => "standard library, C library",
        }
    }

    /// Finds the part of a function. Names of generic functions also contain the crates of their types, so the order of
    /// the rules matters: the part nearest to the call comes first.
    pub(super) fn of(name: &str, of_program: bool) -> Self {
        if is_allocator(name) {
            return Self::Allocator;
        }
        if !of_program {
            let moves = ["memcpy", "memmove", "memset", "memcmp", "bcmp", "memchr", "strlen"];
            return if moves.iter().any(|function| name.contains(function)) { Self::Memory } else { Self::Other };
        }
        let path = subject_of(name);
        let rule = RULES.iter().find(|(prefix, _)| path.starts_with(prefix));
        let rule = rule.or_else(|| RULES.iter().find(|(prefix, _)| name.contains(prefix)));
        rule.map_or(Self::Other, |(_, part)| *part)
    }
}

const RULES: &[(&str, CallPart)] = &[
    ("rpc_server::serve", CallPart::Serve),
    ("rpc_server::http", CallPart::Face),
    ("rpc_core::codec", CallPart::Codec),
    ("rpc_core::id", CallPart::Codec),
    ("rpc_core::params", CallPart::Params),
    ("rpc_server::", CallPart::Dispatch),
    ("rpc_core::", CallPart::Dispatch),
    ("rpc_client::", CallPart::Dispatch),
    ("jsonrpsee", CallPart::Jsonrpsee),
    ("serde_json::", CallPart::Serde),
    ("serde_core::", CallPart::Serde),
    ("serde::", CallPart::Serde),
    ("itoa::", CallPart::Serde),
    ("zmij::", CallPart::Serde),
    ("axum", CallPart::Axum),
    ("tower", CallPart::Axum),
    ("matchit::", CallPart::Axum),
    ("hyper::", CallPart::Http),
    ("hyper_util::", CallPart::Http),
    ("http::", CallPart::Http),
    ("http_body", CallPart::Http),
    ("httparse::", CallPart::Http),
    ("httpdate::", CallPart::Http),
    ("bytes::", CallPart::Http),
    ("reqwest::", CallPart::Http),
    ("url::", CallPart::Http),
    ("rpc_benches::", CallPart::Handler),
    ("tokio", CallPart::Runtime),
    ("mio::", CallPart::Runtime),
];

/// Returns the type of an implementation: `<hyper::Conn as tokio::AsyncRead>::poll` belongs to hyper.
fn subject_of(name: &str) -> &str {
    name.trim_start_matches(['<', '&', '(', '['])
}

/// Returns whether a call of this function is an allocation.
pub(super) fn is_allocation(name: &str) -> bool {
    matches!(name, "malloc" | "calloc" | "realloc" | "aligned_alloc" | "posix_memalign" | "memalign")
}

fn is_allocator(name: &str) -> bool {
    let helpers =
        ["_int_malloc", "_int_free", "_int_realloc", "unlink_chunk", "malloc_consolidate", "tcache", "sysmalloc"];
    is_allocation(name)
        || name == "free"
        || name == "cfree"
        || helpers.iter().any(|helper| name.starts_with(helper))
        || ["__rust_alloc", "__rust_dealloc", "__rust_realloc", "__rdl_", "__rustc::"]
            .iter()
            .any(|own| name.contains(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_the_crate_that_implements_and_not_the_trait() {
        assert_eq!(
            CallPart::of("<hyper::proto::h1::Conn<I> as tokio::io::AsyncRead>::poll_read", true),
            CallPart::Http
        );
        assert_eq!(CallPart::of("core::ptr::drop_in_place<rpc_core::codec::Output>", true), CallPart::Codec);
        assert_eq!(CallPart::of("core::fmt::write", true), CallPart::Other);
        assert_eq!(CallPart::of("__memcpy_avx_unaligned_erms", false), CallPart::Memory);
        assert_eq!(CallPart::of("_int_free", false), CallPart::Allocator);
    }
}
