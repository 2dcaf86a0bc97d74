use super::repo::Repo;

/// Makes a repository of files and their texts.
fn repo(files: &[(&str, &str)]) -> Repo {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    Repo { files: files.collect(), ..Repo::default() }
}

/// Lists what is wrong with made-up files.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    findings_in(&repo(files))
}

fn findings_in(repo: &Repo) -> Vec<String> {
    super::findings(repo).iter().map(ToString::to_string).collect()
}

/// The files of a repository without a fault.
const SOUND: [(&str, &str); 6] = [
    (
        "README.md",
        "# The name\n\n[guide](docs/guide.md#of-a-thing) and [both\nlines](docs/guide.md#of-a-thing-1), [top](#the-name),\n\
         [folder](docs), [web](https://example.com/x.md#y), [`x`][ref], ![image](<docs/a b.svg>)\n\n\
         [ref]: docs/guide.md \"Title\"\n\n`[no](link.md)` and ``[`no`](link.md)``\n\n```sh\n[no](link.md)\n```\n",
    ),
    (
        "docs/guide.md",
        "<a id=\"here\"></a>\n## Of `a` [thing](../README.md)\n## Of a thing\n[here](#here)\n\n\
         ```rust\nlet a = f(1);   // one\n```\n\n```rust,no_run\nlet b;\n```\n",
    ),
    ("docs/a b.svg", ""),
    (
        "docs/item.md",
        "[`X`](crate::X), [Y](trait@Y)\n\n```rust\nno test has this\n```\n\n\
         <!-- not compiled: the reader's file -->\n\n```rust,ignore\nmod yours;\n```\n",
    ),
    ("src/lib.rs", "//! See docs/guide.md and `src/none.rs`.\n#[doc = include_str!(\"../docs/item.md\")]\nstruct X;\n"),
    ("tests/it/guides.rs", "fn g() {\n    let a = f(\n        1,\n    );\n    let b;\n}\n"),
];

/// Lists what is wrong once the repository without a fault has one more file.
fn findings_with(path: &str, text: &str) -> Vec<String> {
    let mut files = SOUND.to_vec();
    files.push((path, text));
    findings(&files)
}

#[test]
fn sound_repository_has_no_finding() {
    assert_eq!(findings(&SOUND), [""; 0]);
}

#[test]
fn link_to_a_missing_file_is_found() {
    let page = "[a](docs/guide.md)\n\n[a](docs/gone.md), [two\nlines](../outside.md)\n\n[ref]: gone.md\n";
    let expected = [
        "SECURITY.md:3: the link `docs/gone.md` leads to no file of the repository",
        "SECURITY.md:4: the link `../outside.md` leads to no file of the repository",
        "SECURITY.md:6: the link `gone.md` leads to no file of the repository",
    ];
    let found = findings_with("SECURITY.md", page);
    assert_eq!(found, [&["SECURITY.md:3: docs/gone.md does not exist"], &expected[..]].concat());
}

#[test]
fn link_behind_a_fence_or_inline_code_is_found() {
    let page = "```text\n[a](gone.md)\n```\n[b](gone.md)\n`c` [d `e`](gone.md) ` f [g](gone.md)\n";
    let fault = "the link `gone.md` leads to no file of the repository";
    assert_eq!(findings_with("a.md", page), [4, 5, 5].map(|line| format!("a.md:{line}: {fault}")));
}

#[test]
fn words_in_parentheses_behind_brackets_are_no_link() {
    assert_eq!(findings_with("a.md", "[a](see below), [ ](\n"), [""; 0]);
}

#[test]
fn link_to_a_missing_heading_is_found() {
    let page = "# One\n```sh\n# two\n```\n[a](#two) [b](docs/guide.md#gone) [c](src/lib.rs#x) [d](#One) [e](#one)\n";
    let expected = [
        "a.md:5: the link `#One` leads to no heading of a.md",
        "a.md:5: the link `#two` leads to no heading of a.md",
        "a.md:5: the link `docs/guide.md#gone` leads to no heading of docs/guide.md",
        "a.md:5: the link `src/lib.rs#x` has an anchor, and src/lib.rs is no page",
    ];
    assert_eq!(findings_with("a.md", page), expected);
}

