//! The contents of a macro's tokens: expressions and statements if they parse, bare paths if not.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Block, Expr, ItemStruct, Macro, Stmt, Token};

use crate::settings;

/// A part of a macro's tokens.
pub(super) enum MacroTokens {
    Expr(Expr),
    Struct(ItemStruct),
    /// Statements in braces. Their bindings end with them.
    Stmts(Vec<Stmt>),
    /// A path, or a name that may be a path.
    Path(Vec<Ident>),
    /// A variable, bound from here on.
    Bound(Ident),
}

/// Splits the tokens of a macro's invocation or definition into parts.
pub(super) fn parts(mac: &Macro) -> Vec<MacroTokens> {
    let name = mac.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    match name.as_str() {
        // Quoted tokens are the code of other crates.
        "quote" | "parse_quote" => Vec::new(),
        "quote_spanned" | "parse_quote_spanned" => within(before_arrow(&mac.tokens)),
        _ => settings::read(mac).map_or_else(|| within(mac.tokens.clone()), |item| vec![MacroTokens::Struct(item)]),
    }
}

fn before_arrow(tokens: &TokenStream) -> TokenStream {
    let is_equals = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '=');
    tokens.clone().into_iter().take_while(|token| !is_equals(token)).collect()
}

fn within(tokens: TokenStream) -> Vec<MacroTokens> {
    if let Ok(exprs) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) {
        return exprs.into_iter().map(MacroTokens::Expr).collect();
    }
    if let Ok(stmts) = Block::parse_within.parse2(tokens.clone()) {
        return vec![MacroTokens::Stmts(stmts)];
    }
    let mut parts = Vec::new();
    scan(tokens, &mut parts);
    parts
}

/// Collects the tokens that look like paths. Fields, methods, labels, lifetimes and a macro's own variables are no
/// paths.
fn scan(tokens: TokenStream, parts: &mut Vec<MacroTokens>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => parts.extend(within(group.stream())),
            TokenTree::Group(group) => scan(group.stream(), parts),
            TokenTree::Punct(punct) if punct.as_char() == '$' => at += variable(&tokens[at + 1..]),
            // One dot is a field or a method; two or three dots are a range.
            TokenTree::Punct(punct) if punct.as_char() == '.' && !is_dot(&tokens, at.wrapping_sub(1)) => {
                at += usize::from(!is_dot(&tokens, at + 1));
            }
            TokenTree::Punct(punct) if punct.as_char() == '\'' => at += 1,
            TokenTree::Ident(ident) => {
                let path = path(&tokens[at..]);
                at += (path.len() - 1) * 3;
                let is_binding = ["let", "mut", "ref"].iter().any(|word| ident == word);
                match tokens.get(at + 1) {
                    Some(TokenTree::Ident(bound)) if is_binding && bound != "mut" => {
                        // `let Some(x)` and `let Type { x }` do not bind `Some` and `Type`.
                        if !matches!(tokens.get(at + 2), Some(TokenTree::Group(_))) {
                            parts.push(MacroTokens::Bound(bound.clone()));
                            at += 1;
                        }
                    }
                    _ if path.len() == 1 && is_label(&tokens[at + 1..]) => {}
                    _ if path.len() == 1 && is_assigned(&tokens[at + 1..]) => {
                        parts.push(MacroTokens::Bound(ident.clone()))
                    }
                    _ => parts.push(MacroTokens::Path(path)),
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

/// Returns the number of tokens after a `$` that name a variable of a macro: `$x`, `$x:ty`, but not `$crate`.
fn variable(rest: &[TokenTree]) -> usize {
    match rest {
        [TokenTree::Ident(ident), ..] if ident == "crate" => 0,
        [TokenTree::Ident(_), colon, TokenTree::Ident(_), ..] if is_punct(Some(colon), ':') => 3,
        [TokenTree::Ident(_), ..] => 1,
        _ => 0,
    }
}

/// Parses `a::b::c` from its first name on.
fn path(tokens: &[TokenTree]) -> Vec<Ident> {
    let mut path = Vec::new();
    let mut rest = tokens;
    while let [TokenTree::Ident(ident), after @ ..] = rest {
        path.push(ident.clone());
        match after {
            [first, second, next @ ..] if is_punct(Some(first), ':') && is_punct(Some(second), ':') => rest = next,
            _ => break,
        }
    }
    path
}

/// Returns whether a name is that of a field or a label: `name: ..`.
fn is_label(after: &[TokenTree]) -> bool {
    is_punct(after.first(), ':') && !is_punct(after.get(1), ':')
}

/// Returns whether a name is assigned: `name = ..`, not `name == ..` or `name => ..`.
fn is_assigned(after: &[TokenTree]) -> bool {
    is_punct(after.first(), '=') && !is_punct(after.get(1), '=') && !is_punct(after.get(1), '>')
}

fn is_dot(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), '.')
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}
