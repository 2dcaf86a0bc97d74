//! Measures a server: makes calls from several threads, records their latencies, and reports them.
//!
//! From the bottom up: `schedule` and `pacer` decide when calls start, without a clock. `template` and `requests` make
//! the calls, and `recorder` measures them. A `worker` is a thread with its own share of all that. `open_loop` and
//! `closed_loop` are what it runs, and `metronome` wakes it. `run` starts the workers, `live` draws, and
//! `report_text` and `report_json` write the `report`.

mod chart;
mod closed_loop;
mod failures;
mod live;
mod metronome;
mod open_loop;
mod pacer;
mod plan;
mod recorder;
mod report;
mod report_json;
mod report_text;
mod requests;
mod run;
mod schedule;
mod template;
mod worker;

pub(crate) use live::LiveLine;
pub(crate) use plan::{Load, Plan, share};
pub(crate) use report::Report;
pub(crate) use report_json::{JSON_HELP, json};
pub(crate) use report_text::text;
pub(crate) use requests::Requests;
pub(crate) use run::run;
pub(crate) use template::Template;
