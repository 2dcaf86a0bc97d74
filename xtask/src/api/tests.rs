//! The listed items and their paths.

mod items;
mod macros;

use std::path::Path;

use super::*;
use crate::sources::Sources;

/// Reads test crates, each with its name and files.
fn read(crates: &[(&str, &[(&str, &str)])]) -> Result<Tree, String> {
    let mut tree = Tree::default();
    for (name, files) in crates {
        let path = |file: &str| Path::new(name).join(file);
        let sources: Sources = files.iter().map(|(file, text)| (path(file), (*text).to_owned())).collect();
        tree.read_crate(name, &sources, &path("lib.rs"))?;
    }
    tree.expand()?;
    Ok(tree)
}

/// Lists the lines of one of several test crates.
fn lines_of(name: &str, crates: &[(&str, &[(&str, &str)])]) -> Vec<String> {
    let interfaces = interfaces(&read(crates).unwrap());
    interfaces[name].0.iter().map(|line| line.text.clone()).collect()
}

/// Lists the lines of a test crate.
fn lines(files: &[(&str, &str)]) -> Vec<String> {
    lines_of("made_up", &[("made_up", files)])
}

#[test]
fn item_that_no_path_reaches_is_not_listed() {
    let files = [
        (
            "lib.rs",
            "mod a; pub fn f() {} fn g() {} pub(crate) struct S; use a::h; pub(crate) use a::i; pub(crate) mod b {}",
        ),
        ("a.rs", "pub fn h() {} pub fn i() {} pub struct T; impl T { pub fn new() -> Self {} }"),
    ];
    assert_eq!(lines(&files), ["pub fn f()"]);
}

#[test]
fn item_in_a_private_module_is_listed_where_it_is_reexported() {
    let files = [
        ("lib.rs", "mod a; pub mod b;"),
        ("a.rs", "pub struct Kept { pub one: u8 } pub struct Left;"),
        ("b.rs", "pub use crate::a::Kept; mod c { pub fn f() {} } pub use self::c::f;"),
    ];
    let expected = ["pub mod b", "pub struct b::Kept", "pub b::Kept::one: u8", "pub fn b::f()"];
    assert_eq!(lines(&files), expected);
}

#[test]
fn reexport_under_another_name_has_that_name() {
    let files = [
        ("lib.rs", "mod a; pub use a::{Old as New, b as renamed};"),
        ("a.rs", "pub struct Old; impl Old { pub fn same(&self, _: Old) -> Self {} } pub mod b { pub fn f() {} }"),
    ];
    let expected =
        ["pub struct New;", "pub fn New::same(&self, _: New) -> Self", "pub mod renamed", "pub fn renamed::f()"];
    assert_eq!(lines(&files), expected);
}

#[test]
fn glob_lists_what_is_public() {
    let files = [
        ("lib.rs", "mod a; pub use a::*; pub use Kind::*;"),
        (
            "a.rs",
            "mod b; pub use b::*; pub fn f() {} fn g() {} pub(crate) fn h() {} use std::fmt; pub enum Kind { One }",
        ),
        ("a/b.rs", "pub fn i() {} pub use super::*;"),
    ];
    assert_eq!(lines(&files), ["pub use Kind::*", "pub enum Kind", "Kind::One", "pub fn f()", "pub fn i()"]);
}

