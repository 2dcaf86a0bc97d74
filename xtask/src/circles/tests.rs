use super::*;
use crate::code::modules::File;

/// Reads a test crate with the root `src/lib.rs`.
fn read(files: &[(&str, &str)]) -> Graph {
    let path = |file: &str| Path::new("src").join(file);
    let sources = files.iter().map(|(file, text)| (path(file), (*text).to_owned())).collect();
    graph(&sources, &[path("lib.rs")]).unwrap()
}

/// Lists the edges as `from -> to: names`, without the folder `src`.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let graph = read(files);
    let mut edges = Vec::new();
    for (file, _) in files {
        for (to, edge) in graph.edges_of(&format!("src/{file}")) {
            let names: Vec<&str> = edge.names.keys().map(String::as_str).collect();
            edges.push(format!("{file} -> {}: {}", to.trim_start_matches("src/"), names.join(", ")));
        }
    }
    edges
}

fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let short = |file: &File| file.trim_start_matches("src/").to_owned();
    read(files).circles().iter().map(|circle| circle.iter().map(short).collect()).collect()
}

fn circle(files: &[&str]) -> Circle {
    files.iter().copied().map(str::to_owned).collect()
}

#[test]
fn loop_through_super_is_found() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a.rs", "mod b; pub struct A; fn f() { b::run() }"),
        ("a/b.rs", "pub(super) fn run() { let _ = super::A; }"),
    ];
    assert_eq!(circles(&files), [["a.rs", "a/b.rs"]]);
    assert_eq!(edges(&files), ["a.rs -> a/b.rs: run", "a/b.rs -> a.rs: A"]);
}

#[test]
fn circles_that_share_no_file_are_told_apart() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d; fn f() { a::f(); c::f() }"),
        ("a.rs", "pub fn f() { crate::b::f() }"),
        ("b.rs", "pub fn f() { crate::a::f(); crate::c::f() }"),
        ("c.rs", "pub fn f() { crate::d::f() }"),
        ("d.rs", "pub fn f() { crate::c::f() }"),
    ];
    assert_eq!(circles(&files), [["a.rs", "b.rs"], ["c.rs", "d.rs"]]);
}

#[test]
fn name_through_a_reexport_leads_to_the_file_that_defines_it() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::Thing as Renamed;"),
        ("a.rs", "mod deep; pub use deep::*; pub struct Own;"),
        ("a/deep.rs", "pub struct Thing; impl crate::b::User {}"),
        ("b.rs", "use crate::Renamed; pub struct User(Renamed); fn f(_: crate::a::Thing) {}"),
    ];
    assert_eq!(edges(&files), ["a/deep.rs -> b.rs: User", "b.rs -> a/deep.rs: Thing"]);
    assert_eq!(circles(&files), [["a/deep.rs", "b.rs"]]);
}

#[test]
fn mod_and_reexports_alone_make_no_edge() {
    let files = [
        ("lib.rs", "pub mod a; pub use a::{A, b::B};"),
        ("a.rs", "pub mod b; pub(crate) use b::B; pub(super) use b::f; pub struct A;"),
        ("a/b.rs", "use super::A; pub struct B(A); pub fn f() {}"),
    ];
    assert_eq!(edges(&files), ["a/b.rs -> a.rs: A"]);
}

#[test]
fn bare_name_of_a_module_makes_no_edge() {
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b; use crate::b::{self as c};"), ("b.rs", "")];
    assert_eq!(edges(&files), [""; 0]);
}

#[test]
fn private_import_of_a_trait_makes_an_edge() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::Ext as _;"),
        ("b.rs", "pub trait Ext { fn f(&self) {} }"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: Ext"]);
}

