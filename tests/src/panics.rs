//! What a panic says, and where.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// The message and the file of the last panic, while a test waits for one on this thread.
    static EXPECTED: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Runs something that must panic, and returns what the panic says and the file in which it is reported.
#[track_caller]
pub fn panic_of<T>(run: impl FnOnce() -> T) -> (String, String) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            let is_expected = EXPECTED.with_borrow_mut(|expected| {
                let Some(expected) = expected else { return false };
                let place = info.location().map_or("", |location| location.file());
                *expected = (info.payload_as_str().unwrap_or_default().to_owned(), place.to_owned());
                true
            });
            if !is_expected {
                others(info);
            }
        }));
    });
    EXPECTED.set(Some(Default::default()));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    let panicked = EXPECTED.take().unwrap_or_default();
    assert!(outcome.is_err(), "it does not panic");
    panicked
}
