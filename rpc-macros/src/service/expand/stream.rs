use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Path, Type};

use super::super::ast::{Method, Output, StreamOutput};
use super::super::attr::{LagArg, StreamArgs};
use super::fragments::method_lints;
use crate::spans::{at, krate_at};
use crate::types;

/// Returns the stream that a method returns.
pub(super) fn of(method: &Method) -> Option<&StreamOutput> {
    match &method.output {
        Output::Stream(stream) => Some(stream),
        _ => None,
    }
}

/// Generates the part of a method's description that makes it a stream.
///
/// ```text
/// // Input:  #[rpc(stream, resume, lag = "latest")]
/// // Output: .stream(StreamSpec::new().resume().lag(Lag::Latest))
/// ```
pub(super) fn description(keys: &StreamArgs, krate: &Path) -> Option<TokenStream> {
    keys.stream.as_ref()?;
    let span = Span::mixed_site();
    let resume = keys.resume.as_ref().map(|_| quote_spanned!(span=> .resume()));
    let lag = keys.lag.map(|lag| {
        let lag = match lag {
            LagArg::Latest => quote_spanned!(span=> Latest),
            LagArg::DropOldest(most) => {
                let most = proc_macro2::Literal::usize_unsuffixed(most);
                quote_spanned!(span=> DropOldest(#most))
            }
            LagArg::End => quote_spanned!(span=> End),
        };
        quote_spanned!(span=> .lag(#krate::Lag::#lag))
    });
    let subscribe = keys.subscribe.as_ref().map(|name| quote_spanned!(span=> .subscribe(#name)));
    let topic = keys.topic.as_ref().map(|topic| quote_spanned!(span=> .topic(#topic)));
    let unsubscribe = keys.unsubscribe.as_ref().map(|name| quote_spanned!(span=> .unsubscribe(#name)));
    Some(quote_spanned! {span=>
        .stream(#krate::StreamSpec::new() #resume #lag #subscribe #topic #unsubscribe)
    })
}

/// Generates what a handler does with the stream that the implementation returned.
///
/// ```text
/// // Output:
/// port.run(stream, CursorItems).await
/// port.run_accepted(result, FallibleItems(PlainItems)).await
/// ```
pub(super) fn run(stream: &StreamOutput, returned: &TokenStream, port: &Ident, krate: &Path) -> TokenStream {
    let span = Span::mixed_site();
    let cursors = if stream.cursor.is_some() { "CursorItems" } else { "PlainItems" };
    let cursors = Ident::new(cursors, span);
    let mut form = quote_spanned!(span=> #krate::__private::#cursors);
    if stream.item_error.is_some() {
        form = quote_spanned!(span=> #krate::__private::FallibleItems(#form));
    }
    let run = Ident::new(if stream.refusal.is_some() { "run_accepted" } else { "run" }, at(&stream.items));
    quote_spanned!(span=> #port.#run(#returned, #form).await)
}

/// Generates the type of the cursors: `Infallible`, which has no values, if the stream has none.
pub(super) fn cursor_type(stream: &StreamOutput) -> TokenStream {
    match &stream.cursor {
        Some(cursor) => cursor.to_token_stream(),
        None => quote_spanned!(Span::mixed_site()=> ::core::convert::Infallible),
    }
}

/// Generates checks that types which the user writes twice are the same, unless their tokens are.
///
/// ```text
/// // Input:  fn ticks(&self, after: After<Sequence>) -> impl Stream<Item = At<u64, Tick>>;
/// // Output: const _: () = assert_cursor::<Sequence, u64>();
/// ```
pub(super) fn agreement(method: &Method, krate: &Path) -> Option<TokenStream> {
    let stream = of(method)?;
    let errors = assertion("assert_item_error", stream.item_error.as_ref(), stream.refusal.as_ref(), krate);
    let after = method.after().and_then(|after| types::only_argument(&after.ty));
    let cursors = assertion("assert_cursor", after, stream.cursor.as_ref(), krate);
    if errors.is_none() && cursors.is_none() {
        return None;
    }
    let (cfgs, lints) = (&method.cfgs, method_lints(method));
    Some(quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        #lints
        const _: () = { #errors #cursors };
    })
}

fn assertion(name: &str, checked: Option<&Type>, expected: Option<&Type>, krate: &Path) -> Option<TokenStream> {
    let (checked, expected) = (checked?, expected?);
    if checked.to_token_stream().to_string() == expected.to_token_stream().to_string() {
        return None;
    }
    let name = Ident::new(name, at(checked));
    let krate = krate_at(krate, checked);
    Some(quote_spanned!(at(checked)=> #krate::__private::#name::<#checked, #expected>();))
}
