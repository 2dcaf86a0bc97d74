//! The format of items.

use super::{lines, lines_of};
use crate::api::print;

#[test]
fn private_methods_and_impls_of_private_traits_are_not_listed() {
    let files = [(
        "lib.rs",
        "pub struct A; struct B; trait Private {} pub trait Public {}
         impl A { fn f() {} pub(crate) fn g() {} pub fn h() {} const C: u8 = 1; } impl B { pub fn f() {} }
         impl Private for A {} impl Public for A {} impl Public for B {} impl From<B> for A {}",
    )];
    assert_eq!(lines(&files), ["pub struct A;", "pub fn A::h()", "impl Public for A", "pub trait Public"]);
}

#[test]
fn fields_show_what_users_can_construct() {
    let files = [(
        "lib.rs",
        "pub struct A { pub b: u8, c: u8 } pub struct B { pub b: u8 } pub struct C(pub u8, u8);
         pub enum D { One(#[serde(x)] u8), Two { a: u8 }, Three = 3 } #[non_exhaustive] pub union U { pub a: u8 }",
    )];
    let expected = [
        "pub struct A { .. }",
        "pub A::b: u8",
        "pub struct B",
        "pub B::b: u8",
        "pub struct C(pub u8, _)",
        "pub enum D",
        "D::One(u8)",
        "D::Three = 3",
        "D::Two { a: u8 }",
        "#[non_exhaustive] pub union U",
        "pub U::a: u8",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn items_of_a_trait_say_whether_they_have_a_default() {
    let files = [(
        "lib.rs",
        "pub trait T<A = u8>: Send + 'static where A: Clone {
             const C: u8; const D: u8 = 1; type Out: Into<A>; fn f(self, mut a: A) -> Self::Out; fn g(&mut self) {}
         }
         impl<A, F> T<A> for F where F: Fn(A) -> A { type Out = A; const C: u8 = 1; fn f(self, a: A) -> A {} }",
    )];
    let expected = [
        "pub trait T<A = u8>: Send + 'static where A: Clone",
        "const T::C: u8",
        "const T::D: u8 = ..",
        "type T::Out: Into<A>",
        "fn T::f(self, a: A) -> Self::Out",
        "fn T::g(&mut self) { .. }",
        "impl<A, F> T<A> for F where F: Fn(A) -> A { type Out = A; }",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn derived_and_written_impls_look_the_same() {
    let derived = "use serde::Deserialize;
         #[derive(Clone, Debug, Deserialize)] #[cfg_attr(x, derive(Default))] pub struct S<T>(T);
         #[derive(thiserror::Error)] pub enum E {}";
    let written =
        "use std::fmt; use std::error::Error; pub struct S<T>(T); pub enum E {} impl<T: Clone> Clone for S<T> {}
         impl<T: fmt::Debug> fmt::Debug for S<T> {} impl Error for E {} impl core::fmt::Display for E {}
         impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for S<T> {}
         #[cfg(x)] impl<T: Default> ::core::default::Default for S<T> {}";
    let expected = [
        "pub enum E",
        "impl std::error::Error for E",
        "impl std::fmt::Display for E",
        "pub struct S<T>(_)",
        "impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for S<T>",
        "impl<T: Clone> Clone for S<T>",
        "#[cfg(x)] impl<T: Default> Default for S<T>",
        "impl<T: std::fmt::Debug> std::fmt::Debug for S<T>",
    ];
    assert_eq!(lines(&[("lib.rs", derived)]), expected);
    assert_eq!(lines(&[("lib.rs", written)]), expected);
}

#[test]
fn bounds_of_an_impl_stand_at_its_functions() {
    let files = [(
        "lib.rs",
        "pub struct S<T>(T); impl<T: Clone> S<T> where T: Send {
             pub fn f<U: Copy>(&self) where U: Send {} pub const C: u8 = 1 << 2;
         }
         impl S<u8> { pub fn g() {} }",
    )];
    let expected = [
        "pub struct S<T>(_)",
        "pub const S<T>::C: u8 = 1 << 2 where T: Clone, T: Send",
        "pub fn S<T>::f<U: Copy>(&self) where T: Clone, T: Send, U: Send",
        "pub fn S<u8>::g()",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn impls_for_types_of_others_stand_at_what_is_ours() {
    let files = [(
        "lib.rs",
        "pub struct S; pub trait T {} impl T for u8 {} impl<A: T> T for Vec<A> {}
         impl From<S> for String {} impl Clone for Box<S> {}",
    )];
    let expected = [
        "pub struct S;",
        "impl Clone for Box<S>",
        "impl From<S> for String",
        "pub trait T",
        "impl T for u8",
        "impl<A: T> T for Vec<A>",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn impl_is_listed_if_users_can_name_all_that_it_names() {
    let files = [(
        "lib.rs",
        "pub struct S; struct T; struct Private; type Alias = Box<u8>;
         impl From<Private> for S {} impl From<Vec<Private>> for S {} impl From<Alias> for S {}
         impl<T> AsRef<T> for S {}",
    )];
    assert_eq!(lines(&files), ["pub struct S;", "impl From<Box<u8>> for S", "impl<T> AsRef<T> for S"]);
}

#[test]
fn trait_that_users_cannot_implement_says_so() {
    let files = [(
        "lib.rs",
        "mod sealed { pub trait Sealed {} } pub trait A: sealed::Sealed {} pub trait B { #[doc(hidden)] fn b(); }
         pub trait C: Send { #[doc(hidden)] fn c() {} }",
    )];
    assert_eq!(lines(&files), ["pub trait A: Sealed { .. }", "pub trait B { .. }", "pub trait C: Send"]);
}

#[test]
fn types_have_the_paths_that_users_know_wherever_they_are_imported_from() {
    let files = [
        ("lib.rs", "mod a; pub mod b; pub use a::f;"),
        (
            "a.rs",
            "use std::{fmt, sync::Arc as Shared}; use crate::b; use crate::b::Bytes; use b::Item;
             type Alias = Box<dyn fmt::Debug>;
             pub fn f<T: fmt::Display>(_: &Item, _: b::Item, _: Bytes, _: Shared<T>, _: Alias) -> Option<T::Err> {}",
        ),
        ("b.rs", "pub use bytes::Bytes; pub struct Item;"),
    ];
    let expected = [
        "pub mod b",
        "pub use bytes::Bytes as b::Bytes",
        "pub struct b::Item;",
        "pub fn f<T: std::fmt::Display>(_: &b::Item, _: b::Item, _: bytes::Bytes, _: std::sync::Arc<T>, \
         _: Box<dyn std::fmt::Debug>) -> Option<T::Err>",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn attributes_are_shown_without_their_texts() {
    let files = [(
        "lib.rs",
        "/// Docs.\n#[must_use = \"why\"] #[inline] #[deprecated(note = \"why\")] pub const fn f() {}
         #[cfg_attr(x, must_use, inline)] pub async unsafe fn g() {} #[repr(u8)] #[allow(dead_code)] pub enum E {}",
    )];
    let expected = [
        "#[repr(u8)] pub enum E",
        "#[must_use] #[deprecated] pub const fn f()",
        "#[cfg_attr(x, must_use)] pub async unsafe fn g()",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn constants_show_values_that_are_no_code() {
    let files = [(
        "lib.rs",
        "pub const A: u8 = 1; pub const B: Code = Code::new(-2); pub const C: u8 = { 3 }; pub struct Code(u8);
         impl Code { pub const D: Self = Self(4); } pub static E: &[&str] = &[\"e\"]; pub type F<T> = Vec<T>;",
    )];
    let expected = [
        "pub const A: u8 = 1",
        "pub const B: Code = Code::new(-2)",
        "pub const C: u8",
        "pub struct Code(_)",
        "pub const Code::D: Self",
        "pub static E: &[&str]",
        "pub type F<T> = Vec<T>",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn signatures_name_items_of_other_crates_by_their_public_paths() {
    let crates: [(&str, &[(&str, &str)]); 2] = [
        ("one", &[("lib.rs", "mod a { pub struct A; } pub use a::A; pub trait T { #[doc(hidden)] type H; }")]),
        ("two", &[("lib.rs", "use one::{A, T}; pub fn f(_: A) {} pub struct S; impl T for S { type H = u8; }")]),
    ];
    assert_eq!(lines_of("two", &crates), ["pub struct S;", "impl one::T for S", "pub fn f(_: one::A)"]);
}

#[test]
fn proc_macros_are_listed_with_their_attributes() {
    let files = [(
        "lib.rs",
        "use proc_macro::TokenStream;
         #[proc_macro_derive(Name, attributes(name))] pub fn derive(input: TokenStream) -> TokenStream {}",
    )];
    let expected = "#[proc_macro_derive(Name, attributes(name))] \
                    pub fn derive(input: proc_macro::TokenStream) -> proc_macro::TokenStream";
    assert_eq!(lines(&files), [expected]);
}

#[test]
fn types_are_spaced_as_rustfmt_would() {
    let types = [
        "&'a mut [u8; 2 * N]",
        "&'static [&'static str]",
        "(A,)",
        "(A, B)",
        "*const dyn Fn(&(A, B)) -> Option<&A>",
        "<T as a::Trait<'_>>::Out",
        "Box<dyn for<'a> Fn(&'a T) -> ! + Send + 'static>",
        "fn(A, B) -> [C; 3]",
        "impl ?Sized + Into<Option<Vec<u8>>> + use<'a, T>",
        "Result<(), [T; { N + 1 }]>",
    ];
    for ty in types {
        assert_eq!(print::text(&syn::parse_str::<syn::Type>(ty).unwrap()), ty);
    }
    let with_commas: syn::Type = syn::parse_str("A<(B, C,), D,>").unwrap();
    assert_eq!(print::text(&with_commas), "A<(B, C), D>");
}
