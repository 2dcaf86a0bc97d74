//! Runs the tour docs/cli.md: each of its commands, in order, in a terminal. What they print and how they exit is what
//! the page shows. `BLESS=1` writes the outputs of this run to the page.

mod page;
#[path = "../../examples/shop.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod shop;
mod varying;
mod visit;

use std::env;
use std::fmt::Write as _;

use crate::binary::Terminal;
use varying::{normalize, screen};

pub(crate) use page::{Page, Step};
pub(crate) use visit::Visit;

/// The lines in blocks `sh`, which no test runs. They install the command, and start the server that the test has.
const SETUP: [&str; 2] = ["cargo install --locked --path rpc-cli", "cargo run --example shop --features openrpc"];

#[tokio::test(flavor = "multi_thread")]
async fn all_commands_of_the_page_do_what_it_shows() {
    let page = Page::read();
    let mut visit = Visit::begin().await;
    let (mut commands, mut changed) = (0, Vec::new());
    let (mut faults, mut wrong_exits) = (String::new(), String::new());
    for step in page.steps() {
        commands += 1;
        let Some(command) = visit.command(&step) else { continue };
        let (exit, printed) = Terminal::start(command.env("NO_COLOR", "1")).ended().await;
        let printed = visit.as_on_page(&screen(&printed));
        if step.exit == Some(0) && exit != 0 {
            writeln!(wrong_exits, "line {}: the exit code is {exit}, and no `echo $?` follows", step.line).unwrap();
        }
        visit.remember(&step, exit, &printed);
        if normalize(&step, &printed) != normalize(&step, &step.shown) {
            let Step { line, command, shown, .. } = &step;
            writeln!(faults, "line {line}: $ {command}\n--- the page\n{shown}--- this run\n{printed}").unwrap();
            changed.push((step, printed));
        }
    }
    // `BLESS` adds no `echo $?`.
    assert!(wrong_exits.is_empty(), "{wrong_exits}");
    // Otherwise some command would be shown and not run.
    assert_eq!(commands, page.prompts(), "a line that begins with `$ ` is in no block `console`");
    assert_eq!(page.code("sh"), SETUP);
    if env::var_os("BLESS").is_some() {
        page.write(changed);
    } else {
        assert!(faults.is_empty(), "{faults}\nAfter a change that is meant, run this test with BLESS=1.");
    }
}
