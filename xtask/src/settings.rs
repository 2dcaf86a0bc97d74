//! The struct in the braces of a macro for settings: `settings! { struct S { a: A = A::new(), } }`.

#[cfg(test)]
mod tests;

use proc_macro2::TokenTree;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::token::Brace;
use syn::{Attribute, Field, Fields, FieldsNamed, Generics, ItemStruct, Macro, Result, Token, braced};

/// Parses the struct in a macro's invocation, if the invocation holds nothing else. Its fields may have defaults.
pub(crate) fn read(mac: &Macro) -> Option<ItemStruct> {
    item.parse2(mac.tokens.clone()).ok()
}

fn item(input: ParseStream<'_>) -> Result<ItemStruct> {
    let attrs = input.call(Attribute::parse_outer)?;
    let (vis, struct_token, ident) = (input.parse()?, input.parse()?, input.parse()?);
    // Only the macro reads the other tokens before the fields.
    while !input.is_empty() && !input.peek(Brace) {
        input.parse::<TokenTree>()?;
    }
    let content;
    let brace_token = braced!(content in input);
    let fields = Fields::Named(FieldsNamed { brace_token, named: fields(&content)? });
    Ok(ItemStruct { attrs, vis, struct_token, ident, generics: Generics::default(), fields, semi_token: None })
}

fn fields(input: ParseStream<'_>) -> Result<Punctuated<Field, Token![,]>> {
    let mut fields = Punctuated::new();
    while !input.is_empty() {
        fields.push_value(Field::parse_named(input)?);
        // Only the macro reads the tokens after a default.
        while !input.is_empty() && !input.peek(Token![,]) {
            input.parse::<TokenTree>()?;
        }
        if let Some(comma) = input.parse()? {
            fields.push_punct(comma);
        }
    }
    Ok(fields)
}