#[test]
fn headings_have_the_names_that_github_gives_them() {
    let headings = [
        ("## Where there is no share", "where-there-is-no-share"),
        ("# What one, two: and *three* do!", "what-one-two-and-three-do"),
        ("### `rpc.server` & more", "rpcserver--more"),
        ("# snake_case - Größe ##", "snake_case---größe"),
    ];
    for (heading, slug) in headings {
        assert_eq!(findings_with("a.md", &format!("{heading}\n[a](#{slug})\n")), [""; 0], "{heading}");
    }
}

#[test]
fn path_of_rust_on_a_page_of_no_crate_is_found() {
    let fault = "a.md:1: the link `crate::X` is a path of Rust, and this page is in no crate's documentation";
    assert_eq!(findings_with("a.md", "[`X`](crate::X)\n"), [fault]);
}

#[test]
fn page_that_a_crate_documents_by_a_symbolic_link_may_name_items() {
    let mut repo = repo(&[
        ("core/docs/item.md", ""),
        ("core/src/lib.rs", "#![doc = include_str!(\"../docs/item.md\")]\n"),
        ("docs/item.md", "[`X`](crate::X) [a](#gone)\n"),
    ]);
    repo.symlinks.insert("core/docs/item.md".to_owned(), "docs/item.md".to_owned());
    assert_eq!(findings_in(&repo), ["docs/item.md:1: the link `#gone` leads to no heading of docs/item.md"]);
}

#[test]
fn link_of_an_item_to_a_missing_file_is_found() {
    let source =
        "/// [a](../docs/gone.md), [`b`](crate::B), [c](#c), [d](../c/index.html), [e](../docs/guide.md)\nfn f() {}\n";
    let fault = "src/a.rs:1: the link `../docs/gone.md` leads to no file of the repository";
    assert_eq!(findings_with("src/a.rs", source), [fault]);
}

#[test]
fn mention_of_a_missing_file_is_found() {
    let page = "`docs/gone.md`, docs/guide.md, tests/it/gone.rs.\n";
    let expected = ["a.md:1: docs/gone.md does not exist", "a.md:1: tests/it/gone.rs does not exist"];
    assert_eq!(findings_with("a.md", page), expected);
    assert_eq!(findings_with("docs/decisions/a.md", page), [""; 0]);
    let source = "// As docs/gone.md says, not https://docs/gone.md or elsewhere/gone.md.\n";
    assert_eq!(findings_with("src/a.rs", source), ["src/a.rs:1: docs/gone.md does not exist"]);
}

#[test]
fn wide_line_is_found_and_columns_are_characters() {
    let (wide, fits) = (format!("{} é", "w".repeat(119)), format!("{} é", "é".repeat(118)));
    assert_eq!(findings_with("a.md", &format!("{fits}\n{wide}\n")), ["a.md:2: 121 columns, 120 at most"]);
    let comment = format!("    // {} w\n    /// {} w\n", "w".repeat(111), "w".repeat(111));
    assert_eq!(findings_with("src/a.rs", &comment), ["src/a.rs:2: 121 columns, 120 at most"]);
}

#[test]
fn line_that_cannot_be_broken_may_be_wide() {
    let word = "w".repeat(130);
    let page = format!("| a | {word} |\n- {word}\n[a]: https://{word}\n\n```text\na {word}\n```\n");
    assert_eq!(findings_with("a.md", &page), [""; 0]);
    let source = format!(
        "/// | a | {word} |\n// {word}\n/// ```\n/// let a = \"{} b\";\n/// ```\nfn f() {{}}\n",
        "a".repeat(120)
    );
    assert_eq!(findings_with("src/a.rs", &source), [""; 0]);
    assert_eq!(findings_with("core/snapshots/a.rs", &format!("/// a {word}\n")), [""; 0]);
}

