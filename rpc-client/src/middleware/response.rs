//! [`Response`]: the answers to all entries of a request, as layers see them.

use super::answer::EntryAnswer;

/// What came of a [`Request`](super::Request): an answer for each of its entries, in their order.
#[derive(Clone, Debug)]
pub struct Response(Vec<EntryAnswer>);

impl Response {
    /// Makes a response of an answer for each entry of the request. If their number differs, the calls fail.
    ///
    /// [`Request::answer_each`](super::Request::answer_each) asks for each of them.
    pub fn new(answers: impl IntoIterator<Item = EntryAnswer>) -> Self {
        Self(answers.into_iter().collect())
    }

    /// Returns the answers. That of a single call is the first one.
    pub fn answers(&self) -> &[EntryAnswer] {
        &self.0
    }

    /// Returns the answers to change them.
    pub fn answers_mut(&mut self) -> &mut [EntryAnswer] {
        &mut self.0
    }

    /// Takes the answers apart.
    pub fn into_answers(self) -> Vec<EntryAnswer> {
        self.0
    }
}
