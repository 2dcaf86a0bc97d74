//! Items that macros define.

use super::{lines, lines_of, read};

/// A crate with a macro like `settings!`: it calls itself, and defines a macro.
const MAKER: &str = "
    pub struct A;

    #[doc(hidden)]
    pub mod private {
        pub use crate::__make as make;
    }

    #[doc(hidden)]
    #[macro_export]
    macro_rules! __make {
        ($(#[$attr:meta])* pub struct $Name:ident, set by $set:ident { $(
            $vis:vis $field:ident: $Ty:ident $(<$Arg:ty>)? = $value:expr $(; $no:ident setter)?
        ),* $(,)? }) => {
            $(#[$attr])*
            pub struct $Name { $($vis $field: $Ty $(<$Arg>)?),* }
            impl ::core::default::Default for $Name {
                fn default() -> Self { Self { $($field: $value),* } }
            }
            $crate::__make! { @set ($) $set $([$field: $Ty $(<$Arg>)? $(; $no)?])* }
        };
        (@set ($d:tt) $set:ident $([$($field:tt)*])*) => {
            macro_rules! $set {
                ($d Of:ident) => { impl $d Of { $($crate::__make! { @fn [$($field)*] })* } };
            }
            pub(crate) use $set;
        };
        (@fn [$field:ident: $Ty:ident; no]) => {};
        (@fn [$field:ident: Option<$Value:ty>]) => {
            pub fn $field(self, _: impl Into<Option<$Value>>) -> Self {}
        };
        (@fn [$field:ident: $Ty:ident]) => {
            #[must_use]
            pub fn $field(self, _: $Ty, _: $crate::A) -> Self {}
        };
    }";

/// A crate that invokes the macro in one file, and defines items in another.
const MADE: [(&str, &str); 3] = [
    ("lib.rs", "mod a; mod b; pub use a::Set; pub use b::Builder;"),
    (
        "a.rs",
        "use one::private::make;
         make! {
             #[derive(Clone)]
             pub struct Set, set by setters {
                 pub one: u8 = 1,
                 two: Option<Vec<u8>> = None,
                 pub(crate) three: u16 = 2 + 3; no setter
             }
         }
         setters!(Set);",
    ),
    (
        "b.rs",
        "use crate::a::setters;
         pub struct Builder { a: crate::a::Set }
         setters!(Builder);
         impl Builder { one::__make! { @fn [four: u8] } }",
    ),
];

#[test]
fn macros_of_the_workspace_are_expanded() {
    let crates: [(&str, &[(&str, &str)]); 2] = [("one", &[("lib.rs", MAKER)]), ("two", &MADE)];
    let expected = [
        "pub struct Builder { .. }",
        "#[must_use] pub fn Builder::four(self, _: u8, _: one::A) -> Self",
        "#[must_use] pub fn Builder::one(self, _: u8, _: one::A) -> Self",
        "pub fn Builder::two(self, _: impl Into<Option<Vec<u8>>>) -> Self",
        "pub struct Set { .. }",
        "pub Set::one: u8",
        "#[must_use] pub fn Set::one(self, _: u8, _: one::A) -> Self",
        "pub fn Set::two(self, _: impl Into<Option<Vec<u8>>>) -> Self",
        "impl Clone for Set",
        "impl Default for Set",
    ];
    assert_eq!(lines_of("two", &crates), expected);
    assert_eq!(lines_of("one", &crates), ["pub struct A;"]);
}

#[test]
fn invocation_has_its_own_conditions_and_those_of_the_macro() {
    let crates: [(&str, &[(&str, &str)]); 2] = [
        (
            "one_crate",
            &[(
                "lib.rs",
                "#[cfg(feature = \"x\")] #[macro_export] macro_rules! export { () => { pub use $crate::f; } }
                 #[cfg(not(feature = \"x\"))] #[macro_export] macro_rules! export { () => {} }
                 #[cfg(feature = \"x\")] pub fn f() {}",
            )],
        ),
        ("two", &[("lib.rs", "#[cfg(not(feature = \"x\"))] one_crate::export!();")]),
    ];
    let expected = "#[cfg(not(feature = \"x\"))] #[cfg(feature = \"one-crate/x\")] pub use one_crate::f";
    assert_eq!(lines_of("two", &crates), [expected]);
}

#[test]
fn exported_macro_is_listed_with_its_patterns() {
    let files = [
        ("lib.rs", "#[macro_use] mod a;"),
        (
            "a.rs",
            "#[macro_export] macro_rules! m { () => {}; ($a:expr, $($b:ty),*) => { f() } }
             macro_rules! n { () => {} }",
        ),
    ];
    assert_eq!(lines(&files), ["macro_rules! m { (); ($a: expr, $($b: ty), *) }"]);
}

#[test]
fn macro_of_others_is_listed_as_it_is_invoked_where_it_may_define_what_is_public() {
    let files = [(
        "lib.rs",
        "thread_local! { static A: u8 = 1; }
         #[cfg(x)] bitflags! { pub struct B: u8 { const C = 1; } } pub mod d { e!(pub f); }",
    )];
    let expected = ["#[cfg(x)] bitflags! { pub struct B: u8 { const C = 1; } }", "e!(pub f)", "pub mod d"];
    assert_eq!(lines(&files), expected);
}

#[test]
fn macro_of_others_within_a_type_or_trait_is_listed_as_it_is_invoked() {
    let files = [("lib.rs", "pub struct A; impl A { a!(1); } pub trait B { b! { 2 } } struct C; impl C { c!(3); }")];
    assert_eq!(lines(&files), ["pub struct A;", "A::a!(1)", "pub trait B", "B::b! { 2 }"]);
}

#[test]
fn invocation_that_no_rule_matches_is_an_error() {
    let crates: [(&str, &[(&str, &str)]); 1] = [("one", &[("lib.rs", "macro_rules! m { (a) => {} } m!(b);")])];
    assert_eq!(read(&crates).map(drop).unwrap_err(), "one/lib.rs: no rule of `m!` matches");
}

#[test]
fn macro_that_expands_to_itself_is_an_error() {
    let crates: [(&str, &[(&str, &str)]); 1] = [("one", &[("lib.rs", "macro_rules! m { () => { m!(); } } m!();")])];
    assert!(read(&crates).map(drop).unwrap_err().contains("levels deep"));
}
