//! The syntax of all attributes: a list of keys, some with values. A key appears at most once, unless it is repeatable.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Lit, LitStr, Meta, Path, Token, token};

use crate::diagnostics::Diagnostics;

/// A place for arguments, with its known keys.
pub(crate) struct Place {
    /// The place's name in error messages, such as `a method`.
    pub(crate) what: &'static str,
    pub(crate) keys: &'static [&'static str],
    /// The keys that may appear more than once.
    pub(crate) repeatable: &'static [&'static str],
}

impl Place {
    fn known(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        keys.join(", ")
    }
}

/// Removes the `#[rpc(..)]` attributes from a list and returns them.
pub(crate) fn take_rpc(attrs: &mut Vec<Attribute>) -> Vec<Attribute> {
    attrs.extract_if(.., |attr| attr.path().is_ident("rpc")).collect()
}

/// Parses `#[rpc(..)]` attributes. Calls `take` for each known key; `take` parses the key's value.
///
/// An error ends only its own argument. The arguments after it are still parsed.
pub(crate) fn parse_attributes(
    attrs: &[Attribute],
    place: &Place,
    diagnostics: &mut Diagnostics,
    mut take: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    let mut seen = Vec::new();
    for attr in attrs {
        match &attr.meta {
            Meta::List(list) => parse_arguments(list.tokens.clone(), place, &mut seen, diagnostics, &mut take),
            _ => diagnostics.at(attr, format!("expected `#[rpc(..)]`; {} takes {}", place.what, place.known())),
        }
    }
}

/// Parses a list of arguments. `seen` holds the keys that were given before.
pub(crate) fn parse_arguments(
    tokens: TokenStream,
    place: &Place,
    seen: &mut Vec<String>,
    diagnostics: &mut Diagnostics,
    mut take: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = parse_argument(input, place, seen, &mut take) {
                diagnostics.push(error);
                skip_argument(input);
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        diagnostics.push(error);
    }
}

fn parse_argument(
    input: ParseStream<'_>,
    place: &Place,
    seen: &mut Vec<String>,
    take: &mut impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!("expected a name; {} takes {}", place.what, place.known())));
    }
    let key = input.call(Ident::parse_any)?;
    let name = key.to_string();
    if !place.keys.contains(&name.as_str()) {
        let message = format!("unknown argument `{name}`: {} takes {}", place.what, place.known());
        return Err(syn::Error::new(key.span(), message));
    }
    take(&key, input)?;
    if !input.is_empty() && !input.peek(Token![,]) {
        return Err(input.error("expected `,`"));
    }
    if !place.repeatable.contains(&name.as_str()) && seen.contains(&name) {
        return Err(syn::Error::new(key.span(), format!("`{name}` is given twice")));
    }
    seen.push(name);
    Ok(())
}

/// Skips to the next comma, after an error.
fn skip_argument(input: ParseStream<'_>) {
    // The value may be an expression with commas inside angle brackets. If it does not parse, or only in part, that
    // does not matter: the argument already has its error.
    if input.parse::<Option<Token![=]>>().is_ok_and(|equals| equals.is_some()) {
        let _ = input.parse::<Expr>();
    }
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<proc_macro2::TokenTree>();
    }
}

/// Checks that no value follows the key.
pub(crate) fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) || input.peek(token::Paren) {
        return Err(syn::Error::new(key.span(), format!("`{key}` takes no value")));
    }
    Ok(())
}

/// Parses `= "text"`.
pub(crate) fn string(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let hint = format!("`{key} = \"..\"`");
    equals(key, input, &hint)?;
    if !input.peek(LitStr) {
        return Err(input.error(format!("expected a string: {hint}")));
    }
    input.parse()
}

/// Parses `= "name"`. The name goes over the wire, so it must not be empty.
pub(crate) fn name(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = string(key, input)?;
    if name.value().is_empty() {
        return Err(syn::Error::new(name.span(), format!("`{key}` must not be empty")));
    }
    Ok(name)
}

