//! Questions about types that their tokens answer. Aliases and shadowed names are not resolved.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypePath};

/// Removes parentheses, and the invisible delimiters that `macro_rules!` puts around a `$ty:ty`.
pub(crate) fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        }
    }
}

/// Finds the first type that passes the test: the type itself or one of its parts.
pub(crate) fn find(ty: &Type, test: fn(&Type) -> bool) -> Option<&Type> {
    if test(ty) {
        return Some(ty);
    }
    match ty {
        Type::Array(array) => find(&array.elem, test),
        Type::Group(group) => find(&group.elem, test),
        Type::Paren(paren) => find(&paren.elem, test),
        Type::Path(path) => type_arguments(path).find_map(|ty| find(ty, test)),
        Type::Ptr(pointer) => find(&pointer.elem, test),
        Type::Reference(reference) => find(&reference.elem, test),
        Type::Slice(slice) => find(&slice.elem, test),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(|ty| find(ty, test)),
        _ => None,
    }
}

fn type_arguments(path: &TypePath) -> impl Iterator<Item = &Type> {
    path.path.segments.iter().flat_map(segment_arguments)
}

fn segment_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Finds a lifetime other than `'static`, and returns its name.
pub(crate) fn borrowed_lifetime(ty: &Type) -> Option<Ident> {
    fn search(tokens: TokenStream) -> Option<Ident> {
        let mut after_quote = false;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                    after_quote = true;
                    continue;
                }
                TokenTree::Ident(ident) if after_quote && ident != "static" => return Some(ident),
                TokenTree::Group(group) => {
                    if let Some(found) = search(group.stream()) {
                        return Some(found);
                    }
                }
                _ => {}
            }
            after_quote = false;
        }
        None
    }
    search(ty.to_token_stream())
}

/// Finds `Self`. Generated code repeats the type in several places, where `Self` would mean other types.
pub(crate) fn self_type(ty: &Type) -> Option<Ident> {
    fn search(tokens: TokenStream) -> Option<Ident> {
        tokens.into_iter().find_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => Some(ident),
            TokenTree::Group(group) => search(group.stream()),
            _ => None,
        })
    }
    search(ty.to_token_stream())
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match peel(ty) {
        Type::Path(TypePath { qself: None, path, .. }) => path.segments.last(),
        _ => None,
    }
}

/// Returns whether the type's name is `name`, with any path and any arguments.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// Returns whether the type is the standard library's `String`, by one of its usual paths.
pub(crate) fn is_string(ty: &Type) -> bool {
    let Type::Path(TypePath { qself: None, path, .. }) = peel(ty) else { return false };
    if path.segments.iter().any(|segment| !segment.arguments.is_none()) {
        return false;
    }
    let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["String"] => path.leading_colon.is_none(),
        ["std" | "alloc", "string", "String"] => true,
        _ => false,
    }
}

/// Returns whether the type is `()`.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(peel(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Returns `T` and `E` of a type called `Result` with two type arguments.
pub(crate) fn result_arguments(ty: &Type) -> Option<(&Type, &Type)> {
    two_arguments(ty).filter(|_| is_named(ty, "Result"))
}

/// Returns the type arguments of a type that has exactly two.
pub(crate) fn two_arguments(ty: &Type) -> Option<(&Type, &Type)> {
    let mut arguments = segment_arguments(last_segment(ty)?);
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(first), Some(second), None) => Some((first, second)),
        _ => None,
    }
}

/// Returns the type argument of a type that has exactly one.
pub(crate) fn only_argument(ty: &Type) -> Option<&Type> {
    let mut arguments = segment_arguments(last_segment(ty)?);
    arguments.next().filter(|_| arguments.next().is_none())
}

/// Suggests an owned type instead of a reference.
pub(crate) fn owned_form(reference: &Type) -> String {
    let Type::Reference(reference) = reference else { return "use an owned type".to_owned() };
    match peel(&reference.elem) {
        ty if is_named(ty, "str") => "use `String`".to_owned(),
        ty if is_named(ty, "Context") => "mark a context with `#[rpc(context)]`".to_owned(),
        Type::Slice(slice) => format!("use `Vec<{}>`", plain_text(&slice.elem)),
        ty => format!("use `{}`", plain_text(ty)),
    }
}

/// Formats a simple type as a user would write it.
fn plain_text(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(" :: ", "::").replace(" <", "<").replace("< ", "<").replace(" >", ">")
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::Type;

    use super::{borrowed_lifetime, find, is_named, is_string, is_unit, result_arguments, self_type};

    fn ty(text: &str) -> Type {
        syn::parse_str(text).unwrap()
    }

    #[test]
    fn strings_are_known_by_their_usual_paths_only() {
        for text in ["String", "std::string::String", "::std::string::String", "::alloc::string::String", "(String)"] {
            assert!(is_string(&ty(text)), "{text}");
        }
        for text in ["::String", "my::String", "String<u8>", "Option<String>", "str", "<T as U>::String"] {
            assert!(!is_string(&ty(text)), "{text}");
        }
    }

    #[test]
    fn results_are_taken_apart_only_with_two_arguments() {
        for text in ["Result<u8, E>", "std::result::Result<u8, E>", "(Result<u8, E>)"] {
            let ty = ty(text);
            let (ok, err) = result_arguments(&ty).unwrap();
            assert_eq!(
                (ok.to_token_stream().to_string(), err.to_token_stream().to_string()),
                ("u8".into(), "E".into())
            );
        }
        for text in ["Result", "Result<u8>", "anyhow::Result<u8>", "Result<u8, E, F>", "Outcome<u8, E>"] {
            assert!(result_arguments(&ty(text)).is_none(), "{text}");
        }
        assert!(is_named(&ty("anyhow::Result<u8>"), "Result"));
    }

    #[test]
    fn references_are_found_at_any_depth() {
        let is_reference = |ty: &Type| matches!(ty, Type::Reference(_));
        for text in ["&str", "Option<&str>", "Vec<(u8, [&str; 2])>", "HashMap<u8, Vec<&'static str>>"] {
            assert!(find(&ty(text), is_reference).is_some(), "{text}");
        }
        assert!(find(&ty("[u8; A & B]"), is_reference).is_none());
    }

    #[test]
    fn only_the_static_lifetime_does_not_borrow() {
        assert!(borrowed_lifetime(&ty("Cow<'static, str>")).is_none());
        for text in ["Cow<'_, str>", "Cow<'a, str>", "(u8, Cow<'a, str>)"] {
            assert!(borrowed_lifetime(&ty(text)).is_some(), "{text}");
        }
    }

    #[test]
    fn self_is_found_wherever_it_is() {
        for text in ["Self", "Vec<Self>", "Self::Item", "<Self as T>::Item", "[(u8, Self); 2]"] {
            assert!(self_type(&ty(text)).is_some(), "{text}");
        }
        assert!(self_type(&ty("Selfish")).is_none());
    }

    #[test]
    fn unit_is_the_empty_tuple() {
        assert!(is_unit(&ty("()")));
        assert!(!is_unit(&ty("(u8,)")));
    }
}
