/// The description of a method that answers with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StreamSpec {
    /// Whether its items have cursors, and its last parameter is the cursor after which the stream begins.
    pub resume: bool,
    /// What happens to items that the client does not read in time.
    pub lag: Lag,
    /// The method of the older subscription form that opens the stream, such as `eth_subscribe`.
    pub subscribe: Option<&'static str>,
    /// The first parameter that selects this method among those with the same `subscribe`.
    pub topic: Option<&'static str>,
    /// The method of the older subscription form that ends the stream, such as `eth_unsubscribe`.
    pub unsubscribe: Option<&'static str>,
}

impl StreamSpec {
    /// Describes a stream that clients cannot resume, and that waits for slow clients.
    pub const fn new() -> Self {
        Self { resume: false, lag: Lag::Wait, subscribe: None, topic: None, unsubscribe: None }
    }

    /// Declares that clients can resume the stream by cursor.
    #[must_use]
    pub const fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Sets what happens to items that the client does not read in time.
    #[must_use]
    pub const fn lag(mut self, lag: Lag) -> Self {
        self.lag = lag;
        self
    }

    /// Sets the method of the older subscription form that opens the stream.
    #[must_use]
    pub const fn subscribe(mut self, name: &'static str) -> Self {
        self.subscribe = Some(name);
        self
    }

    /// Sets the first parameter that selects this method among those with the same `subscribe`.
    #[must_use]
    pub const fn topic(mut self, topic: &'static str) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Sets the method of the older subscription form that ends the stream.
    #[must_use]
    pub const fn unsubscribe(mut self, name: &'static str) -> Self {
        self.unsubscribe = Some(name);
        self
    }
}

/// What happens to the items of a stream that its client does not read in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lag {
    /// The stream waits: it is asked for its next item when there is room for it.
    #[default]
    Wait,
    /// The newest item replaces the one that waits. The client is told how many were dropped.
    Latest,
    /// Up to this many items wait, and the oldest is dropped for a new one. The client is told how many were dropped.
    DropOldest(usize),
    /// The stream ends with an error.
    End,
}
