//! Expands a macro by example, as rustc does but without hygiene.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Block, Expr, Item, Lifetime, Lit, Meta, Pat, Path, Result, Stmt, Token, Type, Visibility};

/// A part of a rule's pattern or of its body.
enum RulePart {
    Token(TokenTree),
    Group(Delimiter, Vec<RulePart>),
    /// `$crate`.
    Crate,
    /// `$name:fragment` in a pattern, `$name` in a body.
    Variable(String, String),
    /// `$( .. ) separator operator`.
    Repeat(Vec<RulePart>, Option<TokenTree>, char),
}

/// The value of a variable: tokens, or one binding for each iteration of a repetition.
#[derive(Clone)]
enum Binding {
    One(TokenStream),
    Many(Vec<Binding>),
}

type Bindings = BTreeMap<String, Binding>;

/// A rule: its pattern and its body.
struct Rule {
    pattern: Vec<RulePart>,
    body: Vec<RulePart>,
}

/// Expands an invocation with the tokens `input` by the rules in the tokens `definition`. `$crate` becomes `krate`.
/// Returns `None` if no rule matches.
pub(super) fn expand(definition: &TokenStream, input: &TokenStream, krate: &Ident) -> Option<TokenStream> {
    rules.parse2(definition.clone()).ok()?.iter().find_map(|rule| {
        let bindings = matched_whole(&rule.pattern, input.clone()).ok()?;
        write(&rule.body, &bindings, krate)
    })
}

/// Returns the patterns of all rules, each without its delimiters.
pub(crate) fn patterns(definition: &TokenStream) -> Vec<TokenStream> {
    let rules = |input: ParseStream<'_>| groups(input);
    let groups = rules.parse2(definition.clone()).unwrap_or_default();
    groups.into_iter().map(|(pattern, _)| pattern.stream()).collect()
}

fn rules(input: ParseStream<'_>) -> Result<Vec<Rule>> {
    let rules = groups(input)?.into_iter().map(|(pattern, body)| {
        Ok(Rule { pattern: parts.parse2(pattern.stream())?, body: body_parts.parse2(body.stream())? })
    });
    rules.collect()
}

fn groups(input: ParseStream<'_>) -> Result<Vec<(Group, Group)>> {
    let mut groups = Vec::new();
    while !input.is_empty() {
        let pattern = input.parse()?;
        input.parse::<Token![=>]>()?;
        groups.push((pattern, input.parse()?));
        input.parse::<Option<Token![;]>>()?;
    }
    Ok(groups)
}

fn parts(input: ParseStream<'_>) -> Result<Vec<RulePart>> {
    read(input, true)
}

fn body_parts(input: ParseStream<'_>) -> Result<Vec<RulePart>> {
    read(input, false)
}

fn read(input: ParseStream<'_>, is_pattern: bool) -> Result<Vec<RulePart>> {
    let within =
        |group: &Group| if is_pattern { parts.parse2(group.stream()) } else { body_parts.parse2(group.stream()) };
    let mut all = Vec::new();
    while !input.is_empty() {
        all.push(match input.parse()? {
            TokenTree::Punct(punct) if punct.as_char() == '$' && !input.is_empty() => match input.parse()? {
                TokenTree::Ident(ident) if ident == "crate" => RulePart::Crate,
                TokenTree::Ident(ident) if is_pattern => {
                    input.parse::<Token![:]>()?;
                    RulePart::Variable(ident.to_string(), input.call(Ident::parse_any)?.to_string())
                }
                TokenTree::Ident(ident) => RulePart::Variable(ident.to_string(), String::new()),
                TokenTree::Group(group) => {
                    let (separator, operator) = operator(input)?;
                    RulePart::Repeat(within(&group)?, separator, operator)
                }
                other => return Err(syn::Error::new(other.span(), "unexpected behind `$`")),
            },
            TokenTree::Group(group) => RulePart::Group(group.delimiter(), within(&group)?),
            token => RulePart::Token(token),
        });
    }
    Ok(all)
}

/// Parses the separator and the operator after `$( .. )`.
fn operator(input: ParseStream<'_>) -> Result<(Option<TokenTree>, char)> {
    let operator = |token: &TokenTree| match token {
        TokenTree::Punct(punct) if ['*', '+', '?'].contains(&punct.as_char()) => Some(punct.as_char()),
        _ => None,
    };
    let first = input.parse()?;
    if let Some(operator) = operator(&first) {
        return Ok((None, operator));
    }
    let second: TokenTree = input.parse()?;
    let operator = operator(&second).ok_or_else(|| syn::Error::new(second.span(), "expected `*`, `+` or `?`"))?;
    Ok((Some(first), operator))
}

