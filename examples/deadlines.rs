//! A deadline that travels through two services: the second one learns what is left, stops in time, and work that
//! nobody waits for is not begun.
//!
//! Run with: cargo run --example deadlines

use std::time::Duration;

use rpc::{Client, Context, ErrorObject, Outcome, Retry, Server};
use tokio::time::{Instant, sleep};

/// A search over several shelves.
#[rpc::service(namespace = "shelf")]
trait Shelf {
    /// Looks through a shelf, which takes its time. It has no effect, so it is dropped when time is up.
    #[rpc(readonly)]
    async fn search(&self, #[rpc(context)] cx: &Context, word: String) -> String;
    /// Sorts a shelf. It is never left half sorted, but it stops between two books when nobody waits any longer.
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

/// The front desk, which asks the shelf.
#[rpc::service(namespace = "desk")]
trait Desk {
    #[rpc(readonly)]
    async fn find(&self, word: String) -> Result<String, ErrorObject>;
}

struct Librarian(ShelfClient);

impl Desk for Librarian {
    async fn find(&self, word: String) -> Result<String, ErrorObject> {
        // No word of a deadline here: the call inherits what is left of this one's.
        self.0.search(word).await.map_err(|error| ErrorObject::new(1, error.to_string()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shelf = Server::builder().service(ShelfServer::new(Slow)).build().bind("127.0.0.1:0").await?.spawn();
    // Where services call services, retries multiply. Here nobody makes any, so that each line is printed once.
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

    // What still runs for nobody is waited for, so that nothing is left half done.
    desk.shutdown().await;
    shelf.shutdown().await;
    Ok(())
}
