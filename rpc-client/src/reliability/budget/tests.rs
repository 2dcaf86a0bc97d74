use std::time::Duration;

use proptest::prelude::{Strategy, any, prop};
use proptest::{prop_assert, proptest};
use tokio::time::{Instant, advance};

use super::RetryBudget;

/// Longer than any wait for the pace.
const PATIENT: Duration = Duration::from_secs(3600);

/// Takes retries one by one until none are left, and returns how long each waits.
fn drain(budget: &RetryBudget, longest: Duration) -> Vec<Duration> {
    let mut waits = Vec::new();
    while waits.len() < 1_000_000
        && let Some(wait) = budget.withdraw(1, Instant::now(), longest)
    {
        waits.push(wait);
    }
    waits
}

fn count(budget: &RetryBudget) -> usize {
    drain(budget, PATIENT).len()
}

/// A budget that only successes refill.
fn timeless(reserve: u32) -> RetryBudget {
    RetryBudget::new(reserve).refill_every(Duration::MAX)
}

#[tokio::test(start_paused = true)]
async fn the_reserve_starts_full_and_is_spent_once() {
    let budget = timeless(100);
    assert_eq!(count(&budget), 100);
    advance(Duration::from_secs(3600)).await;
    assert_eq!(count(&budget), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_of_retries_comes_at_once_and_the_others_wait_for_their_turn() {
    let waits = drain(&RetryBudget::default(), PATIENT);
    let millis: Vec<_> = waits.iter().map(Duration::as_millis).collect();
    assert!(millis[..10].iter().all(|wait| *wait == 0), "{millis:?}");
    assert_eq!(millis[10..13], [100, 200, 300]);
    assert_eq!(millis.last(), Some(&9000));
    assert_eq!(millis.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_retry_whose_turn_comes_too_late_takes_nothing() {
    let budget = timeless(100);
    assert_eq!(drain(&budget, Duration::ZERO).len(), 10);
    assert_eq!(drain(&budget, Duration::from_millis(250)).len(), 2);
    assert_eq!(count(&budget), 88);
}

#[tokio::test(start_paused = true)]
async fn the_retries_of_a_batch_are_taken_together_or_not_at_all() {
    let budget = timeless(30);
    assert_eq!(budget.withdraw(31, Instant::now(), PATIENT), None);
    assert_eq!(budget.withdraw(30, Instant::now(), PATIENT), Some(Duration::from_secs(2)));
    assert_eq!(budget.withdraw(1, Instant::now(), PATIENT), None);
}

#[tokio::test(start_paused = true)]
async fn five_answered_calls_add_a_retry_up_to_the_size_of_the_reserve() {
    let budget = timeless(100);
    count(&budget);
    budget.deposit(4);
    assert_eq!(count(&budget), 0);
    budget.deposit(1);
    assert_eq!(count(&budget), 1);
    budget.deposit(1_000_000);
    assert_eq!(count(&budget), 100);
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_calls_mostly_succeed_retries_a_fifth_of_them_without_waiting() {
    let budget = RetryBudget::default();
    for _ in 0..1000 {
        budget.deposit(50);
        for _ in 0..10 {
            assert_eq!(budget.withdraw(1, Instant::now(), PATIENT), Some(Duration::ZERO));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn time_adds_a_retry_each_ten_seconds() {
    let budget = RetryBudget::default();
    count(&budget);
    advance(Duration::from_millis(9_999)).await;
    assert_eq!(count(&budget), 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(count(&budget), 1);
    advance(Duration::from_secs(3600)).await;
    assert_eq!(count(&budget), 100);
}

#[tokio::test(start_paused = true)]
async fn clones_share_one_budget() {
    let budget = timeless(4);
    let clone = budget.clone();
    assert!([&budget, &clone].iter().all(|one| one.withdraw(1, Instant::now(), PATIENT).is_some()));
    assert_eq!((count(&clone), count(&budget)), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_budget_has_no_end() {
    let budget = RetryBudget::unlimited();
    assert!((0..10_000).all(|_| budget.withdraw(1, Instant::now(), Duration::ZERO).is_some()));
}

#[tokio::test(start_paused = true)]
async fn odd_terms_neither_panic_nor_unbind_the_reserve() {
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, f64::MAX, f64::MIN_POSITIVE] {
        let budget = RetryBudget::new(5).per_second(odd).per_success(odd).refill_every(Duration::ZERO);
        assert!(count(&budget) <= 5, "{odd}");
        budget.deposit(usize::MAX);
        advance(Duration::from_secs(1 << 32)).await;
        assert!(count(&budget) <= 5, "{odd}");
    }
}

/// The next step: a pause, answered calls, or up to this many retries if the budget allows them.
#[derive(Clone, Debug)]
enum Step {
    Pause(Duration),
    Answered(usize),
    Retry(usize),
}

fn step() -> impl Strategy<Value = Step> {
    (0..3, any::<u16>()).prop_map(|(kind, number)| match kind {
        0 => Step::Pause(Duration::from_millis(u64::from(number) / 8)),
        1 => Step::Answered(usize::from(number) % 500),
        _ => Step::Retry(usize::from(number) % 200),
    })
}

proptest! {
    #[test]
    fn retries_never_exceed_what_the_reserve_held_and_what_was_added(
        reserve in 0..200_u32,
        per_success in 0.0..1.0_f64,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let budget = RetryBudget::new(reserve).per_success(per_success);
            let start = Instant::now();
            let (mut answered, mut turns) = (0, Vec::new());
            for step in steps {
                match step {
                    Step::Pause(pause) => advance(pause).await,
                    Step::Answered(count) => {
                        budget.deposit(count);
                        answered += count;
                    }
                    Step::Retry(count) => {
                        let waits = (0..count).map_while(|_| budget.withdraw(1, Instant::now(), PATIENT));
                        turns.extend(waits.map(|wait| start.elapsed() + wait));
                    }
                }
                let (time, earned) = (start.elapsed().as_secs_f64(), answered as f64 * per_success);
                let allowed = f64::from(reserve) + earned + time / 10.0 + 1e-3;
                prop_assert!(turns.len() as f64 <= allowed, "{} retries, {allowed} allowed", turns.len());
                // At first the retries of one second, then that number per second.
                let by_now = turns.iter().filter(|turn| **turn <= start.elapsed()).count();
                let paced = 10.0 + time * 10.0 + earned + 1e-3;
                prop_assert!(by_now as f64 <= paced, "{by_now} retries after {time} s, {paced} allowed");
            }
            Ok(())
        })?;
    }
}
