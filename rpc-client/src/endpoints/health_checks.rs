//! [`HealthChecks`]: the task that checks the endpoints of a client.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable, Either, select};
use futures_util::stream::FuturesUnordered;
use rpc_core::BoxFuture;
use tokio::sync::Semaphore;

use super::attempt::EndpointAttempt;
use super::background::BackgroundTask;
use super::checker::HealthChecker;
use super::live::LiveEndpoints;
use super::pick::Pick;
use super::set::EndpointSet;
use super::state::EndpointState;
use crate::breaker::Verdict;
use crate::health_check::CheckResult;
use crate::runtime::{Instant, sleep_until};

/// Checks the endpoints of a client. When it is dropped, its task ends.
pub(super) struct HealthChecks {
    checker: Arc<HealthChecker>,
    live: Weak<LiveEndpoints>,
    task: BackgroundTask,
}

/// How many checks of a client run at a time. The timeouts of more than these would delay the others.
const AT_A_TIME: usize = 32;

impl HealthChecks {
    pub(super) fn new(checker: HealthChecker, live: &Arc<LiveEndpoints>) -> Self {
        Self { checker: Arc::new(checker), live: Arc::downgrade(live), task: BackgroundTask::default() }
    }

    /// Starts the task, unless it runs already or there is no runtime here.
    #[inline]
    pub(super) fn start(&self) {
        self.task.start(|| run(Arc::clone(&self.checker), Weak::clone(&self.live)));
    }
}

/// Checks the endpoints of the current set until the client is gone.
async fn run(checker: Arc<HealthChecker>, live: Weak<LiveEndpoints>) {
    let Some(mut changes) = live.upgrade().map(|live| live.subscribe()) else { return };
    let mut checks = RunningChecks::new(checker, Weak::clone(&live));
    loop {
        let Some(set) = live.upgrade().map(|live| Arc::clone(&live.set())) else { return };
        checks.update(set);
        let change = pin!(changes.changed());
        if let Either::Left((Err(_), _)) = select(change, pin!(checks.run())).await {
            return;
        }
    }
}

/// The endpoints that are checked, each by a future of its own.
struct RunningChecks {
    checker: Arc<HealthChecker>,
    live: Weak<LiveEndpoints>,
    turns: Arc<Semaphore>,
    /// The set with these endpoints.
    set: Option<Arc<EndpointSet>>,
    /// What ends the checks of each endpoint, by the address of its state in memory. The future keeps the state, so
    /// that no other state gets the address.
    handles: HashMap<usize, AbortHandle>,
    running: FuturesUnordered<Abortable<BoxFuture<()>>>,
}

impl RunningChecks {
    fn new(checker: Arc<HealthChecker>, live: Weak<LiveEndpoints>) -> Self {
        Self {
            checker,
            live,
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
            set: None,
            handles: HashMap::new(),
            running: FuturesUnordered::new(),
        }
    }

    /// Begins to check the endpoints that are new in this set, and ends the checks of those that it does not have.
    fn update(&mut self, set: Arc<EndpointSet>) {
        // Most changes are changes of circuits.
        if self.set.as_ref().is_some_and(|current| Arc::ptr_eq(current, &set)) {
            return;
        }
        let address = |endpoint: &Arc<EndpointState>| Arc::as_ptr(endpoint).addr();
        let present: HashSet<usize> = set.all().iter().map(address).collect();
        self.handles.retain(|address, handle| {
            let is_present = present.contains(address);
            if !is_present {
                handle.abort();
            }
            is_present
        });
        for endpoint in set.all() {
            self.handles.entry(address(endpoint)).or_insert_with(|| {
                let (handle, registration) = AbortHandle::new_pair();
                let (live, turns) = (Weak::clone(&self.live), Arc::clone(&self.turns));
                let checks = check_at_intervals(Arc::clone(&self.checker), live, Arc::clone(endpoint), turns);
                self.running.push(Abortable::new(Box::pin(checks), registration));
                handle
            });
        }
        self.set = Some(set);
    }

    /// Runs the checks. It never ends.
    async fn run(&mut self) {
        // Without an endpoint, there is nothing to wait for except a new set.
        poll_fn(|cx| {
            loop {
                match self.running.poll_next_unpin(cx) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

async fn check_at_intervals(
    checker: Arc<HealthChecker>,
    live: Weak<LiveEndpoints>,
    endpoint: Arc<EndpointState>,
    turns: Arc<Semaphore>,
) {
    let mut due = Instant::now() + checker.plan.first_delay(rand::random());
    loop {
        sleep_until(due).await;
        let Ok(_turn) = turns.acquire().await else { return };
        let begun = Instant::now();
        let Some(test) = live.upgrade().map(|live| begin_test(&live, &endpoint, begun)) else { return };
        // Most of the time, an endpoint waits for its next check. So the check has memory of its own.
        let result = Box::pin(checker.check(&endpoint)).await;
        let Some(live) = live.upgrade() else { return };
        end(&checker, &live, &endpoint, test, &result);
        due = begun + checker.plan.next_delay(rand::random());
    }
}

/// Lets a check test the endpoint, if its circuit has a test due.
fn begin_test(live: &Arc<LiveEndpoints>, endpoint: &Arc<EndpointState>, now: Instant) -> Option<EndpointAttempt> {
    let permit = live.test(endpoint, now, &Pick::first(now))?;
    Some(EndpointAttempt::test(live, Arc::clone(endpoint), permit))
}

fn end(
    checker: &HealthChecker,
    live: &LiveEndpoints,
    endpoint: &EndpointState,
    test: Option<EndpointAttempt>,
    result: &CheckResult,
) {
    let (has_passed, error) = match result {
        CheckResult::Passed => (true, None),
        CheckResult::Failed(error) => (false, Some(error.as_str())),
        // A test that is dropped ends without a result.
        CheckResult::Ignored => return,
    };
    if let Some(test) = test {
        let verdict = match has_passed {
            true => Verdict::Success,
            false if live.set().has_healthy() => Verdict::Failure,
            // Only calls tell then whether calls fail. Failed checks would keep all circuits open for ever.
            false => Verdict::Ignored,
        };
        test.end_check(verdict, Instant::now());
    }
    if let Some(health) = endpoint.health.as_ref().and_then(|health| health.record(has_passed, &checker.plan)) {
        live.health_changed(endpoint, health, error);
    }
}

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthChecks").field("plan", &self.checker.plan).finish_non_exhaustive()
    }
}
