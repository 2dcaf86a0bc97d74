//! A service that describes itself: an OpenRPC document, kept under version control and served to other programs.
//!
//! Run with: cargo run --example openrpc --features openrpc (after a change of the service, with BLESS=1)

use rpc::openrpc::{Info, assert_contract};
use rpc::schemars::JsonSchema;
use rpc::{Client, RpcError, Server};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A book, as the library knows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
struct Book {
    isbn: String,
    title: String,
    /// Where it stands, unless it is lent.
    shelf: Option<u32>,
}

/// All of this is the params object: `{"text": "rust", "limit": 5}`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
struct Search {
    /// What the title contains.
    text: String,
    #[serde(default = "ten")]
    limit: usize,
}

fn ten() -> usize {
    10
}

#[derive(Debug, thiserror::Error, RpcError)]
#[rpc(openrpc)]
enum LibraryError {
    #[error("book {isbn} is lent already")]
    #[rpc(code = 1001)]
    Lent { isbn: String },
}

/// The books of a library.
#[rpc::service(namespace = "book", openrpc)]
trait Library {
    /// Finds books by their titles.
    ///
    /// The shortest titles come first.
    #[rpc(readonly, params)]
    async fn search(&self, search: Search) -> Vec<Book>;

    /// Lends a book.
    async fn lend(&self, isbn: String, #[rpc(default = 14)] days: u32) -> Result<Book, LibraryError>;

    /// Counts the words of all books, which takes a while.
    #[rpc(readonly, blocking, timeout = "10s")]
    fn words(&self) -> u64;
}

struct Shelves(Vec<Book>);

impl Library for Shelves {
    async fn search(&self, Search { text, limit }: Search) -> Vec<Book> {
        self.0.iter().filter(|book| book.title.contains(&text)).take(limit).cloned().collect()
    }
    async fn lend(&self, isbn: String, _days: u32) -> Result<Book, LibraryError> {
        let book = self.0.iter().find(|book| book.isbn == isbn && book.shelf.is_some());
        book.cloned().ok_or(LibraryError::Lent { isbn })
    }
    fn words(&self) -> u64 {
        self.0.iter().map(|book| book.title.split(' ').count() as u64).sum()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let book = Book { isbn: "1".to_owned(), title: "The Rust Programming Language".to_owned(), shelf: Some(3) };
    let info = Info::new("Library", "1.0.0").description("Finds books and lends them.");
    let server = Server::builder().service(LibraryServer::new(Shelves(vec![book]))).openrpc(info).build();

    // Where the service has changed and the file has not, this panics and shows the lines that differ.
    let document = server.openrpc().ok_or("was asked for above")?;
    assert_contract(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/openrpc.json"), document);

    // Other programs get the document from the server, by this method or at GET /openrpc.json.
    let client = Client::in_process(&server);
    let told: Value = client.call("rpc.discover", ()).await?;
    assert_eq!(&told, document.as_value());
    let search = told["methods"].as_array().and_then(|methods| methods.iter().find(|m| m["name"] == "book.search"));
    println!("{:#}", search.ok_or("is described")?);

    // The document describes the JSON on the wire.
    let found: Vec<Value> = client.call("book.search", serde_json::json!({ "text": "Rust" })).await?;
    assert_eq!(found[0]["shelf"], 3);
    assert_eq!(LibraryClient::new(client).words().await?, 4);
    Ok(())
}
