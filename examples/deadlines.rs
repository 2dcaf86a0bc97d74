//! A deadline that travels through two services. The second service gets the remaining time and stops when it is over.
//! A call without time left is not sent.
//!
//! Run with: cargo run --example deadlines

use std::time::Duration;

use rpc::{Client, Context, ErrorObject, Outcome, Retry, Server};
use tokio::time::{Instant, sleep};

/// A search over several shelves.
#[rpc::service(namespace = "shelf")]
trait Shelf {
    /// Searches a shelf, slowly. The method is readonly, so the server drops the handler at the deadline.
    #[rpc(readonly)]
    async fn search(&self, #[rpc(context)] cx: &Context, word: String) -> String;
    /// Sorts a shelf. The server does not drop the handler at the deadline. The handler stops between two books when
    /// its caller has left.
    async fn sort(&self, #[rpc(context)] cx: &Context, books: u32) -> u32;
}

struct Slow;

impl Shelf for Slow {
    async fn search(&self, cx: &Context, word: String) -> String {
        println!("    shelf: {:?} left to look for {word:?}", cx.remaining().expect("the caller says"));
        sleep(Duration::from_secs(10)).await;
        unreachable!("it was dropped")
    }
    async fn sort(&self, cx: &Context, books: u32) -> u32 {
        for book in 0..books {
            if cx.is_cancelled() {
                println!("    shelf: nobody waits any longer, stopping after {book} books");
                return book;
            }
            sleep(Duration::from_millis(20)).await;
        }
        books
    }
}

/// The front desk, which calls the shelf.
#[rpc::service(namespace = "desk")]
trait Desk {
    #[rpc(readonly)]
    async fn find(&self, word: String) -> Result<String, ErrorObject>;
}

struct Librarian(ShelfClient);

impl Desk for Librarian {
    async fn find(&self, word: String) -> Result<String, ErrorObject> {
        // No deadline is set here: the call inherits the remaining time of this handler's own call.
        self.0.search(word).await.map_err(|error| ErrorObject::new(1, error.to_string()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shelf = Server::builder().service(ShelfServer::new(Slow)).build().bind("127.0.0.1:0").await?.spawn();
    // Retries multiply where services call services. These clients never retry, so each line is printed once.
    let client = |addr| Client::builder().endpoint(format!("http://{addr}")).retry(Retry::never()).build();
    let shelves = ShelfClient::new(client(shelf.local_addr())?);
    let desk = Server::builder().service(DeskServer::new(Librarian(shelves.clone()))).build();
    let desk = desk.bind("127.0.0.1:0").await?.spawn();
    let desks = DeskClient::new(client(desk.local_addr())?);

    println!("finding a book, with 300 ms for all of it:");
    let begun = Instant::now();
    let error = desks.find("tokio").deadline(Duration::from_millis(300)).await.expect_err("the shelf takes too long");
    println!("  after {:?}: {error}", begun.elapsed());

    println!("sorting a thousand books, with 100 ms:");
    let error = shelves.sort(1000).deadline(Duration::from_millis(100)).await.expect_err("there is not enough time");
    println!("  {error}, outcome {:?}", error.outcome());
    assert_eq!(error.outcome(), Outcome::Unknown);

    println!("sorting with no time at all:");
    let error = shelves.sort(1000).deadline(Duration::ZERO).await.expect_err("there is none");
    println!("  {error}, outcome {:?}", error.outcome());
    assert_eq!(error.outcome(), Outcome::NotSent);

    // The server waits for handlers that still run after their callers have left, so no work ends half done.
    desk.shutdown().await;
    shelf.shutdown().await;
    Ok(())
}
