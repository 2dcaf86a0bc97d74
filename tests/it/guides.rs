//! What the guides show is what the examples run.

/// Returns the blocks of Rust code in a guide.
fn blocks(guide: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block = None::<Vec<&str>>;
    for line in guide.lines() {
        match (&mut block, line) {
            (None, "```rust") => block = Some(Vec::new()),
            (Some(lines), "```") => {
                blocks.push(lines.join("\n"));
                block = None;
            }
            (Some(lines), line) => lines.push(line),
            _ => {}
        }
    }
    blocks
}

#[test]
fn the_guide_to_foreign_servers_shows_what_its_example_runs() {
    let example = include_str!("../../examples/foreign_servers.rs");
    let blocks = blocks(include_str!("../../docs/foreign_servers.md"));
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        assert!(example.contains(&block), "not in the example:\n{block}");
    }
}
