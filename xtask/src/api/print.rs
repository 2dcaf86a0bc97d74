//! Formats tokens of types and signatures on one line, with rustfmt's spacing.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// Words that are not operands: `&` or `(` after them begins an expression or a type. `fn` is missing, so that `fn(A)`
/// is formatted like `Fn(A)`.
const KEYWORDS: [&str; 15] = [
    "as", "async", "const", "dyn", "enum", "for", "impl", "in", "mut", "pub", "struct", "trait", "type", "unsafe",
    "where",
];

/// Formats tokens on one line. Removes the comma before a closing delimiter, except in a tuple of one element.
pub(super) fn text(tokens: &impl ToTokens) -> String {
    let mut writer = TokenWriter::default();
    writer.stream(tokens.to_token_stream());
    writer.end()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    /// The beginning of the text.
    Start,
    /// A name or a literal.
    Word,
    /// A keyword or a lifetime.
    Keyword,
    Open,
    Close,
    /// An operator with a space on both sides.
    Binary,
    /// A token without a space after it: `&`, `*`, `?`, `#`.
    Prefix,
    /// A token without spaces around it: `::`, `.`.
    Joint,
    /// A token without a space before it: `,`, `;`, `:`.
    Suffix,
}

struct TokenWriter {
    text: String,
    last: TokenKind,
}

impl Default for TokenWriter {
    fn default() -> Self {
        Self { text: String::new(), last: TokenKind::Start }
    }
}

impl TokenWriter {
    fn stream(&mut self, stream: TokenStream) {
        let mut tokens = stream.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.group(group.delimiter(), group.stream()),
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Punct(punct) => {
                    let mut joined = String::from(punct.as_char());
                    let mut spacing = punct.spacing();
                    while let (Spacing::Joint, Some(next)) = (spacing, tokens.peek()) {
                        match next {
                            TokenTree::Punct(next) if is_operator(&joined, next.as_char()) => {
                                joined.push(next.as_char());
                                spacing = next.spacing();
                            }
                            TokenTree::Ident(name) if joined == "'" => {
                                joined.push_str(&name.to_string());
                                spacing = Spacing::Alone;
                            }
                            _ => break,
                        }
                        tokens.next();
                    }
                    self.punct(&joined);
                }
            }
        }
    }

    fn group(&mut self, delimiter: Delimiter, stream: TokenStream) {
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::None => return self.stream(stream),
        };
        if delimiter == Delimiter::Brace {
            let is_empty = stream.is_empty();
            self.push(open, TokenKind::Binary);
            self.stream(stream);
            self.drop_comma();
            self.last = if is_empty { TokenKind::Open } else { TokenKind::Binary };
            self.push(close, TokenKind::Close);
            self.last = TokenKind::Binary;
            return;
        }
        let is_tuple = delimiter == Delimiter::Parenthesis && !matches!(self.last, TokenKind::Word | TokenKind::Close);
        let is_touching = matches!(self.last, TokenKind::Word | TokenKind::Close);
        if is_touching {
            self.text.push_str(open);
        } else {
            self.push(open, TokenKind::Open);
        }
        self.last = TokenKind::Open;
        let is_single = is_tuple && commas(&stream) == 1;
        self.stream(stream);
        if !is_single {
            self.drop_comma();
        }
        self.text.push_str(close);
        self.last = TokenKind::Close;
    }

    fn word(&mut self, word: &str) {
        let kind = if KEYWORDS.contains(&word) { TokenKind::Keyword } else { TokenKind::Word };
        self.push(word, kind);
    }

    fn punct(&mut self, punct: &str) {
        let is_operand = matches!(self.last, TokenKind::Word | TokenKind::Close);
        match punct {
            _ if punct.starts_with('\'') => self.push(punct, TokenKind::Keyword),
            "," | ";" | ":" => self.suffix(punct),
            "::" if is_operand => self.joint(punct),
            "::" => self.push(punct, TokenKind::Prefix),
            "." | ".." | "..=" => self.joint(punct),
            "<" if matches!(self.last, TokenKind::Word | TokenKind::Keyword | TokenKind::Joint) => {
                self.joint(punct);
                self.last = TokenKind::Open;
            }
            "<" => self.push(punct, TokenKind::Open),
            ">" => {
                self.drop_comma();
                self.joint(punct);
                self.last = TokenKind::Close;
            }
            // The never type.
            "!" if self.text.ends_with("->") => self.push(punct, TokenKind::Close),
            "!" if is_operand => {
                self.joint(punct);
                self.last = TokenKind::Word;
            }
            "&" | "&&" | "*" | "-" | "!" if !is_operand => self.push(punct, TokenKind::Prefix),
            "?" | "#" | "$" => self.push(punct, TokenKind::Prefix),
            _ => self.push(punct, TokenKind::Binary),
        }
    }

    /// Writes a token that may need a space before it.
    fn push(&mut self, text: &str, kind: TokenKind) {
        if !matches!(self.last, TokenKind::Start | TokenKind::Open | TokenKind::Prefix | TokenKind::Joint) {
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.last = kind;
    }

    fn joint(&mut self, text: &str) {
        self.text.push_str(text);
        self.last = TokenKind::Joint;
    }

    fn suffix(&mut self, text: &str) {
        self.text.push_str(text);
        self.last = TokenKind::Suffix;
    }

    fn drop_comma(&mut self) {
        if self.last == TokenKind::Suffix && self.text.ends_with(',') {
            self.text.pop();
        }
    }

    fn end(mut self) -> String {
        self.drop_comma();
        self.text
    }
}

/// Returns whether punctuation and the next character are one operator.
fn is_operator(joined: &str, next: char) -> bool {
    matches!(
        (joined, next),
        (":", ':') | ("-" | "=", '>') | ("." | "..", '.') | ("..", '=') | ("<", '<') | ("&", '&') | ("|", '|')
    ) || (next == '=' && ["=", "!", "<", ">"].contains(&joined))
}

fn commas(stream: &TokenStream) -> usize {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    stream.clone().into_iter().filter(is_comma).count()
}
