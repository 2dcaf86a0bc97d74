//! The parsed form of an error type.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Attribute, Field, Fields, Generics, Item, LitStr, Member, Path, Type};

use super::attr::{self, Code, TypeArgs, VariantArgs};
use crate::attr::take_rpc;
use crate::diagnostics::Diagnostics;

/// An error type.
pub(crate) struct ErrorType {
    pub(crate) krate: Path,
    /// The key `openrpc`, which adds the types of fields to descriptions.
    pub(crate) openrpc: Option<Ident>,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    /// The variants. A struct is one variant, and `Self` constructs it.
    pub(crate) variants: Vec<Variant>,
}

/// A variant of an enum, or a struct.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    /// Whether this is a variant of an enum. Its path then begins with `Self::`.
    pub(crate) is_of_enum: bool,
    pub(crate) args: VariantArgs,
    /// The text of the message, if the macro knows it.
    pub(crate) message: Option<String>,
    pub(crate) shape: Shape,
    pub(crate) fields: Vec<ErrorField>,
}

/// The shape of a variant's data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// No data.
    Unit,
    /// An object with the names of the fields.
    Named,
    /// The value of the only field.
    Newtype,
    /// An array.
    Positional,
}

/// The form of a variant on the wire.
pub(crate) enum Kind<'a> {
    /// An error with its own code.
    Own(Code),
    /// Another error type, in the only field.
    Transparent(&'a ErrorField),
    /// An error that stays on the server.
    Internal,
}

pub(crate) struct ErrorField {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// The name on the wire, if the field is named.
    pub(crate) wire: Option<(String, Span)>,
    /// Whether the field is the source of the error, by the rules of thiserror.
    pub(crate) is_source: bool,
    /// The value of the field's key `name`, for error messages.
    pub(crate) explicit: Option<LitStr>,
}

impl Variant {
    /// Returns the variant's kind, or `None` if the variant is malformed and its error is already recorded.
    pub(crate) fn kind(&self) -> Option<Kind<'_>> {
        if self.args.internal.is_some() {
            return Some(Kind::Internal);
        }
        if self.args.transparent.is_some() {
            return self.fields.first().map(Kind::Transparent);
        }
        self.args.code.map(Kind::Own)
    }
}

impl ErrorType {
    /// Parses an enum or a struct. Returns `None` for any other item.
    pub(crate) fn read(item: Item, diagnostics: &mut Diagnostics) -> Option<Self> {
        match item {
            Item::Enum(item) => Some(Self::of_enum(item, diagnostics)),
            Item::Struct(item) => Some(Self::of_struct(item, diagnostics)),
            other => {
                diagnostics.at(other, "`RpcError` can be derived for enums and structs only");
                None
            }
        }
    }

    fn of_enum(mut item: syn::ItemEnum, diagnostics: &mut Diagnostics) -> Self {
        let TypeArgs { krate, openrpc } = TypeArgs::of_enum(&take_rpc(&mut item.attrs), diagnostics);
        let variants = item
            .variants
            .into_iter()
            .map(|mut variant| {
                let args = VariantArgs::of_variant(&take_rpc(&mut variant.attrs), diagnostics);
                let message = attr::message(&variant.attrs);
                Variant { is_of_enum: true, message, ..Variant::read(variant.ident, args, variant.fields, diagnostics) }
            })
            .collect();
        Self { krate, openrpc, ident: item.ident, generics: item.generics, variants }
    }

    fn of_struct(mut item: syn::ItemStruct, diagnostics: &mut Diagnostics) -> Self {
        let (args, TypeArgs { krate, openrpc }) = VariantArgs::of_struct(&take_rpc(&mut item.attrs), diagnostics);
        let message = attr::message(&item.attrs);
        let variant = Variant { message, ..Variant::read(item.ident.clone(), args, item.fields, diagnostics) };
        Self { krate, openrpc, ident: item.ident, generics: item.generics, variants: vec![variant] }
    }
}

impl Variant {
    fn read(ident: Ident, args: VariantArgs, fields: Fields, diagnostics: &mut Diagnostics) -> Self {
        let shape = match &fields {
            fields if fields.is_empty() => Shape::Unit,
            Fields::Named(_) => Shape::Named,
            fields if fields.len() == 1 => Shape::Newtype,
            _ => Shape::Positional,
        };
        let fields = fields
            .into_iter()
            .enumerate()
            .map(|(index, mut field)| {
                let attrs = take_rpc(&mut field.attrs);
                ErrorField::read(index, field, &attrs, diagnostics)
            })
            .collect();
        Self { ident, is_of_enum: false, args, message: None, shape, fields }
    }
}

impl ErrorField {
    fn read(index: usize, field: Field, attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let explicit = attr::field_name(attrs, diagnostics);
        let wire = field.ident.as_ref().map(|ident| match &explicit {
            Some(name) => (name.value(), name.span()),
            None => (ident.unraw().to_string(), ident.span()),
        });
        let is_marked = field.attrs.iter().any(|attr| attr.path().is_ident("from") || attr.path().is_ident("source"));
        let is_source = is_marked || field.ident.as_ref().is_some_and(|ident| ident == "source");
        let member = field.ident.map_or_else(|| Member::from(index), Member::Named);
        Self { member, ty: field.ty, wire, is_source, explicit }
    }
}