#[test]
fn uses_in_tests_make_no_edge() {
    let files = [
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod absent; #[cfg(any(test, feature = \"x\"))] mod c;"),
        (
            "a.rs",
            "#[cfg(test)] mod tests; #[cfg(test)] use crate::b::B; #[cfg(all(test, unix))] mod inline { use crate::b::B; }
             pub struct A { #[cfg(test)] b: crate::b::B } impl A { #[cfg(test)] fn f(_: crate::b::B) {} }
             #[test] fn f() { crate::b::B; }",
        ),
        ("a/tests.rs", "use crate::b::B;"),
        ("b.rs", "pub struct B(crate::a::A);"),
        ("c.rs", "pub struct C(crate::a::A);"),
    ];
    assert_eq!(edges(&files), ["b.rs -> a.rs: A", "c.rs -> a.rs: A"]);
}

#[test]
fn renames_groups_and_globs_resolve() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::{b::{self, One as Uno}, c as sea}; fn f(_: Uno) { b::two(); sea::Three::new() }"),
        ("b.rs", "use super::d::*; pub struct One; pub fn two() { four(Kind::A); { use Kind::*; B } }"),
        ("c.rs", "use self::inline::d as dee; mod inline { pub use super::super::d; } type Three = dee::Kind;"),
        ("d.rs", "pub fn four() {} pub enum Kind { A, B }"),
    ];
    assert_eq!(
        edges(&files),
        ["a.rs -> b.rs: One, two", "a.rs -> c.rs: Three", "b.rs -> d.rs: Kind, four", "c.rs -> d.rs: Kind"]
    );
}

#[test]
fn variants_of_an_enum_lead_to_the_enum() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::Kind::*; fn f(k: u8) { match k { One => {}, Two(x) => x } }"),
        ("b.rs", "pub enum Kind { One, Two(u8) }"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: Kind"]);
}

#[test]
fn variables_and_parameters_hide_names_of_the_module() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub use crate::b::*;
             fn one<T>(send: T) { send; }
             fn two() { let send = 1; send; |send: u8| send; for send in x { send } if let Some(send) = x { send } }
             fn three(x: u8) { match x { send => send } select! { send = x => send, } info!(send = 3); }
             fn four(x: S) -> S { x.send; x.send(); S { send: 1 } }
             fn five() { fn send() {} send() }",
        ),
        ("b.rs", "pub fn send() {} pub struct T;"),
    ];
    assert_eq!(edges(&files), [""; 0]);
}

#[test]
fn variable_hides_a_name_only_behind_its_statement() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub use crate::b::send; fn f() { let send = send(); }"),
        ("b.rs", "pub fn send() {}"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: send"]);
}

#[test]
fn names_in_macros_are_seen() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub use crate::b::*;
             fn f() { vec![ONE; 2]; assert!(two(), \"{}\", Three::new()); matches!(x, Four(y) if y > 0); }
             fn g() { tokio::select! { x = five() => { let y = Six { z: 1 }; y } else => $crate::b::seven(), } }
             macro_rules! m { ($x:ident) => { impl Eight for $x { fn nine() { $x.ten(0..ELEVEN) } } }; }",
        ),
        (
            "b.rs",
            "pub const ONE: u8 = 1; pub fn two() {} pub struct Three; pub struct Four(u8); pub fn five() {}
             pub struct Six; pub fn seven() {} pub trait Eight {} pub fn nine() {} pub fn ten() {} pub const ELEVEN: u8 = 1;",
        ),
    ];
    let names = "a.rs -> b.rs: ELEVEN, Eight, Four, ONE, Six, Three, five, nine, seven, two";
    assert_eq!(edges(&files), [names]);
}

#[test]
fn struct_in_a_macro_is_defined_there_and_names_its_types_and_defaults() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "use crate::b::*;
             settings! {
                 #[doc = \"Docs.\"]
                 #[derive(Debug)]
                 pub struct Set, set by setters! {
                     #[doc = \"Docs.\"]
                     pub one: One = Two::new(1),
                     pub three: Option<Three> = None; no setter,
                     pub four: usize = FOUR
                 }
             }",
        ),
        (
            "b.rs",
            "pub struct One; pub struct Two; pub struct Three; pub const FOUR: usize = 4; pub struct Set; pub fn by() {}
             pub fn one(_: crate::a::Set) { crate::a::setters!() }",
        ),
        ("c.rs", "use crate::a::*; fn f(_: Set) {}"),
    ];
    let names = "a.rs -> b.rs: FOUR, One, Three, Two";
    assert_eq!(edges(&files), [names, "b.rs -> a.rs: Set, setters", "c.rs -> a.rs: Set"]);
    assert_eq!(circles(&files), [["a.rs", "b.rs"]]);
}

