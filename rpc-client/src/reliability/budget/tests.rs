use std::time::Duration;

use proptest::prelude::{Strategy, any, prop};
use proptest::{prop_assert, proptest};
use tokio::time::{Instant, advance};

use super::RetryBudget;

fn drain(budget: &RetryBudget) -> usize {
    (0..1_000_000).take_while(|_| budget.withdraw(1, Instant::now())).count()
}

#[tokio::test(start_paused = true)]
async fn a_fifth_of_the_calls_may_go_again() {
    let budget = RetryBudget::default();
    budget.deposit(1000, Instant::now());
    assert_eq!(drain(&budget), 200);
    budget.deposit(9, Instant::now());
    assert_eq!(drain(&budget), 1);
}

#[tokio::test(start_paused = true)]
async fn who_calls_seldom_may_still_retry() {
    let budget = RetryBudget::default();
    assert_eq!(drain(&budget), 3);
    advance(Duration::from_secs(10)).await;
    budget.deposit(1, Instant::now());
    assert_eq!(drain(&budget), 3);
}

#[tokio::test(start_paused = true)]
async fn calls_and_retries_are_forgotten_after_ten_seconds() {
    let budget = RetryBudget::new(0.5, 0);
    budget.deposit(100, Instant::now());
    advance(Duration::from_secs(9)).await;
    assert_eq!(drain(&budget), 50);
    advance(Duration::from_secs(1)).await;
    assert_eq!(drain(&budget), 0);
    budget.deposit(100, Instant::now());
    // The fifty retries of a second ago still count.
    assert_eq!(drain(&budget), 0);
    advance(Duration::from_secs(9)).await;
    assert_eq!(drain(&budget), 50);
}

#[tokio::test(start_paused = true)]
async fn clones_share_one_budget() {
    let budget = RetryBudget::new(0.0, 4);
    let clone = budget.clone();
    assert!(budget.withdraw(1, Instant::now()) && clone.withdraw(1, Instant::now()));
    assert_eq!((drain(&clone), drain(&budget)), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_budget_has_no_end() {
    let budget = RetryBudget::unlimited();
    assert!((0..10_000).all(|_| budget.withdraw(1, Instant::now())));
}

/// What happens next: a pause, calls, or as many retries as there is budget for.
#[derive(Clone, Debug)]
enum Step {
    Pause(Duration),
    Calls(usize),
    Retry(usize),
}

fn step() -> impl Strategy<Value = Step> {
    (0..3, any::<u16>()).prop_map(|(kind, number)| match kind {
        0 => Step::Pause(Duration::from_millis(u64::from(number) / 8)),
        1 => Step::Calls(usize::from(number) % 500),
        _ => Step::Retry(usize::from(number) % 200),
    })
}

proptest! {
    #[test]
    fn over_any_ten_seconds_retries_stay_within_the_ratio_of_calls_or_the_floor(
        ratio in 0.0..2.0_f64,
        floor in 0..20_u32,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let budget = RetryBudget::new(ratio, floor);
            let start = Instant::now();
            let second = || start.elapsed().as_secs();
            let (mut calls, mut retries) = (Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Pause(pause) => advance(pause).await,
                    Step::Calls(count) => {
                        budget.deposit(count, Instant::now());
                        calls.push((second(), count));
                    }
                    Step::Retry(count) => {
                        let made = (0..count).take_while(|_| budget.withdraw(1, Instant::now())).count();
                        retries.push((second(), made));
                        // The ten seconds that the budget knows of: this one, and the nine before.
                        let recent = |counted: &[(u64, usize)]| -> usize {
                            counted.iter().filter(|(at, _)| at + 10 > second()).map(|(_, count)| count).sum()
                        };
                        let (called, again) = (recent(&calls), recent(&retries));
                        let allowed = (called as f64 * ratio).max(f64::from(floor));
                        prop_assert!(made == 0 || again as f64 <= allowed, "{again} of {called}");
                        // And no retry is refused that there was room for.
                        prop_assert!(made == count || again as f64 + 1.0 > allowed, "{again} of {called}");
                    }
                }
            }
            Ok(())
        })?;
    }
}
