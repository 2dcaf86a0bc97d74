//! [`Framing`]: how messages are told apart on a stream of bytes.

/// How messages are told apart on a stream of bytes, such as a Unix socket or standard input and output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Each message is a line. The default, for scripts, MCP and the framework's own clients.
    ///
    /// A line ends with `\n` or `\r\n`. Empty lines are ignored.
    #[default]
    Lines,
    /// Each message has a head with its length, as in the [Language Server Protocol][lsp]:
    /// `Content-Length: 42\r\n\r\n`.
    ///
    /// [lsp]: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#headerPart
    ContentLength,
}