fn matched_whole(pattern: &[RulePart], input: TokenStream) -> Result<Bindings> {
    (|input: ParseStream<'_>| matched(pattern, input)).parse2(input)
}

/// Matches a pattern against the next tokens of the input.
fn matched(pattern: &[RulePart], input: ParseStream<'_>) -> Result<Bindings> {
    let mut bindings = Bindings::new();
    for part in pattern {
        match part {
            RulePart::Token(token) => expect(token, input)?,
            RulePart::Group(delimiter, parts) => match input.parse()? {
                TokenTree::Group(group) if group.delimiter() == *delimiter => {
                    bindings.extend(matched_whole(parts, group.stream())?);
                }
                other => return Err(syn::Error::new(other.span(), "expected a group")),
            },
            RulePart::Variable(name, fragment) => {
                bindings.insert(name.clone(), Binding::One(self::fragment(fragment, input)?));
            }
            RulePart::Repeat(parts, separator, operator) => {
                bindings.extend(repeated(parts, separator.as_ref(), *operator, input)?);
            }
            RulePart::Crate => return Err(input.error("`$crate` in a pattern")),
        }
    }
    Ok(bindings)
}

fn expect(token: &TokenTree, input: ParseStream<'_>) -> Result<()> {
    let found: TokenTree = input.parse()?;
    let is_same = match (token, &found) {
        // The spacing of punctuation depends on where it comes from, so it is not compared.
        (TokenTree::Punct(token), TokenTree::Punct(found)) => token.as_char() == found.as_char(),
        _ => token.to_string() == found.to_string(),
    };
    if is_same { Ok(()) } else { Err(syn::Error::new(found.span(), format!("expected `{token}`"))) }
}

fn repeated(
    parts: &[RulePart],
    separator: Option<&TokenTree>,
    operator: char,
    input: ParseStream<'_>,
) -> Result<Bindings> {
    let mut turns: Vec<Bindings> = Vec::new();
    while !input.is_empty() && (operator != '?' || turns.is_empty()) {
        let ahead = input.fork();
        if let Some(separator) = separator.filter(|_| !turns.is_empty())
            && expect(separator, &ahead).is_err()
        {
            break;
        }
        let Ok(turn) = matched(parts, &ahead) else { break };
        input.advance_to(&ahead);
        turns.push(turn);
    }
    if operator == '+' && turns.is_empty() {
        return Err(input.error("expected at least one repetition"));
    }
    let many = |name: String| {
        let bindings = turns.iter().filter_map(|turn| turn.get(&name).cloned()).collect();
        (name, Binding::Many(bindings))
    };
    Ok(variables(parts).into_iter().map(many).collect())
}

fn fragment(kind: &str, input: ParseStream<'_>) -> Result<TokenStream> {
    Ok(match kind {
        "block" => input.parse::<Block>()?.into_token_stream(),
        "expr" | "expr_2021" => input.parse::<Expr>()?.into_token_stream(),
        "ident" => input.call(Ident::parse_any)?.into_token_stream(),
        "item" => input.parse::<Item>()?.into_token_stream(),
        "lifetime" => input.parse::<Lifetime>()?.into_token_stream(),
        "literal" => input.parse::<Lit>()?.into_token_stream(),
        "meta" => input.parse::<Meta>()?.into_token_stream(),
        "pat" => input.call(Pat::parse_multi_with_leading_vert)?.into_token_stream(),
        "pat_param" => input.call(Pat::parse_single)?.into_token_stream(),
        "path" => input.parse::<Path>()?.into_token_stream(),
        "stmt" => input.parse::<Stmt>()?.into_token_stream(),
        "tt" => input.parse::<TokenTree>()?.into_token_stream(),
        "ty" => input.parse::<Type>()?.into_token_stream(),
        "vis" => input.parse::<Visibility>()?.into_token_stream(),
        _ => return Err(input.error(format!("unknown fragment `{kind}`"))),
    })
}

/// Returns the names of all variables.
fn variables(parts: &[RulePart]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for part in parts {
        match part {
            RulePart::Variable(name, _) => drop(names.insert(name.clone())),
            RulePart::Group(_, parts) | RulePart::Repeat(parts, ..) => names.extend(variables(parts)),
            RulePart::Token(_) | RulePart::Crate => {}
        }
    }
    names
}

/// Expands a rule's body. Returns `None` if a variable repeats outside of a repetition, or if a repetition has none
/// that repeats.
fn write(body: &[RulePart], bindings: &Bindings, krate: &Ident) -> Option<TokenStream> {
    let mut written = TokenStream::new();
    for part in body {
        match part {
            RulePart::Token(token) => token.to_tokens(&mut written),
            RulePart::Group(delimiter, parts) => {
                Group::new(*delimiter, write(parts, bindings, krate)?).to_tokens(&mut written);
            }
            RulePart::Crate => krate.to_tokens(&mut written),
            RulePart::Variable(name, _) => match bindings.get(name) {
                Some(Binding::One(tokens)) => written.extend(tokens.clone()),
                Some(Binding::Many(_)) => return None,
                // The variable belongs to a macro that this macro defines.
                None => {
                    Punct::new('$', Spacing::Alone).to_tokens(&mut written);
                    Ident::new(name, krate.span()).to_tokens(&mut written);
                }
            },
            RulePart::Repeat(parts, separator, _) => {
                for (turn, bindings) in turns(parts, bindings)?.iter().enumerate() {
                    separator.iter().filter(|_| turn > 0).for_each(|separator| separator.to_tokens(&mut written));
                    written.extend(write(parts, bindings, krate)?);
                }
            }
        }
    }
    Some(written)
}

/// Returns the bindings of each iteration of a repetition.
fn turns(parts: &[RulePart], bindings: &Bindings) -> Option<Vec<Bindings>> {
    let many: Vec<(String, &Vec<Binding>)> = variables(parts)
        .into_iter()
        .filter_map(|name| match bindings.get(&name) {
            Some(Binding::Many(many)) => Some((name, many)),
            _ => None,
        })
        .collect();
    let count = many.first()?.1.len();
    let turn = |at: usize| {
        let mut bindings = bindings.clone();
        for (name, many) in &many {
            bindings.insert(name.clone(), many.get(at)?.clone());
        }
        Some(bindings)
    };
    (0..count).map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expands an invocation. The spacing of tokens depends on where they come from, so spaces are removed.
    fn expanded(rules: &str, input: &str) -> Option<String> {
        let krate = Ident::new("made_up", proc_macro2::Span::call_site());
        Some(squeezed(&expand(&rules.parse().unwrap(), &input.parse().unwrap(), &krate)?))
    }

    fn tokens(text: &str) -> Option<String> {
        Some(squeezed(&text.parse().unwrap()))
    }

    fn squeezed(tokens: &TokenStream) -> String {
        tokens.to_string().replace(' ', "")
    }

    #[test]
    fn first_rule_that_matches_all_of_the_input_expands() {
        let rules = "(a) => { one }; (a $b:ident) => { two $b $crate }; ($($rest:tt)*) => { three }";
        assert_eq!(expanded(rules, "a"), tokens("one"));
        assert_eq!(expanded(rules, "a b"), tokens("two b made_up"));
        assert_eq!(expanded(rules, "a b c"), tokens("three"));
        assert_eq!(expanded("(a) => {}", "b"), None);
        assert_eq!(expanded("((a)) => {}", "[a]"), None);
    }

    #[test]
    fn repetitions_nest_and_have_separators() {
        let rules = "($($a:ident: [$($b:literal),*]);+ $(;)?) => { $($a { $($b;)* $($a + $b)|* })* }";
        assert_eq!(expanded(rules, "x: [1, -2]; y: [];"), tokens("x { 1; -2; x + 1 | x + -2 } y { }"));
        assert_eq!(expanded(rules, ""), None);
        assert_eq!(expanded(rules, "x: [1,]"), None);
    }

    #[test]
    fn what_repeats_differently_than_it_is_written_expands_to_nothing() {
        assert_eq!(expanded("($($a:ident)*) => { $a }", "x"), None);
        assert_eq!(expanded("($a:ident) => { $($a)* }", "x"), None);
        assert_eq!(expanded("($($a:ident)*; $($b:ident)*) => { $($a $b)* }", "x y; z"), None);
    }

    #[test]
    fn fragments_take_what_rustc_lets_them_take() {
        let rules = "($a:ty, $b:expr, $c:path, $(#[$d:meta])* $e:vis fn $f:block $g:lifetime $h:pat => $i:item) => {
            $a; $b; $c; $(#[$d])* $e $f $g $h $i
        }";
        let input = "Vec<Vec<u8>>, 1 + f(2), a::b, #[x(y)] #[z = 1] pub(crate) fn { 3 } 'l A | B => struct S;";
        let expected = "Vec<Vec<u8>>; 1 + f(2); a::b; #[x(y)] #[z = 1] pub(crate) { 3 } 'l A | B struct S;";
        assert_eq!(expanded(rules, input), tokens(expected));
    }

    #[test]
    fn macro_may_define_a_macro_with_variables_of_its_own() {
        let rules = "($d:tt $name:ident) => { macro_rules! $name { ($d x:ident) => { $d x $own } } }";
        assert_eq!(expanded(rules, "$ n"), tokens("macro_rules! n { ($ x: ident) => { $ x $ own } }"));
    }
}
