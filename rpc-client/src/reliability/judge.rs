//! What the result of an attempt proves, and what the client may do next. This is the table of docs/reliability.md, as
//! pure functions.

use std::time::Duration;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode};
use rpc_core::codes::{Meaning, Proof, RetryRule, is_refusal_status};
use rpc_core::headers::{Faults, RPC_RETRY, Refused};
use rpc_core::{Denial, Effect, ErrorKind, ErrorObject, MethodSpec, Outcome};

use super::retry::{Retry, retry_after};
use crate::error::{Answer, AnswerResult};
use crate::failure::{Failure, FailureKind, LayerFault};
use crate::meta::ResponseMeta;

/// What an attempt proves about its call, and what the client may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgment {
    pub(crate) outcome: Outcome,
    pub(crate) next: RetryDecision,
    /// Whether it was answered under the call's own id.
    pub(crate) of_call: bool,
    /// Whether no handler saw the attempt, so that its answer says nothing about earlier attempts.
    pub(crate) refused: bool,
    /// How long the server asks the client to wait.
    pub(crate) retry_after: Option<RetryAfter>,
}

/// How long a server asks the client to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// About this long, from the header, which may apply to a whole batch.
    About(Duration),
    /// At least this long: the server would refuse this call before that.
    AtLeast(Duration),
}

impl RetryAfter {
    /// Returns how long the server asks to wait.
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::About(asked) | Self::AtLeast(asked) => asked,
        }
    }

    /// Returns the delay, or `None` if it exceeds the policy's limit and an earlier retry would be refused.
    pub(crate) fn pause(self, retry: &Retry) -> Option<Duration> {
        match self {
            Self::About(asked) => Some(asked.min(retry.max_retry_after)),
            Self::AtLeast(asked) => (asked <= retry.max_retry_after).then_some(asked),
        }
    }
}

/// What the client may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Nothing: the call would end the same way, the server forbids a retry, or the call is answered.
    Stop,
    /// Another attempt, if the outcome allows it.
    Retry,
    /// Another attempt, whatever the method's effect: the error declares that it left no effect.
    RetryAny,
    /// Poll again after a delay, any number of times: the call runs under its key.
    Wait,
    /// Another attempt that relies on another store.
    ChangeStore,
    /// Another attempt that does not rely on keys.
    GoWithoutKeys,
    /// Another attempt with a corrected time, made from the time that the store has announced.
    TellTime,
    /// Another attempt with new credentials.
    Renew,
}

impl Judgment {
    /// Returns the judgment for a client with a provider of credentials, when the server did not process the call
    /// because of its credentials.
    pub(crate) fn renewing(self) -> Self {
        Self { outcome: Outcome::Refused, next: RetryDecision::Renew, ..self }
    }
}

/// What a response says about the credentials of its request.
pub(crate) struct UnauthorizedResponse {
    /// Whether its status says that the request was not applied (RFC 9110, section 15.5.2).
    by_status: bool,
    /// Whether it answers some of the calls. Its status then proves nothing about the others.
    has_answers: bool,
    /// Whether it has the header `WWW-Authenticate`.
    has_challenge: bool,
}

impl UnauthorizedResponse {
    pub(crate) fn of(head: &ResponseMeta, answers: &[AnswerResult]) -> Self {
        // A result proves that the request was applied despite the status.
        let has_result = answers.iter().any(|answered| matches!(answered, Ok(Answer::Result(_))));
        Self {
            by_status: head.status == Some(StatusCode::UNAUTHORIZED) && !has_result,
            has_answers: answers
                .iter()
                .any(|answered| answered.as_ref().map_or_else(Failure::is_foreign_error, |_| true)),
            has_challenge: head.headers.contains_key(WWW_AUTHENTICATE),
        }
    }

    /// Returns whether the server did not process a call because of its credentials.
    pub(crate) fn names(&self, answered: &AnswerResult, judgment: Judgment, call: RetryContext<'_>) -> bool {
        let failure = match answered {
            // An error that the method declares is the method's own answer.
            Ok(Answer::Error(error)) => return self.by_status && call.method.errors.find(error.code()).is_none(),
            Ok(_) => return false,
            Err(failure) => failure,
        };
        match failure.kind_of_failure() {
            FailureKind::Status(_) => self.by_status && !self.has_answers,
            FailureKind::ForeignError(_) => self.by_status,
            // For a notification in process, this header is the only sign.
            FailureKind::Refused => self.has_challenge,
            FailureKind::Server(error) => {
                judgment.refused && Denial::from_error_object(error) == Some(Denial::Unauthenticated)
            }
            _ => false,
        }
    }
}

/// Where an answer came from: the headers of its response, and its position in the batch.
#[derive(Clone, Copy)]
pub(crate) struct AnswerSource<'a> {
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) place: usize,
}

impl AnswerSource<'_> {
    fn is_refused(&self) -> bool {
        self.headers.is_some_and(|headers| Refused::of(headers).contains(self.place))
    }

    /// Returns whether an error comes from the server itself, and not from its handler.
    pub(crate) fn is_of_server(&self) -> bool {
        self.headers.is_some_and(|headers| Faults::name(headers, self.place))
    }

    fn forbids_retry(&self) -> bool {
        self.headers.and_then(|headers| headers.get(RPC_RETRY)).is_some_and(|value| value == "no")
    }
}