#[test]
fn quoted_code_makes_no_edge() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub use crate::b::*; fn f() { quote!(One #x); quote_spanned! { span(x) => One } }"),
        ("b.rs", "pub struct One; pub fn span() {}"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: span"]);
}

#[test]
fn macros_lead_to_their_definition() {
    let files = [
        ("lib.rs", "mod a; mod b; macro_rules! root { () => {} }"),
        ("a.rs", "use crate::b::near; fn f() { near!(); crate::far!(); root!() }"),
        ("b.rs", "macro_rules! near { () => {} } pub(crate) use near; #[macro_export] macro_rules! far { () => {} }"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: far, near", "a.rs -> lib.rs: root"]);
}

#[test]
fn traits_bounds_and_qualified_paths_are_names() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use crate::b; struct S<T: b::One>(<T as b::Two>::X); fn f(_: impl b::Three, _: Vec<&dyn b::Four>) {}",
        ),
        ("b.rs", "pub trait One {} pub trait Two { type X; } pub trait Three {} pub trait Four {}"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: Four, One, Three, Two"]);
}

#[test]
fn associated_function_leads_to_the_impl_that_has_it() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "pub struct A; impl A { pub fn one() { Self::two() } fn three() { Self::one() } }"),
        ("b.rs", "use super::a::A; impl A { pub fn two() {} }"),
        ("c.rs", "fn f() { crate::a::A::one(); crate::a::A::two() }"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs: A::two", "b.rs -> a.rs: A", "c.rs -> a.rs: A", "c.rs -> b.rs: A::two"]);
}

#[test]
fn method_on_a_value_makes_no_edge() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A; fn f(a: A) { a.two() }"),
        ("b.rs", "impl super::a::A { pub fn two(&self) {} }"),
    ];
    assert_eq!(edges(&files), ["b.rs -> a.rs: A"]);
}

#[test]
fn name_that_a_macro_defines_leads_to_the_file_of_its_module() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::LOCAL; pub use std::Outer; pub mod c { pub use std::*; }"),
        ("a.rs", "pub mod d; thread_local! { pub static LOCAL: u8 = 1 }"),
        ("a/d.rs", "pub struct D;"),
        ("b.rs", "fn f() { crate::LOCAL.with(g); crate::a::d::Made::new(); crate::Outer; crate::c::Any; std::Other }"),
    ];
    assert_eq!(edges(&files), ["b.rs -> a.rs: LOCAL", "b.rs -> a/d.rs: Made"]);
}

#[test]
fn names_of_other_crates_make_no_edge() {
    let files = [
        ("lib.rs", "mod a; mod http;"),
        ("a.rs", "use http::Uri; use ::http::Method; fn f(_: std::http::X, _: Uri) {}"),
        ("http.rs", "pub struct Uri; pub struct Method; pub struct X;"),
    ];
    assert_eq!(edges(&files), [""; 0]);
}

#[test]
fn all_files_that_cfg_gives_a_module_are_read() {
    let files = [
        (
            "lib.rs",
            "#[cfg_attr(not(feature = \"x\"), path = \"on/off.rs\")] mod on; #[cfg(y)] mod z;
             #[cfg(not(y))] #[path = \"other.rs\"] mod z; fn f() { on::f(); z::f(); }",
        ),
        ("on.rs", "pub fn f() {}"),
        ("on/off.rs", "pub fn f() {}"),
        ("z.rs", "pub fn f() {}"),
        ("other.rs", "pub fn f() {}"),
    ];
    let expected = ["on.rs: f", "on/off.rs: f", "other.rs: f", "z.rs: f"].map(|to| format!("lib.rs -> {to}"));
    assert_eq!(edges(&files), expected);
}

#[test]
fn modules_are_found_where_rust_looks_for_them() {
    let files = [
        ("lib.rs", "mod a; mod inline { mod b; pub use b::f; } fn g() { a::c::f(); inline::f(); }"),
        ("a/mod.rs", "pub mod c;"),
        ("a/c.rs", "pub fn f() {}"),
        ("inline/b.rs", "pub fn f() {}"),
    ];
    assert_eq!(edges(&files), ["lib.rs -> a/c.rs: f", "lib.rs -> inline/b.rs: f"]);
}

