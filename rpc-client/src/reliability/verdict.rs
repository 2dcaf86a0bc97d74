//! What the result of an attempt says about its endpoint, for the circuit breaker and the balancer. This is the table
//! of [`CircuitBreaker`](crate::CircuitBreaker).

use http::StatusCode;
use rpc_core::{ErrorCode, ErrorKind, Outcome};

use super::judge::{Judgment, RetryDecision};
use crate::breaker::Verdict;
use crate::error::{Answer, AnswerResult};
use crate::failure::{Failure, FailureKind};

/// Returns what the result of one entry says about its endpoint.
pub(crate) fn verdict(answered: &AnswerResult, judgment: Judgment) -> Verdict {
    match answered {
        // A bug in a method, or one bad request.
        Ok(Answer::Error(error) | Answer::OfRequest(error)) if error.code() == ErrorCode::INTERNAL_ERROR => {
            Verdict::RateFailure
        }
        Ok(_) => Verdict::Success,
        Err(failure) => of_failure(failure, judgment),
    }
}

fn of_failure(failure: &Failure, judgment: Judgment) -> Verdict {
    if matches!(judgment.next, RetryDecision::Wait | RetryDecision::Renew) {
        return Verdict::Ignored;
    }
    match (failure.kind_of_failure(), judgment.outcome) {
        (kind, _) if kind.is_of_client() => Verdict::Ignored,
        (_, Outcome::Executed) => Verdict::Success,
        (FailureKind::Status(http), _) if http.status == StatusCode::TOO_MANY_REQUESTS => Verdict::RateFailure,
        // A wrong address looks like this, and so does a server whose routes are not there.
        (FailureKind::Status(http), _) if http.status == StatusCode::NOT_FOUND => Verdict::RateFailure,
        (FailureKind::Status(http), _)
            if http.status.is_client_error() && http.status != StatusCode::REQUEST_TIMEOUT =>
        {
            Verdict::Ignored
        }
        (_, Outcome::Refused) => match failure.kind() {
            ErrorKind::Unavailable | ErrorKind::RateLimited => Verdict::RateFailure,
            // The caller is at fault, and each endpoint would say the same.
            _ => Verdict::Ignored,
        },
        _ => Verdict::Failure,
    }
}

/// Returns whether a server accepted one entry, for the throttle. Returns `None` if the result says nothing about that.
/// This is the table of [`Throttle`](crate::Throttle).
pub(crate) fn acceptance(answered: &AnswerResult, judgment: Judgment) -> Option<bool> {
    let is_429 = |failure: &Failure| failure.status() == Some(StatusCode::TOO_MANY_REQUESTS);
    // A call that can be repeated does not rely on 429 as a proof, but the server is no less overloaded.
    if answered.as_ref().is_err_and(is_429) {
        return Some(false);
    }
    match judgment.outcome {
        Outcome::NotSent | Outcome::Refused if verdict(answered, judgment) == Verdict::Ignored => None,
        Outcome::NotSent | Outcome::Refused => Some(false),
        _ => Some(true),
    }
}

/// Returns what the results of a request's entries say about its endpoint. An answer to one of them proves that the
/// endpoint answers.
pub(crate) fn of_request(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    const ORDER: [Verdict; 4] = [Verdict::Ignored, Verdict::RateFailure, Verdict::Failure, Verdict::Success];
    let rank = |verdict: &Verdict| ORDER.iter().position(|other| other == verdict);
    verdicts.max_by_key(rank).unwrap_or(Verdict::Ignored)
}

#[cfg(test)]
mod tests {
    use super::{Verdict, of_request};

    #[test]
    fn one_answer_proves_that_the_endpoint_answers_a_batch() {
        let of = |verdicts: &[Verdict]| of_request(verdicts.iter().copied());
        assert_eq!(of(&[Verdict::Failure, Verdict::Success, Verdict::RateFailure]), Verdict::Success);
        assert_eq!(of(&[Verdict::RateFailure, Verdict::Failure, Verdict::Ignored]), Verdict::Failure);
        assert_eq!(of(&[Verdict::Ignored, Verdict::RateFailure]), Verdict::RateFailure);
        assert_eq!(of(&[Verdict::Ignored]), Verdict::Ignored);
    }
}