#[test]
fn item_with_several_paths_is_listed_whole_at_the_shortest() {
    let files = [
        ("lib.rs", "pub mod deep; pub use deep::er::Thing;"),
        ("deep.rs", "pub mod er { pub enum Thing { One } } pub use er::Thing as Other;"),
    ];
    let expected = [
        "pub enum Thing",
        "Thing::One",
        "pub mod deep",
        "pub use Thing as deep::Other",
        "pub mod deep::er",
        "pub use Thing as deep::er::Thing",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn conditions_of_modules_reexports_and_items_are_shown_once() {
    let files = [
        (
            "lib.rs",
            "#[cfg(a)] mod a; #[cfg(a)] pub use a::{T, f}; #[cfg(b)] pub mod b { #[cfg(c)] pub fn g() {} } mod d;",
        ),
        ("a.rs", "pub struct T; impl T { #[cfg(unix)] pub fn f(&self) {} } #[cfg(unix)] pub fn f() {}"),
        ("d.rs", "#[cfg(e)] impl crate::T { pub fn g(&self) {} } #[cfg(e)] impl Clone for crate::T {}"),
    ];
    let expected = [
        "#[cfg(a)] pub struct T;",
        "#[cfg(unix)] pub fn T::f(&self)",
        "#[cfg(e)] pub fn T::g(&self)",
        "#[cfg(e)] impl Clone for T",
        "#[cfg(b)] pub mod b",
        "#[cfg(b)] #[cfg(c)] pub fn b::g()",
        "#[cfg(a)] #[cfg(unix)] pub fn f()",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn twins_of_a_module_have_their_conditions() {
    let files = [
        ("lib.rs", "#[cfg_attr(not(x), path = \"off.rs\")] mod on; pub use on::f;"),
        ("on.rs", "pub fn f(_: u8) {}"),
        ("off.rs", "pub fn f() {}"),
    ];
    assert_eq!(lines(&files), ["#[cfg(not(not(x)))] pub fn f(_: u8)", "#[cfg(not(x))] pub fn f()"]);
}

#[test]
fn what_is_for_tests_alone_is_not_listed() {
    let files = [("lib.rs", "#[cfg(test)] pub fn f() {} pub struct T; #[cfg(test)] impl Clone for T {}")];
    assert_eq!(lines(&files), ["pub struct T;"]);
}

#[test]
fn hidden_items_are_left_out() {
    let files = [(
        "lib.rs",
        "#[doc(hidden)] pub mod a { pub fn f() {} pub struct T; } #[doc(hidden)] pub use b::g; pub use b::h; pub use a as c;
         mod b { pub fn g() {} #[doc(hidden)] pub fn h() {} }
         #[doc(hidden)] #[macro_export] macro_rules! m { () => {} }
         pub struct S { #[doc(hidden)] pub one: u8 } pub enum E { #[doc(hidden)] One, Two }
         impl S { #[doc(hidden)] pub fn f() {} } #[doc(hidden)] impl Clone for S {} impl Into<a::T> for S {}
         pub trait T { #[doc(hidden)] fn f(&self) {} #[doc(hidden)] type A; type B; }
         impl T for S { type A = u8; type B = u16; }
         #[doc(hidden)] pub trait Hidden {} impl Hidden for S {}",
    )];
    let expected = [
        "pub enum E",
        "E::Two",
        "pub struct S { .. }",
        "impl T for S { type B = u16; }",
        "pub trait T { .. }",
        "type T::B",
    ];
    assert_eq!(lines(&files), expected);
}

#[test]
fn facade_lists_what_it_reexports_and_where_that_is_from() {
    let crates: [(&str, &[(&str, &str)]); 2] = [
        (
            "facade",
            &[(
                "lib.rs",
                "pub use core_crate::{Thing, part as other}; #[cfg(x)] pub use core_crate::f; pub use ::bytes::Bytes;",
            )],
        ),
        (
            "core_crate",
            &[(
                "lib.rs",
                "pub struct Thing; impl Thing { pub fn f() {} } pub mod part { pub fn g() {} } pub fn f() {}",
            )],
        ),
    ];
    let expected = [
        "pub use bytes::Bytes",
        "pub use core_crate::Thing",
        "#[cfg(x)] pub use core_crate::f",
        "pub use core_crate::part as other",
    ];
    assert_eq!(lines_of("facade", &crates), expected);
    let expected = ["pub struct Thing;", "pub fn Thing::f()", "pub fn f()", "pub mod part", "pub fn part::g()"];
    assert_eq!(lines_of("core_crate", &crates), expected);
}

#[test]
fn changed_signature_is_found() {
    let snapshot = |code: &str| {
        let tree = read(&[("made_up", &[("lib.rs", code)])]).unwrap();
        written("made_up", &interfaces(&tree)["made_up"])
    };
    let old = snapshot("pub fn a() {} pub fn b(_: u8) {} pub fn c() {}");
    let new = snapshot("pub fn a() { more() } pub fn b(_: u16) {} pub fn c() {} pub fn d() {}");
    assert_eq!(compare(&old, &old), "");
    assert_eq!(compare(&old, &old.replace('\n', "\n\n")), "");
    assert_eq!(compare(&old, &new), "- pub fn b(_: u8)\n+ pub fn b(_: u16)\n+ pub fn d()\n");
}

#[test]
fn items_with_members_are_set_apart() {
    let code = "pub fn a() {} pub fn b() {} #[derive(Clone)] pub struct C; pub fn d() {}";
    let tree = read(&[("made_up", &[("lib.rs", code)])]).unwrap();
    let text = written("made_up", &interfaces(&tree)["made_up"]);
    assert!(text.starts_with("// The public interface of the crate `made_up`.\n"), "{text}");
    assert!(text.ends_with("\n\npub struct C;\nimpl Clone for C\n\npub fn a()\npub fn b()\npub fn d()\n"), "{text}");
}
