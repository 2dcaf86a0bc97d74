//! The text and the place of a panic.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// The file of the last panic, while a test expects one on this thread.
    static EXPECTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a function that must panic. Returns the panic's text and the file that it reports.
#[track_caller]
pub fn panic_of<T>(run: impl FnOnce() -> T) -> (String, String) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            let is_expected = EXPECTED.with_borrow_mut(|expected| {
                let Some(expected) = expected else { return false };
                info.location().map_or("", |location| location.file()).clone_into(expected);
                true
            });
            if !is_expected {
                others(info);
            }
        }));
    });
    EXPECTED.set(Some(String::new()));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    let file = EXPECTED.take().unwrap_or_default();
    let Err(payload) = outcome else { panic!("it does not panic") };
    let message = payload.downcast::<String>().map(|message| *message);
    let message = message.unwrap_or_else(|payload| payload.downcast_ref::<&str>().copied().unwrap_or_default().into());
    (message, file)
}
