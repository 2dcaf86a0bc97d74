use quote::quote;

use super::{expand, expand_with};
use crate::diagnostics::Diagnostics;
use crate::snapshot;

/// Expands a derive and returns its errors.
fn errors(input: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    expand_with(input.parse().unwrap(), &mut diagnostics);
    diagnostics.messages()
}

/// Asserts that the type has one error, which contains the text.
#[track_caller]
fn assert_error(input: &str, expected: &str) {
    let errors = errors(input);
    assert!(matches!(&errors[..], [error] if error.contains(expected)), "{input}: {errors:#?}");
}

#[test]
fn an_enum_travels_by_code_and_fields() {
    let expansion = expand(quote! {
        pub enum UserError {
            #[rpc(code = 1001)]
            NotFound { id: u64 },
            #[rpc(code = -32001, retryable)]
            Busy,
            #[rpc(code = 1003)]
            Taken(String),
            #[rpc(code = 1004)]
            Range(#[from] u64, u64),
            #[rpc(code = 1005)]
            Empty { #[rpc(name = "fieldName")] field: String, r#type: u8 },
            #[rpc(transparent)]
            Auth(AuthError),
            #[rpc(internal)]
            Db(#[from] sqlx::Error),
            #[rpc(internal)]
            NoLeader,
            #[rpc(transparent)]
            Other { inner: rpc::ErrorObject },
        }
    });
    snapshot::assert_matches("error.rs", expansion);
}

#[test]
fn a_struct_is_one_error() {
    let expansion = expand(quote! {
        #[rpc(code = 7, crate = ::foo)]
        struct Refused { reason: String }
    });
    snapshot::assert_matches("error_struct.rs", expansion);
}

#[test]
fn messages_are_kept_and_types_where_they_are_asked_for() {
    let expansion = expand(quote! {
        #[rpc(openrpc)]
        enum UserError {
            #[error("user {id} not found, {}", self.hint())]
            #[rpc(code = 1)]
            NotFound { id: u64 },
            /// Too many users
            /// at once.
            ///
            /// Try later.
            #[rpc(code = 2)]
            Busy,
        }
    });
    snapshot::assert_matches("error_openrpc.rs", expansion);
}

#[test]
fn an_error_leaves_an_implementation_that_does_nothing() {
    snapshot::assert_matches(
        "error_error.rs",
        expand(quote!(
            enum UserError {
                Gone,
            }
        )),
    );
}

#[test]
fn types_that_cannot_be_errors_are_refused() {
    for (input, expected) in [
        ("union U { a: u8 }", "enums and structs only"),
        ("#[rpc(code = 1)] struct E<T>(T);", "for a generic type"),
        ("enum E<'a> { #[rpc(code = 1)] A(&'a str), }", "for a generic type"),
        ("#[rpc(code = 1)] struct E where u8: Copy;", "where clause"),
        ("enum E {}", "`E` has no variants"),
    ] {
        assert_error(input, expected);
    }
}

#[test]
fn every_variant_needs_its_own_code() {
    assert_error("enum E { #[rpc(code = 1)] A, B, }", "`B` needs a code");
    assert_error("struct E;", "`E` needs a code");
    assert_error("enum E { #[rpc(code = 1)] A, #[rpc(code = 1)] B, }", "`A` and `B` both have the code 1");
    assert_error("enum E { #[rpc(code = 16)] A, #[rpc(code = 0x10)] B, }", "both have the code 16");
    assert_error("#[rpc(code = 1)] enum E { #[rpc(code = 2)] A, }", "whose variants have the codes");
}

#[test]
fn malformed_codes_are_refused() {
    for code in [r#""1""#, "CODE", "1.5", "-CODE"] {
        assert_error(&format!("#[rpc(code = {code})] struct E;"), "expected an integer literal: `code = 1001`");
    }
    assert_error("#[rpc(code)] struct E;", "`code` needs a value");
    assert_error("#[rpc(cod = 1)] struct E;", "unknown argument `cod`");
    assert_error("enum E { #[rpc] A }", "expected `#[rpc(..)]`");
    assert_error("#[rpc(transparent = true)] struct E(A);", "`transparent` takes no value");
    assert_error("#[rpc(code = 9223372036854775808)] struct E;", "must fit an `i64`");
}

#[test]
fn reserved_codes_are_refused() {
    for (code, is_free) in [
        (-32769, true),
        (-32768, false),
        (-32601, false),
        (-32100, false),
        (-32099, false),
        (-32089, false),
        (-32088, true),
        (-32000, true),
        (-31999, true),
        (0, true),
        (i64::MIN, true),
        (i64::MAX, true),
    ] {
        let errors = errors(&format!("#[rpc(code = {code})] struct E;"));
        assert_eq!(errors.is_empty(), is_free, "{code}: {errors:#?}");
    }
    assert_error("#[rpc(code = -32095)] struct E;", "is this framework's own");
    assert_error("#[rpc(code = -32700)] struct E;", "reserved by JSON-RPC 2.0, section 5.1");
}

#[test]
fn the_reserved_codes_are_those_of_the_table_of_codes() {
    for code in (-32800..-31900).map(rpc_core::ErrorCode::new) {
        let errors = errors(&format!("#[rpc(code = {code})] struct E;"));
        assert_eq!(errors.is_empty(), code.is_for_services(), "{code}: {errors:#?}");
        let is_framework = errors.iter().any(|error| error.contains("this framework's own"));
        assert_eq!(is_framework, code.is_framework(), "{code}: {errors:#?}");
    }
}

#[test]
fn a_transparent_error_is_what_it_wraps_and_no_more() {
    for (input, expected) in [
        ("#[rpc(transparent)] struct E;", "needs exactly one field"),
        ("#[rpc(transparent)] struct E(A, B);", "needs exactly one field"),
        ("#[rpc(transparent, code = 1)] struct E(A);", "leave `code` out"),
        ("#[rpc(transparent, retryable)] struct E(A);", "is said by the error it wraps"),
        (r#"#[rpc(transparent)] struct E { #[rpc(name = "x")] a: A, }"#, "its field has no name"),
    ] {
        assert_error(input, expected);
    }
}

#[test]
fn an_internal_error_says_nothing_to_callers() {
    for (input, expected) in [
        ("#[rpc(internal, code = 1)] struct E(A);", "leave `code` out"),
        ("#[rpc(internal, retryable)] struct E;", "cannot be `retryable`"),
        ("#[rpc(internal, transparent)] struct E(A);", "choose one"),
        ("#[rpc(internal = true)] struct E;", "`internal` takes no value"),
        (r#"#[rpc(internal)] struct E { #[rpc(name = "x")] a: A, }"#, "have no names on the wire"),
    ] {
        assert_error(input, expected);
    }
    for any_shape in ["E;", "E(A);", "E(A, B);", "E { a: &'static str }", "E { a: A, b: B }"] {
        let end = if any_shape.ends_with('}') { "" } else { ";" };
        let input = format!("#[rpc(internal)] struct {}{end}", any_shape.trim_end_matches(';'));
        assert_eq!(errors(&input), [""; 0], "{input}");
    }
}

#[test]
fn fields_must_be_few_and_their_names_differ() {
    let error = |count: usize| format!("#[rpc(code = 1)] struct E({});", "u8, ".repeat(count));
    assert_eq!(errors(&error(16)), [""; 0]);
    assert_error(&error(17), "at most 16 fields, and `E` has 17");
    assert_error(r#"#[rpc(code = 1)] struct E { a: u8, #[rpc(name = "a")] b: u8, }"#, "two fields called `a`");
    assert_error(r#"#[rpc(code = 1)] struct E(#[rpc(name = "a")] u8);"#, "has no name");
    assert_error("#[rpc(code = 1)] struct E(Option<&'static str>);", "cannot be a reference: it travels; use `String`");
    assert_error("#[rpc(code = 1)] struct E { #[rpc(code = 2)] a: u8, }", "a field takes `name`");
}

#[test]
fn all_errors_are_reported_together() {
    let errors = errors(
        "#[rpc(what)]
        enum E { A, #[rpc(code = -32700)] B, #[rpc(transparent)] C, #[rpc(code = x, retry)] D }",
    );
    assert_eq!(errors.len(), 6, "{errors:#?}");
}
