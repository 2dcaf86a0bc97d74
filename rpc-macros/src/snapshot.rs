//! Compares expansions with the files `snapshots/*.rs`, which people can read.

use std::path::PathBuf;
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{File, Item};

/// Compares an expansion with its snapshot, or rewrites the snapshot if the variable `BLESS` is set.
pub(crate) fn assert_matches(name: &str, expansion: TokenStream) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name);
    let expanded = format(expansion);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, expanded).unwrap();
        return;
    }
    let snapshot = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expanded == snapshot,
        "the expansion is not that of {}; if it should be, run the test again with BLESS=1\n\n{expanded}",
        path.display()
    );
}

/// Formats each item as rustfmt would, including those inside macros such as `server!` and `client!`.
fn format(tokens: TokenStream) -> String {
    let file: File = syn::parse2(tokens).unwrap();
    let items: Vec<_> = file.items.into_iter().map(format_item).collect();
    items.join("\n")
}

fn format_item(item: Item) -> String {
    match item {
        Item::Macro(item) if !item.mac.path.segments.iter().any(|segment| segment.ident == "compile_error") => {
            let path = item.mac.path.to_token_stream().to_string().replace(' ', "");
            let inside = format(item.mac.tokens);
            let inside: Vec<_> = inside.lines().map(indent).collect();
            format!("{path}! {{\n{}}}\n", inside.concat())
        }
        item => prettyplease::unparse(&File { frontmatter: None, shebang: None, attrs: Vec::new(), items: vec![item] }),
    }
}

fn indent(line: &str) -> String {
    if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }
}
