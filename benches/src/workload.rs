//! The work of the methods. It is the same for every subject.

mod ticks;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub(crate) use ticks::{Pace, TICK, Tick, Ticks};

/// An entry of a page.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct User {
    id: u64,
    name: String,
    email: String,
    active: bool,
    tags: Vec<String>,
}

/// The params of `subtract`, by position or by name, for subjects that decode by hand.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Subtract {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

/// The params of `page`, by position or by name, for subjects that decode by hand.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Page {
    pub(crate) offset: u64,
    pub(crate) limit: u64,
}

pub(crate) async fn subtract(a: i64, b: i64) -> i64 {
    a - b
}

/// Builds the page again for each call, as a store would.
pub(crate) async fn page(offset: u64, limit: u64) -> Vec<User> {
    (offset..offset + limit).map(user).collect()
}

fn user(id: u64) -> User {
    User {
        id,
        name: format!("User number {id}"),
        email: format!("user.{id}@example.com"),
        active: id.is_multiple_of(2),
        tags: vec!["alpha".to_owned(), "beta".to_owned()],
    }
}

/// Returns its argument.
pub(crate) async fn echo(text: String) -> String {
    text
}

/// Returns 10 KiB of text that needs no escapes, like most text.
pub(crate) fn text() -> String {
    "The quick brown fox jumps over the lazy dog. ".chars().cycle().take(10 << 10).collect()
}

/// Keeps the thread busy for this many microseconds, like a handler that computes or parses.
pub(crate) async fn burn(micros: u64) -> u64 {
    let begin = Instant::now();
    let mut rounds = 0;
    while begin.elapsed() < Duration::from_micros(micros) {
        rounds += 1;
    }
    std::hint::black_box(rounds);
    micros
}

/// Waits for this many milliseconds without keeping the thread busy, like a handler that waits for a database.
pub(crate) async fn nap(millis: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    millis
}
