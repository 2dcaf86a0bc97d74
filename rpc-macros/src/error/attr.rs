//! The arguments of the attributes on an error type, its variants and its fields.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::{Attribute, LitInt, LitStr, Path, Token};

use crate::attr::{self, Place};
use crate::diagnostics::Diagnostics;
use crate::names;

const ENUM: Place = Place { what: "an enum, whose variants have the codes,", keys: &["crate"], repeatable: None };
const VARIANT: Place = Place { what: "a variant", keys: &["code", "retryable", "transparent"], repeatable: None };
const STRUCT: Place =
    Place { what: "an error struct", keys: &["code", "retryable", "transparent", "crate"], repeatable: None };
const FIELD: Place = Place { what: "a field", keys: &["name"], repeatable: None };

/// Reads the attributes of an enum, which may only name the facade.
pub(crate) fn enum_crate(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Path {
    let mut krate = names::default_crate();
    attr::parse_attributes(attrs, &ENUM, diagnostics, |key, input| {
        krate = attr::path(key, input)?;
        Ok(())
    });
    krate
}

/// What the attributes of a variant or a struct say.
#[derive(Default)]
pub(crate) struct VariantArgs {
    pub(crate) code: Option<Code>,
    pub(crate) retryable: Option<Ident>,
    pub(crate) transparent: Option<Ident>,
    /// Whether a code was given, if only a malformed one.
    pub(crate) mentions_code: bool,
}

/// An error code, with the place where it was written.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    pub(crate) value: i64,
    pub(crate) span: Span,
}

impl VariantArgs {
    pub(crate) fn of_variant(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut args = Self::default();
        attr::parse_attributes(attrs, &VARIANT, diagnostics, |key, input| args.take(key, input));
        args
    }

    /// Reads the attributes of a struct, which may name the facade too.
    pub(crate) fn of_struct(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> (Self, Path) {
        let mut args = Self::default();
        let mut krate = names::default_crate();
        attr::parse_attributes(attrs, &STRUCT, diagnostics, |key, input| {
            if key == "crate" {
                krate = attr::path(key, input)?;
                return Ok(());
            }
            args.take(key, input)
        });
        (args, krate)
    }

    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "code" => {
                self.mentions_code = true;
                self.code = Some(code(key, input)?);
            }
            "retryable" => {
                attr::flag(key, input)?;
                self.retryable = Some(key.clone());
            }
            _ => {
                attr::flag(key, input)?;
                self.transparent = Some(key.clone());
            }
        }
        Ok(())
    }
}

/// Reads `= 1001` or `= -32001`. Only a literal can be compared with the others while expanding.
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
        Ok(value) => Ok(Code { value, span: literal.span() }),
        Err(_) => Err(syn::Error::new(literal.span(), "a code must fit an `i64`")),
    }
}

/// Reads a field's name on the wire.
pub(crate) fn field_name(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Option<LitStr> {
    let mut name = None;
    attr::parse_attributes(attrs, &FIELD, diagnostics, |key, input| {
        name = Some(attr::name(key, input)?);
        Ok(())
    });
    name
}
