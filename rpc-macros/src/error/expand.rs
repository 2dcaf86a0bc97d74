//! Generates the implementation. All decisions are made before.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote_spanned;
use syn::{Path, Type};

use super::ast::{ErrorField, ErrorType, Kind, Shape, Variant};
use super::attr::Code;
use crate::names;
use crate::spans::{at, krate_at};

/// Generates `impl RpcError`, and for each wrapped type the check that no code occurs twice.
///
/// ```text
/// // Input:
/// enum UserError {
///     #[rpc(code = 1001)] NotFound { id: u64 },
///     #[rpc(transparent)] Auth(AuthError),
/// }
/// // Output:
/// impl RpcError for UserError {
///     const ERRORS: &'static ErrorSet =
///         &ErrorSet::new(&[ErrorSpec::new(1001, "NotFound")]).wraps(&[<AuthError as RpcError>::ERRORS]);
///     fn to_error_object(&self) -> ErrorObject { .. }
///     fn from_error_object(object: ErrorObject) -> Result<Self, ErrorObject> { .. }
/// }
/// const _: () = <UserError as RpcError>::ERRORS.assert_wraps(0);
/// client! { impl DeclaredError for UserError {} }
/// ```
pub(crate) fn error(error: &ErrorType) -> TokenStream {
    let span = Span::mixed_site();
    let ErrorType { krate, ident, .. } = error;
    let errors = errors(error);
    let encode = error.variants.iter().map(|variant| encode(variant, krate));
    let decode = decode(error);
    let needs_openrpc = error.openrpc.as_ref().map(|key| {
        let krate = krate_at(krate, key);
        quote_spanned!(at(key)=> #krate::__private::needs_openrpc! {})
    });
    let declared = declared(error);
    let wraps = wrapped(error).enumerate().map(|(index, (_, field))| assert_wraps(index, field, error));
    let krate_here = krate_at(krate, ident);
    let assert_error = quote_spanned!(at(ident)=> #krate_here::__private::assert_error::<#ident>());
    quote_spanned! {span=>
        #needs_openrpc
        const _: () = #assert_error;
        #[allow(clippy::all, clippy::pedantic, deprecated)]
        impl #krate::RpcError for #ident {
            const ERRORS: &'static #krate::ErrorSet = &#errors;

            fn to_error_object(&self) -> #krate::ErrorObject {
                match self {
                    #(#encode,)*
                }
            }

            fn from_error_object(object: #krate::ErrorObject) -> ::core::result::Result<Self, #krate::ErrorObject> {
                #decode
            }
        }
        #(#wraps)*
        #declared
    }
}

/// Generates the implementation by which `?` converts errors of infallible methods into this error.
///
/// ```text
/// // Output: client! { impl DeclaredError for UserError {} }
/// ```
fn declared(error: &ErrorType) -> TokenStream {
    let ErrorType { krate, ident, .. } = error;
    quote_spanned! {Span::mixed_site()=>
        #krate::__private::client! {
            impl #krate::__private::DeclaredError for #ident {}
        }
    }
}

/// Generates the check of a wrapped type's codes. They are known only after macro expansion.
fn assert_wraps(index: usize, field: &ErrorField, error: &ErrorType) -> TokenStream {
    let ErrorType { krate, ident, .. } = error;
    let index = Literal::usize_unsuffixed(index);
    let check = quote_spanned!(at(&field.ty)=> <#ident as #krate::RpcError>::ERRORS.assert_wraps(#index));
    quote_spanned!(Span::mixed_site()=> const _: () = #check;)
}

/// Generates a stub, for a type with errors.
pub(crate) fn stub(error: &ErrorType) -> TokenStream {
    let ErrorType { krate, ident, .. } = error;
    let declared = declared(error);
    quote_spanned! {Span::mixed_site()=>
        impl #krate::RpcError for #ident {
            const ERRORS: &'static #krate::ErrorSet = &#krate::ErrorSet::new(&[]);

            fn to_error_object(&self) -> #krate::ErrorObject {
                ::core::unreachable!()
            }

            fn from_error_object(object: #krate::ErrorObject) -> ::core::result::Result<Self, #krate::ErrorObject> {
                ::core::result::Result::Err(object)
            }
        }
        #declared
    }
}

fn own(error: &ErrorType) -> impl Iterator<Item = (&Variant, Code)> {
    error.variants.iter().filter_map(|variant| match variant.kind() {
        Some(Kind::Own(code)) => Some((variant, code)),
        _ => None,
    })
}

