//! [`Response`]: the answers to all entries of a request, as layers see them.

use super::answer::EntryAnswer;

/// The answers to a [`Request`](super::Request): one for each of its entries, in their order.
#[derive(Clone, Debug)]
pub struct Response(Vec<EntryAnswer>);

impl Response {
    /// Makes a response from one answer for each entry of the request. If the number differs, the calls fail.
    ///
    /// [`Request::answer_each`](super::Request::answer_each) calls a function for each entry.
    pub fn new(answers: impl IntoIterator<Item = EntryAnswer>) -> Self {
        Self(answers.into_iter().collect())
    }

    /// Returns the answers. A single call has one answer.
    pub fn answers(&self) -> &[EntryAnswer] {
        &self.0
    }

    /// Returns the answers to change them.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::client_middleware::{EntryAnswer, Next, Request, from_fn};
    /// use rpc::{Client, ErrorKind, Failure, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Servers of an older version have no method `user.count`.
    /// let server = Server::builder().method("user.list", || async { ["ada"] }).build();
    /// let default = from_fn(|request: Request, next: Next| async move {
    ///     let mut response = next.run(request).await?;
    ///     for answer in response.answers_mut() {
    ///         if answer.error_kind() == Some(ErrorKind::NotFound) {
    ///             *answer = EntryAnswer::result(&0);
    ///         }
    ///     }
    ///     Ok::<_, Failure>(response)
    /// });
    /// let client = Client::builder().in_process(&server).layer(default).build()?;
    /// assert_eq!(client.call::<u64>("user.count", ()).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn answers_mut(&mut self) -> &mut [EntryAnswer] {
        &mut self.0
    }

    /// Returns the answers by value.
    pub fn into_answers(self) -> Vec<EntryAnswer> {
        self.0
    }
}