#[test]
fn wide_code_in_a_comment_is_found() {
    let source = format!(
        "/// ```\n/// {}\n/// f(\"{} b\", {});\n/// ```\n",
        "f(a); ".repeat(20),
        "b".repeat(60),
        "c".repeat(60)
    );
    let expected = ["src/a.rs:2: 124 columns, 120 at most", "src/a.rs:3: 134 columns, 120 at most"];
    assert_eq!(findings_with("src/a.rs", &source), expected);
}

#[test]
fn code_without_a_language_is_found() {
    let page = "```\na\n```\n\n```rsut\na\n```\n\n~~~~\na\n~~~\n";
    let expected = [
        "docs/a.md:1: the code has no language",
        "docs/a.md:5: the language of the code is none of those in xtask/src/docs/fences.rs",
        "docs/a.md:9: the code is not closed",
    ];
    assert_eq!(findings_with("docs/a.md", page), expected);
    assert_eq!(findings_with("docs/decisions/a.md", page), [""; 0]);
}

#[test]
fn code_that_nothing_compiles_is_found() {
    let found = |page: &str| -> Vec<bool> {
        findings_with("docs/a.md", page).iter().map(|finding| finding.contains(": nothing compiles")).collect()
    };
    assert_eq!(found("```rust\nlet a = f(2);\n```\n"), [true]);
    assert_eq!(found("```rust\nlet a = (\n```\n"), [true]);
    assert_eq!(found("```rust,no_run\nlet a = f(2);\n```\n"), [true]);
    assert_eq!(found("```rust,ignore\nlet a = f(2);\n```\n"), [true]);
    assert_eq!(found("<!-- not compiled: -->\n\n```rust,ignore\nlet a = f(2);\n```\n"), [true]);
    assert_eq!(found("<!-- not compiled: why -->\n\n```rust\nlet a = f(2);\n```\n"), [true]);
    assert_eq!(found("<!-- not compiled: why -->\n```rust,ignore\nlet a = f(2);\n```\n"), [false; 0]);
}

#[test]
fn reason_holds_for_one_block_of_code() {
    let block = "```rust,ignore\nlet a = f(2);\n```\n";
    let found = findings_with("docs/a.md", &format!("<!-- not compiled: why -->\n{block}\n{block}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("docs/a.md:6: nothing compiles"), "{found:?}");
}

#[test]
fn code_in_comments_strings_and_failing_tests_counts_as_not_compiled() {
    let page = ("docs/a.md", "```rust\nlet a = f(2);\n```\n");
    for (path, text) in [
        ("tests/it/a.rs", "// let a = f(2);\n"),
        ("tests/it/a.rs", "const A: &str = \"let a = f(2);\";"),
        ("tests/ui/a.rs", "fn g() { let a = f(2); }"),
        ("src/a.rs", "fn g() { let a = f(2); }"),
    ] {
        assert_eq!(findings(&[page, (path, text)]).len(), 1, "{text}");
    }
    assert_eq!(findings(&[page, ("examples/a.rs", "fn g() { let a = f(2); }")]), [""; 0]);
}

#[test]
fn ignored_code_of_a_documented_page_needs_a_reason() {
    let source = ("src/lib.rs", "#[doc = include_str!(\"../docs/a.md\")]\nstruct A;");
    assert_eq!(findings(&[source, ("docs/a.md", "```rust,ignore\na\n```\n")]).len(), 1);
    assert_eq!(findings(&[source, ("docs/a.md", "```rust,no_run\na\n```\n")]), [""; 0]);
}

#[test]
fn hidden_line_is_found() {
    let fault = "docs/item.md:1: the code has a line that rustdoc hides, and other readers see";
    let source = ("src/lib.rs", "#[doc = include_str!(\"../docs/item.md\")]\nstruct A;");
    assert_eq!(findings(&[source, ("docs/item.md", "```rust\n# fn f() {}\n```\n")]), [fault]);
    assert_eq!(findings(&[source, ("docs/item.md", "```rust\n#[a]\n```\n")]), [""; 0]);
}
