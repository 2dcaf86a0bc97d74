//! The return type of a method that answers with a stream.

use proc_macro2::{Ident, Span};
use quote::{ToTokens, quote_spanned};
use syn::{GenericArgument, PathArguments, ReturnType, TraitBound, Type, TypeParamBound, TypePath};

use crate::types;

const NO_STREAM: &str = "a method with `stream` returns `impl Stream<Item = ..> + Send`, or a `Result` of it";
const ALIAS: &str = "the macro cannot see the error type of this alias: write `Result<T, E>`";

/// A stream as a method returns it: `impl Stream<Item = ..>`, or `Result<impl Stream<Item = ..>, E>`.
pub(crate) struct StreamOutput {
    /// The type of the items as written.
    pub(crate) items: Type,
    /// The type of an item as clients get it, without cursor, error and `Shared`.
    pub(crate) item: Type,
    /// `C` of items `At<C, T>`.
    pub(crate) cursor: Option<Type>,
    /// `E` of items `Result<T, E>`.
    pub(crate) item_error: Option<Type>,
    /// `E` of `Result<impl Stream, E>`, with which the method refuses a call.
    pub(crate) refusal: Option<Type>,
}

impl StreamOutput {
    /// Parses the return type of a method with the key `stream`.
    pub(super) fn read(output: &ReturnType, key: &Ident) -> syn::Result<Self> {
        let ReturnType::Type(_, ty) = output else { return Err(syn::Error::new(key.span(), NO_STREAM)) };
        let (stream, refusal) = match types::result_arguments(ty) {
            Some((ok, err)) => (ok, Some(err.clone())),
            None if types::is_named(ty, "Result") => return Err(syn::Error::new_spanned(ty, ALIAS)),
            None => (&**ty, None),
        };
        let Some(bound) = stream_bound(stream) else { return Err(syn::Error::new_spanned(stream, NO_STREAM)) };
        let Some(items) = item_type(bound) else {
            return Err(syn::Error::new_spanned(bound, "a stream names the type of its items: `Stream<Item = ..>`"));
        };
        let (plain, item_error) = match types::result_arguments(items) {
            Some((ok, err)) => (ok, Some(err.clone())),
            None if types::is_named(items, "Result") => return Err(syn::Error::new_spanned(items, ALIAS)),
            None => (items, None),
        };
        let (item, cursor) = split_cursor(plain)?;
        let item = types::only_argument(item).filter(|_| types::is_named(item, "Shared")).unwrap_or(item).clone();
        Ok(Self { items: items.clone(), item, cursor, item_error, refusal })
    }

    /// Returns the error that the method declares.
    pub(crate) fn error(&self) -> Option<&Type> {
        self.refusal.as_ref().or(self.item_error.as_ref())
    }
}

/// Splits `At<C, T>` into the item and its cursor.
fn split_cursor(ty: &Type) -> syn::Result<(&Type, Option<Type>)> {
    if !types::is_named(ty, "At") {
        return Ok((ty, None));
    }
    let Some((cursor, item)) = types::two_arguments(ty) else {
        return Err(syn::Error::new_spanned(ty, "`At` has two types: `At<C, T>`, of the cursor and of the item"));
    };
    if types::is_named(item, "Result") {
        return Err(syn::Error::new_spanned(ty, "an error has no cursor: write `Result<At<C, T>, E>`"));
    }
    Ok((item, Some(cursor.clone())))
}

/// Returns the bound `Stream<..>` of `impl Stream<..>`.
fn stream_bound(ty: &Type) -> Option<&TraitBound> {
    let Type::ImplTrait(ty) = types::peel(ty) else { return None };
    ty.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) if is_named(bound, "Stream") => Some(bound),
        _ => None,
    })
}

/// Returns whether the type is `impl Stream<..>`.
pub(crate) fn is_stream(ty: &Type) -> bool {
    stream_bound(ty).is_some()
}

fn is_named(bound: &TraitBound, name: &str) -> bool {
    bound.path.segments.last().is_some_and(|segment| segment.ident == name)
}

fn item_type(bound: &TraitBound) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(binding) if binding.ident == "Item" => Some(&binding.ty),
        _ => None,
    })
}

/// Adds the bound `Send` to a stream, as to the futures of async methods. Implementations need not write it.
pub(super) fn make_send(output: &mut ReturnType) {
    if let ReturnType::Type(_, ty) = output {
        make_type_send(ty);
    }
}

fn make_type_send(ty: &mut Type) {
    match ty {
        Type::Group(group) => make_type_send(&mut group.elem),
        Type::Paren(paren) => make_type_send(&mut paren.elem),
        Type::ImplTrait(stream) => {
            let is_send =
                |bound: &TypeParamBound| matches!(bound, TypeParamBound::Trait(bound) if is_named(bound, "Send"));
            if !stream.bounds.iter().any(is_send) {
                let send = quote_spanned!(Span::mixed_site()=> ::core::marker::Send);
                stream.bounds.push(TypeParamBound::Verbatim(send.into_token_stream()));
            }
        }
        Type::Path(TypePath { path, .. }) => {
            let segment = path.segments.last_mut().filter(|segment| segment.ident == "Result");
            let Some(PathArguments::AngleBracketed(arguments)) = segment.map(|segment| &mut segment.arguments) else {
                return;
            };
            if let Some(GenericArgument::Type(ty)) = arguments.args.first_mut() {
                make_type_send(ty);
            }
        }
        _ => {}
    }
}