/// What a judgment depends on, other than the answer.
#[derive(Clone, Copy)]
pub(crate) struct RetryContext<'a> {
    pub(crate) method: &'a MethodSpec,
    /// The effect of repeating the call. A call can declare another effect than its method.
    pub(crate) effect: Effect,
    /// Whether the call relies on a key, or would rely on one if the server had announced its store.
    pub(crate) relies: bool,
    pub(crate) retry: &'a Retry,
}

/// Judges the result of an attempt.
pub(crate) fn judge(answered: &AnswerResult, source: AnswerSource<'_>, call: RetryContext<'_>) -> Judgment {
    let of_call = matches!(answered, Ok(Answer::Result(_) | Answer::Error(_)));
    let (outcome, next) = match answered {
        Ok(Answer::Result(_)) => {
            let (outcome, next) = (Outcome::Executed, RetryDecision::Stop);
            return Judgment { outcome, next, of_call, refused: false, retry_after: None };
        }
        Ok(Answer::Error(error) | Answer::OfRequest(error)) => {
            let retryable = of_call && call.method.errors.find(error.code()).is_some_and(|spec| spec.retryable);
            (Outcome::Executed, if retryable { RetryDecision::RetryAny } else { RetryDecision::Stop })
        }
        Err(failure) => judge_failure(failure, &source, call),
    };
    let next = if source.forbids_retry() { RetryDecision::Stop } else { next };
    let of_entry = answered.as_ref().err().and_then(retry_after_of).map(RetryAfter::AtLeast);
    let of_headers = || source.headers.and_then(retry_after).map(RetryAfter::About);
    Judgment { outcome, next, of_call, refused: source.is_refused(), retry_after: of_entry.or_else(of_headers) }
}

/// Reads the delay from the error of a rate-limited call. The header applies to a whole batch, and only in whole
/// seconds.
fn retry_after_of(failure: &Failure) -> Option<Duration> {
    if failure.kind() != ErrorKind::RateLimited {
        return None;
    }
    failure.error_object()?.retry_after()
}

fn judge_failure(failure: &Failure, source: &AnswerSource<'_>, call: RetryContext<'_>) -> (Outcome, RetryDecision) {
    let refused = source.is_refused() && failure.status().is_none_or(is_refusal_status);
    let given = failure.given_outcome();
    let did_not_run = refused || matches!(given, Some(Outcome::NotSent | Outcome::Refused));
    let (outcome, next) = match failure.kind_of_failure() {
        FailureKind::Server(error) => judge_code(error, call.effect, did_not_run),
        FailureKind::Status(http) => judge_status(http.status, refused, call),
        FailureKind::Connect(_)
        | FailureKind::Unsent
        | FailureKind::Refused
        | FailureKind::Expired
        | FailureKind::Credentials
        | FailureKind::Timeout(_)
        | FailureKind::Layer(LayerFault::TimedOut | LayerFault::Overloaded)
        | FailureKind::Transport
        | FailureKind::Protocol(_) => (failure.outcome(), RetryDecision::Retry),
        FailureKind::Builder(_)
        | FailureKind::NoEndpoint
        | FailureKind::NoTicket(_)
        | FailureKind::Encode
        | FailureKind::Throttled
        | FailureKind::CircuitOpen
        | FailureKind::AnswerTooLarge(_)
        | FailureKind::Decode
        | FailureKind::ForeignError(_)
        | FailureKind::Layer(_) => (failure.outcome(), RetryDecision::Stop),
    };
    (if refused { Outcome::Refused } else { given.unwrap_or(outcome) }, next)
}

/// Judges one of the framework's own codes by the table of codes. Without the header `Rpc-Refused`, a code proves no
/// refusal, since a handler may have relayed it from another server.
fn judge_code(error: &ErrorObject, effect: Effect, refused: bool) -> (Outcome, RetryDecision) {
    let Meaning { proof, retry, .. } = error.meaning();
    let next = match retry {
        RetryRule::Later => RetryDecision::Retry,
        RetryRule::IfHarmless if refused || effect != Effect::Once => RetryDecision::Retry,
        RetryRule::Wait => RetryDecision::Wait,
        RetryRule::OtherStore if refused => RetryDecision::ChangeStore,
        RetryRule::WithoutKeys if refused => RetryDecision::GoWithoutKeys,
        RetryRule::ByStoreTime if refused => RetryDecision::TellTime,
        _ => RetryDecision::Stop,
    };
    (if proof == Proof::Ran { Outcome::Executed } else { Outcome::Unknown }, next)
}

fn judge_status(status: StatusCode, refused: bool, call: RetryContext<'_>) -> (Outcome, RetryDecision) {
    match status {
        // Servers are expected to send 429 before they process a request. A call that is safe to retry without this
        // proof does not rely on it.
        StatusCode::TOO_MANY_REQUESTS if call.effect == Effect::Once && !call.relies => {
            (Outcome::Refused, RetryDecision::Retry)
        }
        StatusCode::SERVICE_UNAVAILABLE if call.retry.bare_503_is_refusal => (Outcome::Refused, RetryDecision::Retry),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => (Outcome::Unknown, RetryDecision::Retry),
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => (Outcome::Unknown, RetryDecision::Stop),
        status if status.is_server_error() => (Outcome::Unknown, RetryDecision::Retry),
        // The body did not arrive completely.
        StatusCode::BAD_REQUEST if refused => (Outcome::Refused, RetryDecision::Retry),
        // An invalid request stays invalid.
        _ => (if refused { Outcome::Refused } else { Outcome::Unknown }, RetryDecision::Stop),
    }
}
