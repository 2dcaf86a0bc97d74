//! A toy language server on standard input and output. It warns of words that are written twice, and calls the editor
//! to say so. Without the argument `--stdio`, the program is a toy editor, which starts the server and talks to it.
//!
//! Run with: cargo run --example lsp --features ipc

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rpc::{Context, Framing, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, Serialize)]
struct Document {
    uri: String,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize, Serialize)]
struct Change {
    text: String,
}

#[derive(Deserialize, Serialize)]
struct Position {
    line: usize,
    character: usize,
}

/// What the server does for the editor.
#[rpc::service(rename_all = "camelCase", lenient)]
trait LanguageServer {
    #[rpc(readonly)]
    async fn initialize(&self) -> Value;

    // The order of changes matters, so their notifications run one after another.
    #[rpc(name = "textDocument/didOpen", ordered)]
    async fn did_open(&self, text_document: Document, #[rpc(context)] cx: &Context);
    #[rpc(name = "textDocument/didChange", ordered)]
    async fn did_change(&self, text_document: Document, content_changes: Vec<Change>, #[rpc(context)] cx: &Context);

    #[rpc(name = "textDocument/hover", readonly)]
    async fn hover(&self, text_document: Document, position: Position) -> Value;
}

/// What the editor does for the server.
#[rpc::service(rename_all = "camelCase")]
trait Editor {
    #[rpc(name = "textDocument/publishDiagnostics")]
    async fn publish_diagnostics(&self, uri: String, diagnostics: Vec<Value>);
}

/// The documents that are open, by their addresses.
#[derive(Default)]
struct Documents(Mutex<HashMap<String, String>>);

impl Documents {
    async fn update(&self, uri: String, text: String, cx: &Context) {
        let mut diagnostics = Vec::new();
        for (line, words) in text.lines().enumerate() {
            let words: Vec<&str> = words.split_whitespace().collect();
            for pair in words.windows(2).filter(|pair| pair[0] == pair[1]) {
                diagnostics.push(json!({"line": line, "message": format!("{:?} is written twice", pair[0])}));
            }
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uri.clone(), text);
        // The caller of this notification can be called itself.
        let Ok(editor) = cx.peer::<EditorClient>() else { return };
        if let Err(error) = editor.publish_diagnostics(uri, diagnostics).notify().await {
            eprintln!("the editor was not told: {error}");
        }
    }
}

impl LanguageServer for Documents {
    async fn initialize(&self) -> Value {
        json!({"capabilities": {"textDocumentSync": 1, "hoverProvider": true}})
    }

    async fn did_open(&self, document: Document, cx: &Context) {
        self.update(document.uri, document.text, cx).await;
    }

    async fn did_change(&self, document: Document, changes: Vec<Change>, cx: &Context) {
        let Some(Change { text }) = changes.into_iter().next_back() else { return };
        self.update(document.uri, text, cx).await;
    }

    async fn hover(&self, document: Document, position: Position) -> Value {
        let documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = documents.get(&document.uri).and_then(|text| text.lines().nth(position.line));
        json!({"contents": line.map(|line| format!("{} words", line.split_whitespace().count()))})
    }
}

#[tokio::main]
async fn serve() -> io::Result<()> {
    let server = Server::builder().service(LanguageServerServer::new(Documents::default())).build();
    // Standard output belongs to the protocol. Everything else goes to standard error.
    rpc::stdio(server).framing(Framing::ContentLength).await
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|arg| arg == "--stdio") { Ok(serve()?) } else { edit() }
}

/// Plays an editor.
fn edit() -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut server = command.arg("--stdio").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(mut input), Some(output)) = (server.stdin.take(), server.stdout.take()) else { unreachable!("piped") };
    let mut output = BufReader::new(output);

    send(&mut input, json!({"id": 1, "method": "initialize", "params": {"processId": null, "capabilities": {}}}))?;
    println!("the server can: {}", receive(&mut output)?["result"]["capabilities"]);

    let document = json!({"uri": "file:///note", "languageId": "text", "version": 1, "text": "the the cat"});
    send(&mut input, json!({"method": "textDocument/didOpen", "params": {"textDocument": document}}))?;
    println!("the server warns: {}", receive(&mut output)?["params"]["diagnostics"]);

    let changed = json!({"uri": "file:///note", "version": 2});
    let changes = json!([{"text": "the cat sleeps"}]);
    let params = json!({"textDocument": changed, "contentChanges": changes});
    send(&mut input, json!({"method": "textDocument/didChange", "params": params}))?;
    println!("the server warns: {}", receive(&mut output)?["params"]["diagnostics"]);

    let params = json!({"textDocument": {"uri": "file:///note"}, "position": {"line": 0, "character": 4}});
    send(&mut input, json!({"id": 2, "method": "textDocument/hover", "params": params}))?;
    println!("the line has {}", receive(&mut output)?["result"]["contents"]);

    // The end of its input ends the server.
    drop(input);
    println!("the server has ended: {}", server.wait()?);
    Ok(())
}

fn send(input: &mut impl Write, mut message: Value) -> io::Result<()> {
    message["jsonrpc"] = json!("2.0");
    let text = message.to_string();
    write!(input, "Content-Length: {}\r\n\r\n{text}", text.len())
}

fn receive(output: &mut impl BufRead) -> Result<Value, Box<dyn Error>> {
    let mut head = String::new();
    output.read_line(&mut head)?;
    let len: usize = head.trim().strip_prefix("Content-Length: ").ok_or("the server has ended")?.parse()?;
    output.read_line(&mut head)?;
    let mut text = vec![0; len];
    output.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