fn wrapped(error: &ErrorType) -> impl Iterator<Item = (&Variant, &ErrorField)> {
    error.variants.iter().filter_map(|variant| match variant.kind() {
        Some(Kind::Transparent(field)) => Some((variant, field)),
        _ => None,
    })
}

fn errors(error: &ErrorType) -> TokenStream {
    let span = Span::mixed_site();
    let krate = &error.krate;
    let own = own(error).map(|(variant, code)| {
        let name = variant.ident.to_string();
        let message = variant.message.as_ref().map(|message| quote_spanned!(span=> .message(#message)));
        let retryable = variant.args.retryable.as_ref().map(|_| quote_spanned!(span=> .retryable()));
        with_types(quote_spanned!(span=> #krate::ErrorSpec::new(#code, #name) #message #retryable), variant, error)
    });
    let wrapped: Vec<_> = wrapped(error)
        .map(|(_, ErrorField { ty, .. })| quote_spanned!(span=> <#ty as #krate::RpcError>::ERRORS))
        .collect();
    let wraps = (!wrapped.is_empty()).then(|| quote_spanned!(span=> .wraps(const { &[#(#wrapped),*] })));
    quote_spanned!(span=> #krate::ErrorSet::new(const { &[#(#own),*] }) #wraps)
}

/// Adds the types of the fields to an error's description, if the type has the key `openrpc`.
///
/// ```text
/// // Output:
/// openrpc!(
///     { ErrorSpec::new(1001, "NotFound") }
///     const { &DataTypes::new(Fields::Named(&["id"]), const { &[TypeSpec::of::<u64>()] }) }
/// )
/// ```
fn with_types(spec: TokenStream, variant: &Variant, error: &ErrorType) -> TokenStream {
    if error.openrpc.is_none() {
        return spec;
    }
    let krate = &error.krate;
    let fields = fields(variant, krate);
    let types = variant.fields.iter().map(|ErrorField { ty, .. }| {
        let krate_here = krate_at(krate, ty);
        quote_spanned!(at(ty)=> #krate_here::__private::TypeSpec::of::<#ty>())
    });
    quote_spanned! {Span::mixed_site()=>
        #krate::__private::openrpc!(
            { #spec }
            const { &#krate::__private::DataTypes::new(#fields, const { &[#(#types),*] }) }
        )
    }
}

/// Generates an arm of `to_error_object`.
///
/// ```text
/// // Output: Self::NotFound { id: f0 } => encode_error(1001, self, Fields::Named(&["id"]), (f0,))
/// // Output, `internal`: Self::Db { .. } => encode_internal(self)
/// ```
fn encode(variant: &Variant, krate: &Path) -> TokenStream {
    let span = Span::mixed_site();
    let value = construct(variant);
    let bindings = bindings(variant);
    match variant.kind() {
        Some(Kind::Own(code)) => {
            let fields = fields(variant, krate);
            // The spans make the compiler report unserializable fields at the user's tokens.
            let here = at(&variant.ident);
            let krate = krate_at(krate, &variant.ident);
            let values = variant.fields.iter().zip(&bindings).map(|(field, binding)| {
                let mut value = binding.clone();
                value.set_span(at(&field.ty));
                value
            });
            let values = quote_spanned!(here=> (#(#values,)*));
            let object = quote_spanned!(here=> #krate::__private::encode_error(#code, self, #fields, #values));
            let object = unless_undeclared(variant, object, &krate);
            quote_spanned!(span=> #value => #object)
        }
        Some(Kind::Internal) => {
            let path = path(variant);
            let object = quote_spanned!(at(&variant.ident)=> #krate::__private::encode_internal(self));
            quote_spanned!(span=> #path { .. } => #object)
        }
        _ => {
            let types = variant.fields.iter().map(|field| &field.ty);
            quote_spanned!(span=> #value => #(<#types as #krate::RpcError>::to_error_object(#bindings))*)
        }
    }
}

/// Generates the check of a field that may hold the error of a nested call. If the called method does not declare that
/// error, the result is an internal error. Only the source, or the only unnamed field, is checked.
///
/// ```text
/// // Output: {
///     use FieldOfOther as _;
///     use FieldOfUpstream as _;
///     (&Field(f0)).undeclared().unwrap_or_else(|| encode_error(..))
/// }
/// ```
fn unless_undeclared(variant: &Variant, object: TokenStream, krate: &TokenStream) -> TokenStream {
    let span = Span::mixed_site();
    let is_lone = variant.shape == Shape::Newtype;
    let fields = variant.fields.iter().zip(bindings(variant));
    let mut causes = fields.filter(|(field, _)| is_lone || field.is_source).map(|(_, binding)| binding);
    let Some(cause) = causes.next() else { return object };
    quote_spanned! {span=>
        {
            #[allow(unused_imports)]
            use #krate::__private::{FieldOfOther as _, FieldOfUpstream as _};
            (&#krate::__private::Field(#cause)).undeclared().unwrap_or_else(|| #object)
        }
    }
}

/// Generates the body of `from_error_object`: own codes first, then the wrapped types in order. If the data of an own
/// code does not decode, the wrapped types are tried too, since a last `ErrorObject` accepts any error.
fn decode(error: &ErrorType) -> TokenStream {
    let span = Span::mixed_site();
    let krate = &error.krate;
    let arms = own(error).map(|(variant, code)| decode_own(variant, code, krate));
    let attempts: Vec<_> = wrapped(error).map(|(variant, field)| decode_wrapped(variant, &field.ty, krate)).collect();
    quote_spanned! {span=>
        match #krate::ErrorCode::get(object.code()) {
            #(#arms)*
            _ => {}
        }
        #(#attempts)*
        ::core::result::Result::Err(object)
    }
}

/// Generates an arm for a code.
///
/// ```text
/// // Output:
/// 1001 => {
///     if let Some((f0,)) = decode_error::<(u64,)>(&object, Fields::Named(&["id"])) {
///         return Ok(Self::NotFound { id: f0 });
///     }
/// }
/// ```
fn decode_own(variant: &Variant, code: Code, krate: &Path) -> TokenStream {
    let span = Span::mixed_site();
    let types = variant.fields.iter().map(|field| &field.ty);
    let fields = fields(variant, krate);
    let bindings = bindings(variant);
    let value = construct(variant);
    let krate = krate_at(krate, &variant.ident);
    let decoded =
        quote_spanned!(at(&variant.ident)=> #krate::__private::decode_error::<(#(#types,)*)>(&object, #fields));
    quote_spanned! {span=>
        #code => {
            if let ::core::option::Option::Some((#(#bindings,)*)) = #decoded {
                return ::core::result::Result::Ok(#value);
            }
        }
    }
}

/// Generates the attempt to decode a wrapped error. If that fails, the attempt returns the object for the next one.
fn decode_wrapped(variant: &Variant, ty: &Type, krate: &Path) -> TokenStream {
    let value = construct(variant);
    let binding = names::field(0);
    quote_spanned! {Span::mixed_site()=>
        let object = match <#ty as #krate::RpcError>::from_error_object(object) {
            ::core::result::Result::Ok(#binding) => return ::core::result::Result::Ok(#value),
            ::core::result::Result::Err(object) => object,
        };
    }
}

/// Generates a variant with its bindings. The tokens are valid as a pattern and as an expression.
fn construct(variant: &Variant) -> TokenStream {
    let span = Span::mixed_site();
    let path = path(variant);
    let bindings = bindings(variant);
    let members = variant.fields.iter().map(|field| &field.member);
    match variant.shape {
        // Braces are valid for `Gone`, `Gone {}` and `Gone()`.
        Shape::Unit => quote_spanned!(span=> #path {}),
        Shape::Named => quote_spanned!(span=> #path { #(#members: #bindings),* }),
        Shape::Newtype | Shape::Positional => quote_spanned!(span=> #path(#(#bindings),*)),
    }
}

/// Generates the path of a variant or of the struct.
fn path(variant: &Variant) -> TokenStream {
    let span = Span::mixed_site();
    if variant.is_of_enum {
        let ident = &variant.ident;
        quote_spanned!(span=> Self::#ident)
    } else {
        quote_spanned!(span=> Self)
    }
}

fn bindings(variant: &Variant) -> Vec<Ident> {
    (0..variant.fields.len()).map(names::field).collect()
}

/// Generates the value of `Fields` that describes how the fields become data.
fn fields(variant: &Variant, krate: &Path) -> TokenStream {
    let span = Span::mixed_site();
    let fields = match variant.shape {
        Shape::Unit => quote_spanned!(span=> None),
        Shape::Newtype => quote_spanned!(span=> Newtype),
        Shape::Positional => quote_spanned!(span=> Positional),
        Shape::Named => {
            let names = variant.fields.iter().filter_map(|field| field.wire.as_ref()).map(|(name, _)| name);
            quote_spanned!(span=> Named(&[#(#names),*]))
        }
    };
    quote_spanned!(span=> #krate::__private::Fields::#fields)
}
