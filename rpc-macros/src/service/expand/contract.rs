use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, ReturnType, Stmt, Token, TraitItem, TraitItemFn, Type, TypeParamBound};

use super::super::ast::Service;

/// Generates the trait. Users implement it with plain `async fn`, and callers can rely on `Send`.
///
/// ```text
/// // Input:
/// pub trait Users {
///     async fn get(&self, id: u64) -> Result<User, UserError>;
/// }
/// // Output:
/// pub trait Users: Send + Sync + 'static {
///     fn get(&self, id: u64) -> impl Future<Output = Result<User, UserError>> + Send;
/// }
/// ```
pub(super) fn expand(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let mut item = service.item.clone();
    for bound in [
        quote_spanned!(span=> ::core::marker::Send),
        quote_spanned!(span=> ::core::marker::Sync),
        quote_spanned!(span=> 'static),
    ] {
        item.supertraits.push(TypeParamBound::Verbatim(bound));
    }
    for item in &mut item.items {
        if let TraitItem::Fn(function) = item
            && function.sig.asyncness.take().is_some()
        {
            return_a_future(function);
        }
    }
    let attrs = std::mem::take(&mut item.attrs);
    // A program may have only the client, and then does not use the trait itself.
    quote_spanned!(span=> #(#attrs)* #[allow(dead_code)] #item)
}

fn return_a_future(function: &mut TraitItemFn) {
    function.sig.output = future_of(&function.sig.output);
    if let Some(body) = &mut function.default {
        let block = body.to_token_stream();
        let future = quote_spanned!(Span::mixed_site()=> async move #block);
        body.stmts = vec![Stmt::Expr(Expr::Verbatim(future), None)];
    }
}

/// Generates the return type of an async method without `async`.
///
/// ```text
/// // Input:  -> User
/// // Output: -> impl Future<Output = User> + Send
/// ```
pub(super) fn future_of(output: &ReturnType) -> ReturnType {
    let span = Span::mixed_site();
    let output = match output {
        ReturnType::Default => quote_spanned!(span=> ()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    let future = quote_spanned!(span=> impl ::core::future::Future<Output = #output> + ::core::marker::Send);
    ReturnType::Type(Token![->](span), Box::new(Type::Verbatim(future)))
}