#[test]
fn missing_file_is_an_error() {
    let sources = [(PathBuf::from("src/lib.rs"), "mod gone;".to_owned())].into();
    assert_eq!(graph(&sources, &[PathBuf::from("src/lib.rs")]).unwrap_err(), "src/gone.rs is not there");
}

#[test]
fn imports_that_lead_to_themselves_end() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::*; pub use b::*;"),
        ("a.rs", "pub use crate::*; use tokio::tokio; fn f() { g(); tokio() }"),
        ("b.rs", "pub use super::a::*; use self::x as x;"),
    ];
    assert_eq!(edges(&files), [""; 0]);
}

#[test]
fn report_shows_where_each_edge_comes_from() {
    let graph = read(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "// A comment.\nuse crate::b::{P, Q, R};\npub struct A(P, Q, R);\nfn f() { crate::b::s(crate::b::T) }",
        ),
        ("b.rs", "pub struct P; pub struct Q; pub struct R; pub struct T;\npub fn s(_: crate::a::A) {}"),
    ]);
    let expected = "made-up: 2 files name each other in a loop:
  src/a.rs
    src/a.rs:2 names P, Q, R, T and 1 more of src/b.rs
  src/b.rs
    src/b.rs:2 names A of src/a.rs
";
    assert_eq!(show("made-up", &graph.circles()[0], &graph), expected);
}

#[test]
fn list_is_read_as_it_was_written() {
    let circles = [circle(&["a.rs", "b.rs"]), circle(&["c.rs", "d.rs"])];
    assert_eq!(list::read(&list::write(&circles)), circles);
}

#[test]
fn circle_that_is_not_listed_fails_and_is_not_blessed() {
    let (old, new) = (circle(&["a.rs", "b.rs"]), circle(&["c.rs", "d.rs"]));
    let text = list::write(std::slice::from_ref(&old));
    let message = judge(&[old.clone(), new.clone()], Some(&text)).unwrap_err();
    assert!(message.contains("a new circle: c.rs, d.rs"), "{message}");
    assert!(blessed(&[old, new], Some(&text)).unwrap_err().contains("may only shrink"));
}

#[test]
fn file_that_joins_a_listed_circle_fails_and_is_not_blessed() {
    let text = list::write(&[circle(&["a.rs", "b.rs"])]);
    let found = [circle(&["a.rs", "b.rs", "c.rs"])];
    let message = judge(&found, Some(&text)).unwrap_err();
    assert!(message.contains("a listed circle has grown by c.rs"), "{message}");
    assert!(blessed(&found, Some(&text)).is_err());
}

#[test]
fn loop_that_ties_listed_circles_fails_and_is_not_blessed() {
    let text = list::write(&[circle(&["a.rs", "b.rs"]), circle(&["c.rs", "d.rs"])]);
    let found = [circle(&["a.rs", "b.rs", "c.rs", "d.rs"])];
    let message = judge(&found, Some(&text)).unwrap_err();
    assert!(message.contains("a loop ties listed circles to each other: a.rs, b.rs, c.rs, d.rs"), "{message}");
    assert!(blessed(&found, Some(&text)).is_err());
}

#[test]
fn list_that_holds_more_than_the_code_fails_until_it_is_blessed() {
    let listed = circle(&["a.rs", "b.rs", "c.rs", "d.rs", "e.rs"]);
    let text = list::write(&[listed, circle(&["x.rs", "y.rs"])]);
    let found = [circle(&["a.rs", "b.rs"]), circle(&["c.rs", "d.rs"])];
    let message = judge(&found, Some(&text)).unwrap_err();
    for line in
        ["has them any more: e.rs", "has them any more: x.rs, y.rs", "ties them any more: a.rs, b.rs | c.rs, d.rs"]
    {
        assert!(message.contains(line), "{message}");
    }
    let shorter = blessed(&found, Some(&text)).unwrap();
    assert_eq!(
        judge(&found, Some(&shorter)),
        Ok("2 circles of files stand, all of them listed in xtask/circles.txt".into())
    );
}

#[test]
fn list_that_is_not_there_is_blessed_as_the_code_is() {
    let found = [circle(&["a.rs", "b.rs"])];
    assert!(judge(&found, None).is_err());
    assert_eq!(list::read(&blessed(&found, None).unwrap()), found);
    assert!(blessed(&found, Some(&list::write(&[]))).is_err());
}