/// Parses `= ::path::of::the::facade`.
pub(crate) fn path(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let hint = format!("`{key} = ::rpc`");
    equals(key, input, &hint)?;
    if input.peek(LitStr) {
        return Err(input.error(format!("expected a path, without quotes: {hint}")));
    }
    input.call(Path::parse_mod_style).map_err(|error| syn::Error::new(error.span(), format!("expected a path: {hint}")))
}

/// Parses the equals sign of a required value.
pub(crate) fn equals(key: &Ident, input: ParseStream<'_>, hint: &str) -> syn::Result<()> {
    let has_value = input.parse::<Option<Token![=]>>()?.is_some() && !input.is_empty() && !input.peek(Token![,]);
    if has_value { Ok(()) } else { Err(syn::Error::new(key.span(), format!("`{key}` needs a value: {hint}"))) }
}

/// Returns the documentation, without the space after each `///` and without the indentation of a block comment.
pub(crate) fn docs(attrs: &[Attribute]) -> String {
    let parts: Vec<_> = attrs.iter().filter_map(doc_part).collect();
    parts.join("\n").trim_matches('\n').trim_end().to_owned()
}

fn doc_part(attr: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attr.meta else { return None };
    if !meta.path.is_ident("doc") {
        return None;
    }
    // A macro does not know computed text, such as that of `include_str!`.
    let Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = &meta.value else { return None };
    Some(unindent(&text.value()))
}

/// Removes the leading space of a line. In a block, removes the indentation that all lines except the first share.
fn unindent(text: &str) -> String {
    let Some((first, rest)) = text.split_once('\n') else {
        return text.strip_prefix(' ').unwrap_or(text).to_owned();
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least = rest.lines().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let rest = rest.lines().map(|line| line.get(least..).unwrap_or("").trim_end());
    std::iter::once(first.trim()).chain(rest).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::{Place, flag, parse_arguments, string};
    use crate::diagnostics::Diagnostics;

    const PLACE: Place = Place { what: "a test", keys: &["flag", "text", "many"], repeatable: &["many"] };

    /// Parses arguments and returns the accepted keys and the errors.
    fn parse(tokens: TokenStream) -> (Vec<String>, Vec<String>) {
        let mut taken = Vec::new();
        let mut diagnostics = Diagnostics::default();
        parse_arguments(tokens, &PLACE, &mut Vec::new(), &mut diagnostics, |key, input| {
            match key.to_string().as_str() {
                "flag" => flag(key, input)?,
                _ => drop(string(key, input)?),
            }
            taken.push(key.to_string());
            Ok(())
        });
        (taken, diagnostics.messages())
    }

    #[test]
    fn arguments_are_separated_by_commas_and_may_end_with_one() {
        for tokens in [quote!(flag, text = "a"), quote!(flag, text = "a",)] {
            assert_eq!(parse(tokens), (vec!["flag".to_owned(), "text".to_owned()], vec![]));
        }
    }

    #[test]
    fn every_argument_has_its_own_error() {
        let (taken, errors) = parse(quote!(flag = true, what = f::<A, B>(x), text = 5, "x", flag));
        assert_eq!(
            errors,
            [
                "`flag` takes no value",
                "unknown argument `what`: a test takes `flag`, `text`, `many`",
                "expected a string: `text = \"..\"`",
                "expected a name; a test takes `flag`, `text`, `many`",
            ]
        );
        assert_eq!(taken, ["flag"]);
    }

    #[test]
    fn a_second_time_is_an_error_unless_repeatable() {
        assert_eq!(parse(quote!(flag, many = "a", flag, many = "b")).1, ["`flag` is given twice"]);
    }

    #[test]
    fn a_value_must_follow() {
        for tokens in [quote!(text), quote!(text =), quote!(text, flag), quote!(text = , flag)] {
            assert_eq!(parse(tokens).1, ["`text` needs a value: `text = \"..\"`"]);
        }
    }

    #[test]
    fn a_missing_comma_is_an_error() {
        assert_eq!(
            parse(quote!(flag text = "a", many = "b")),
            (vec!["flag".into(), "many".into()], vec!["expected `,`".into()])
        );
    }
}
