//! The arguments of the attributes on an error type, its variants and its fields.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Attribute, LitInt, LitStr, Path, Token};

use crate::attr::{self, Place};
use crate::diagnostics::Diagnostics;
use crate::names;

const ENUM: Place =
    Place { what: "an enum, whose variants have the codes,", keys: &["openrpc", "crate"], repeatable: &[] };
const VARIANT: Place =
    Place { what: "a variant", keys: &["code", "retryable", "transparent", "internal"], repeatable: &[] };
const STRUCT: Place = Place {
    what: "an error struct",
    keys: &["code", "retryable", "transparent", "internal", "openrpc", "crate"],
    repeatable: &[],
};
const FIELD: Place = Place { what: "a field", keys: &["name"], repeatable: &[] };

/// The arguments on a type.
pub(crate) struct TypeArgs {
    pub(crate) krate: Path,
    /// The key `openrpc`, which adds the types of fields to descriptions.
    pub(crate) openrpc: Option<Ident>,
}

impl TypeArgs {
    fn new() -> Self {
        Self { krate: names::default_crate(), openrpc: None }
    }

    /// Parses the attributes of an enum. They cannot contain keys of a variant.
    pub(crate) fn of_enum(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut args = Self::new();
        attr::parse_attributes(attrs, &ENUM, diagnostics, |key, input| args.take(key, input));
        args
    }

    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if key == "crate" {
            self.krate = attr::path(key, input)?;
            return Ok(());
        }
        attr::flag(key, input)?;
        self.openrpc = Some(key.clone());
        Ok(())
    }
}

/// The arguments on a variant or a struct.
#[derive(Default)]
pub(crate) struct VariantArgs {
    pub(crate) code: Option<Code>,
    pub(crate) retryable: Option<Ident>,
    pub(crate) transparent: Option<Ident>,
    pub(crate) internal: Option<Ident>,
    /// Whether an argument is malformed. The user may have meant a code, `transparent` or `internal`.
    pub(crate) is_malformed: bool,
}

/// An error code. Its tokens are the user's, with their spans.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    pub(crate) value: i64,
    minus: Option<Token![-]>,
    span: Span,
}

impl ToTokens for Code {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let mut magnitude = Literal::u64_unsuffixed(self.value.unsigned_abs());
        magnitude.set_span(self.span);
        self.minus.to_tokens(tokens);
        magnitude.to_tokens(tokens);
    }
}

impl VariantArgs {
    pub(crate) fn of_variant(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut args = Self::default();
        let errors = diagnostics.count();
        attr::parse_attributes(attrs, &VARIANT, diagnostics, |key, input| args.take(key, input));
        args.is_malformed = diagnostics.count() > errors;
        args
    }

    /// Parses the attributes of a struct, which may contain the keys of a variant and those of a type.
    pub(crate) fn of_struct(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> (Self, TypeArgs) {
        let (mut args, mut of_type) = (Self::default(), TypeArgs::new());
        let errors = diagnostics.count();
        attr::parse_attributes(attrs, &STRUCT, diagnostics, |key, input| {
            if key == "crate" || key == "openrpc" { of_type.take(key, input) } else { args.take(key, input) }
        });
        args.is_malformed = diagnostics.count() > errors;
        (args, of_type)
    }

    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "code" => self.code = Some(code(key, input)?),
            "retryable" => {
                attr::flag(key, input)?;
                self.retryable = Some(key.clone());
            }
            "internal" => {
                self.internal = Some(key.clone());
                attr::flag(key, input)?;
            }
            _ => {
                self.transparent = Some(key.clone());
                attr::flag(key, input)?;
            }
        }
        Ok(())
    }
}

/// Parses `= 1001` or `= -32001`. Only literals can be compared with each other during expansion.
fn code(key: &Ident, input: ParseStream<'_>) -> syn::Result<Code> {
    const HINT: &str = "`code = 1001`";
    attr::equals(key, input, HINT)?;
    let minus = input.parse::<Option<Token![-]>>()?;
    if !input.peek(LitInt) {
        return Err(input.error(format!("expected an integer literal: {HINT}")));
    }
    let literal = input.parse::<LitInt>()?;
    let digits = literal.base10_digits();
    let signed = if minus.is_some() { format!("-{digits}") } else { digits.to_owned() };
    match signed.parse() {
        Ok(value) => Ok(Code { value, minus, span: literal.span() }),
        Err(_) => Err(syn::Error::new(literal.span(), "a code must fit an `i64`")),
    }
}

/// Parses a field's name on the wire.
pub(crate) fn field_name(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Option<LitStr> {
    let mut name = None;
    attr::parse_attributes(attrs, &FIELD, diagnostics, |key, input| {
        name = Some(attr::name(key, input)?);
        Ok(())
    });
    name
}

/// Returns the error's message, if known: the text of thiserror's attribute, or else the documentation.
pub(crate) fn message(attrs: &[Attribute]) -> Option<String> {
    let template = |attr: &Attribute| {
        let first = |input: ParseStream<'_>| {
            let text = input.parse::<LitStr>()?;
            // Arguments of the format may follow.
            input.parse::<TokenStream>()?;
            Ok(text.value())
        };
        attr.path().is_ident("error").then(|| attr.parse_args_with(first).ok()).flatten()
    };
    let documented = || {
        let docs = attr::docs(attrs);
        let paragraph: Vec<_> = docs.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        (!paragraph.is_empty()).then(|| paragraph.join(" "))
    };
    attrs.iter().find_map(template).or_else(documented)
}
